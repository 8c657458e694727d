"""The checkpointed state of a graph: small JSON, ids of messages and counters, never transcripts or classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict


def _updated(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    return {**before, **after}


class State(TypedDict, total=False):
    """The state of one expression in a run. Nested expressions have a state of their own.

    `scope` is the path of the expression, with the rounds of the loops around it: the node paths of its messages begin
    with it. Raise `LAYOUT` in `agentnet.coordinator.compiled` with every change here.
    """

    scope: str
    task: str
    """Id of the message that states the task."""
    visible: list[str]
    """Ids of the messages that the expression may read."""
    round: int
    branch: str
    """The name under which a dispatched child puts its outputs, where that is not its node's."""
    outputs: Annotated[dict[str, list[str]], _updated]
    """Node or branch → ids of what it ended with last. Every round overwrites them, so the state does not grow."""
    answers: Annotated[dict[str, list[str]], _updated]
    """Node → ids of the last of its outputs that held an answer, for a loop that needs them later."""
    history: list[str]
    """Ids of what a loop has to read again in each round."""
    outcome: list[str]
    """Ids that the expression ends with: usually one answer; several after ``decide: all``; an error if it failed."""
    done: bool


def initial_state(scope: str, task: str, visible: Sequence[str] = ()) -> State:
    """Return the state in which an expression begins: `task` and `visible` are ids of messages."""
    return {"scope": scope, "task": task, "visible": list(visible), "outputs": {}, "round": 0}
