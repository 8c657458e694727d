"""Whether a task needs splitting at all, by the agents' cards, and whether a plan is one for the task."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agentnet.answers import same
from agentnet.contracts.bodies import REFERENCE, Error, Plan, Step, Task
from agentnet.contracts.cards import Card

PLANS = "plan:"
"""Before a label on a card: measured at planning such tasks, not at answering them."""

_WORD = re.compile(r"[^\W\d_]{5,}")
_NUMBER = re.compile(r"\d+")


def undivided(task: Task, planner: Card, workers: Iterable[Card]) -> Plan | None:
    """Return the plan of one step, the task itself, for a kind of task that a worker knows and the planner does not.

    Only measurements decide: the planner's card must have some at planning, but none at planning tasks of this label,
    and a worker's card one at answering them. Otherwise, and without a label, None: the planner is to plan.
    """
    planned = [label for label in planner.measured if label.startswith(PLANS)]
    if task.label is None or not planned or f"{PLANS}{task.label}" in planned:
        return None
    if not any(task.label in card.measured for card in workers):
        return None
    return Plan(steps=(Step(id=1, label=task.label, ask=task.text),))


def fitted(plan: Plan, task: Task) -> Plan | Error:
    """Return what a plan comes down to for its task: itself, a single step of it, or an `Error` that says why not.

    A step that asks the task itself answers it: there was nothing to split, and the plan comes down to that step. A
    plan in which not one number of the task appears, and not one of its words of five letters or more, is a plan for
    something else. A task without numbers is not judged so: a planner may say it in other words.
    """
    for step in plan.steps:
        if same(step.ask, task.text):
            return Plan(steps=(Step(id=1, label=step.label, ask=step.ask),))
    asks = " ".join(REFERENCE.sub("", step.ask) for step in plan.steps)
    numbers = _NUMBER.findall(task.text)
    if numbers and not set(numbers) & set(_NUMBER.findall(asks)) and not _words(task.text) & _words(asks):
        return Error(
            code="no-plan",
            detail=f"the plan is for something else: it has none of the task's numbers ({', '.join(numbers[:4])}) and "
            f"none of its words; say with a label what kind of task it is, or ask one agent",
        )
    return plan


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
