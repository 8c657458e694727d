"""The same debate in several frameworks: three agents, three rounds, a model that answers at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

AGENTS = ("ada", "ben", "cyd")
ROUNDS = 3
TURNS = len(AGENTS) * ROUNDS
TASK = "What is 17 × 23?"
REPLY = "17 × 23 = 391\nAnswer: 391"
ANSWER = "391"

Debate = Callable[[int], Awaitable[str]]
"""Carries out one debate (numbered, for its id) and returns the final answer."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to run the debate. `open` prepares everything that is prepared once, in an empty folder of its own."""

    name: str
    durable: bool
    open: Callable[[Path], AbstractAsyncContextManager[Debate]]


__all__ = ["AGENTS", "ANSWER", "REPLY", "ROUNDS", "TASK", "TURNS", "AsyncIterator", "Contestant", "Debate"]
