"""When an answer is what a scenario expects."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agentnet.contracts.usage import Usage
from agentnet.scenarios import Expect, Expectations, TaskReport
from agentnet.scenarios.running import checks, meets


@pytest.mark.parametrize(
    ("expect", "answer", "met"),
    [
        ({"answer": "1416"}, "1,416.0", True),
        ({"answer": 632}, "632.", True),
        ({"answer": 632}, "633", False),
        ({"answer": True}, "yes", True),
        ({"one_of": ["seven", 7]}, "7", True),
        ({"one_of": ["seven", 7]}, "8", False),
        ({"contains": "lima"}, "It is Lima.", True),
        ({"contains": "lima"}, "Quito", False),
        ({"within": {"value": 96, "tolerance": 0.5}}, "96 hours", True),
        ({"within": {"value": 96, "tolerance": 0.5}}, "about 1,096 hours", False),
        ({"within": {"value": -2}}, "-2", True),
        ({"within": {"value": 96}}, "many", False),
    ],
)
def test_meets(expect: dict[str, object], answer: str, met: bool) -> None:
    assert meets(Expect.model_validate(expect), answer) is met


@pytest.mark.parametrize("expect", [{}, {"answer": "1", "contains": "1"}])
def test_an_expectation_is_of_one_kind(expect: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected one of"):
        Expect.model_validate(expect)


def _report(right: bool, calls: int, took_part: tuple[str, ...] = ("ann",)) -> TaskReport:
    return TaskReport(
        text="?",
        label=None,
        run="r",
        status="done",
        answer="1",
        detail="",
        expected="1",
        right=right,
        took_part=took_part,
        usage=Usage(calls=calls),
    )


def test_checks_name_what_did_not_hold() -> None:
    wanted = Expectations(min_right=0.75, max_calls=3, agents_took_part=("ann", "bob"), status="done")
    reports = [_report(True, 2), _report(False, 2, ("bob",))]
    held = {check.name: check.held for check in checks(wanted, reports)}
    assert held == {"right": False, "status": True, "calls": False, "agents": True}


def test_half_right_is_enough_where_half_is_asked_for() -> None:
    held = [check.held for check in checks(Expectations(min_right=0.5), [_report(True, 1), _report(False, 1)])]
    assert all(held)
