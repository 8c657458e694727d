"""The checkpointed state of a graph: small JSON, ids of messages and counters, never transcripts or classes."""

from __future__ import annotations

from typing import Annotated, TypedDict


def _updated(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    return {**before, **after}


class State(TypedDict, total=False):
    """One expression being carried out. Nested expressions have a state of their own.

    `scope` is the path of the expression, with the rounds of the loops around it; messages said in it are said there.
    """

    scope: str
    task: str
    """Id of the message that states the task."""
    view: list[str]
    """Ids of the messages that the expression may read."""
    round: int
    slot: str
    """Where a dispatched child puts its outcome, if not under its own name."""
    said: Annotated[dict[str, list[str]], _updated]
    """Slot → ids of the latest outcome there. Every round overwrites its slots, so the state does not grow."""
    outcome: list[str]
    """Ids that the expression ends with: usually one answer; several after ``decide: all``; an error if it failed."""
    done: bool
