"""What protocols ask of an agent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """An agent, the role that it must play, and what that takes of it."""

    agent: str
    role: str
    logprobs: bool = False
    """Of what it writes."""
    fused: bool = False
    """Token by token, together with other agents."""
    bytewise: bool = False
    """And with the probabilities of all its next tokens in sight."""
    scored: bool = False
    """It scores replies that are given, and writes none."""
