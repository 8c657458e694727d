"""What an engine has done so far, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineStats:
    """Sums since the engine was opened."""

    requests: int = 0
    prompt_tokens: int = 0
    """Tokens of all prompts."""
    evaluated_tokens: int = 0
    """Tokens that went through the model: of prompts, without those that were reused, and of replies."""
    reused_tokens: int = 0
    """Tokens of prompts that the cache held already."""
    forced_tokens: int = 0
    """Tokens of replies that a grammar left no choice about: they were not drawn."""
    steps: int = 0
    decode_seconds: float = 0.0
    """Inside llama.cpp."""
    step_seconds: float = 0.0
    """In steps as a whole: the difference is the overhead."""
    evicted: int = 0
    """Idle sequences that had to leave the KV cache."""
    restored: int = 0
    """Sequences that were copied back from the host cache."""
    preempted: int = 0
    """Requests sent back to the queue, and sequences taken from sessions, for want of room."""
