"""Plans: a directed acyclic graph or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agentnet.contracts.base import first_problem
from agentnet.contracts.bodies import Plan, Step


def step(id: int, *needs: int) -> Step:
    return Step(id=id, label="math", ask="?", needs=needs)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "steps"),
        ([step(1), step(1)], "two steps have the same id"),
        ([step(1, 7)], "step 1 needs step 7, which does not exist"),
        ([step(1, 1)], "the steps 1 wait for each other in a cycle"),
        ([step(1, 3), step(2), step(3, 1)], "the steps 1, 3 wait for each other in a cycle"),
        ([step(1), step(2, 1, 3), step(3, 2), step(4, 3)], "the steps 2, 3, 4 wait for each other in a cycle"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(steps: list[Step], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Plan(steps=tuple(steps))
    assert problem in first_problem(caught.value)


@pytest.mark.parametrize("change", [{"id": 0}, {"ask": ""}, {"label": 3}, {"needs": ("1",)}])
def test_a_step_is_strict(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Step(**{"id": 1, "label": "math", "ask": "?", **change})


@given(st.permutations(range(1, 8)), st.data())
def test_every_order_without_a_cycle_is_a_plan(order: list[int], data: st.DataObject) -> None:
    steps = [
        step(id, *sorted(data.draw(st.sets(st.sampled_from(order[:place]))))) if place else step(id)
        for place, id in enumerate(order)
    ]
    shuffled = data.draw(st.permutations(steps))
    assert Plan(steps=tuple(shuffled)).steps == tuple(shuffled)
