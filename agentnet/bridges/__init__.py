"""Bridges: a protocol on a network as a model in an evaluation library.

inspect-ai finds `inspect_entry` through its entry point; `harness` starts lm-evaluation-harness. Both libraries are
imported on first use, and no other part of AgentNet needs them.
"""
