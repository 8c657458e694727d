"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Tests write their own model files: to load each in a process of its own first would take longer than all the rest.
os.environ["AGENTNET_TRIAL"] = "off"

settings.register_profile("untimed", deadline=None)  # speed lives in benchmarks/
settings.load_profile("untimed")
