"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # speed lives in benchmarks/
settings.load_profile("untimed")
