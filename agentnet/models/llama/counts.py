"""What an engine counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What an engine has done so far."""

    requests: int = 0
    prompt_tokens: int = 0
    evaluated_tokens: int = 0
    reused_tokens: int = 0
    steps: int = 0
    decode_seconds: float = 0.0
    """Inside llama.cpp."""
    step_seconds: float = 0.0
    """In steps as a whole: the difference is the overhead."""
    evicted: int = 0
    restored: int = 0
    preempted: int = 0
