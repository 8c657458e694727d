"""Bridges: a protocol on a network as the model that an evaluation library asks.

inspect-ai finds `inspect_entry` through its entry point; lm-evaluation-harness is started through `harness`. Neither
library is imported before it is used, and neither is needed by anything else here.
"""
