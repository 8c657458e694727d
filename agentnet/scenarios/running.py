"""Running a scenario: each task is one run; then the expectations are checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from agentnet.answers import same
from agentnet.collab.bus import Listener
from agentnet.contracts.bodies import Task
from agentnet.contracts.speakers import speakers
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Outcome
from agentnet.coordinator.coordinator import Answering
from agentnet.scenarios.loading import Scenario
from agentnet.scenarios.report import Check, ScenarioReport, TaskReport
from agentnet.scenarios.spec import Expect, Expectations, ScenarioTask
from agentnet.session import Session

_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


async def run_scenario(
    scenario: Scenario,
    session: Session,
    *,
    seed: int | None = None,
    on_event: Listener | None = None,
    on_task: Callable[[TaskReport], None] | None = None,
    stream_text: bool = False,
    answering: Answering | None = None,
) -> ScenarioReport:
    """Ask every task of a scenario in a session on the scenario's network, and return the report.

    `on_task` receives each task's report as soon as its run ends. Raises the errors of `Session.run`.
    """
    spec = scenario.spec
    reports: list[TaskReport] = []
    for task in spec.tasks:
        outcome = await session.run(
            Task(text=task.text, label=task.label),
            scenario.protocol,
            seed=spec.seed if seed is None else seed,
            limits=spec.limits,
            origin=scenario.origin,
            on_event=on_event,
            stream_text=stream_text,
            answering=answering,
        )
        reports.append(task_report(task, outcome, spec.expectations))
        if on_task:
            on_task(reports[-1])
    return ScenarioReport(
        scenario=spec.name,
        protocol=scenario.protocol.name,
        network=session.network.spec.name,
        tasks=tuple(reports),
        checks=tuple(checks(spec.expectations, reports)),
        usage=sum((report.usage for report in reports), Usage()),
    )


def task_report(task: ScenarioTask, outcome: Outcome, expectations: Expectations) -> TaskReport:
    """Return the report of one run, compared with the task's expectation."""
    if task.expect is None:
        right = outcome.status == expectations.status and outcome.approved is not False
    else:
        right = outcome.answer is not None and meets(task.expect, outcome.answer)
    return TaskReport(
        text=task.text,
        label=task.label,
        run=outcome.run,
        status=outcome.status,
        answer=outcome.answer,
        detail=outcome.detail,
        expected=wording(task.expect) if task.expect else expectations.status,
        right=right,
        took_part=tuple(speakers(outcome.messages, failed=False)),
        usage=outcome.usage,
    )


def meets(expect: Expect, answer: str) -> bool:
    """Return whether an answer meets an expectation."""
    if expect.answer is not None:
        return same(expect.answer, answer)
    if expect.one_of is not None:
        return any(same(choice, answer) for choice in expect.one_of)
    if expect.contains is not None:
        return expect.contains.casefold() in answer.casefold()
    assert expect.within is not None
    number = _NUMBER.search(answer)
    if number is None:
        return False
    return abs(float(number.group().replace(",", "")) - expect.within.value) <= expect.within.tolerance


def wording(expect: Expect) -> str:
    """Return an expectation as a short text."""
    if expect.answer is not None:
        return expect.answer
    if expect.one_of is not None:
        return " or ".join(expect.one_of)
    if expect.contains is not None:
        return f"…{expect.contains}…"
    assert expect.within is not None
    return f"{expect.within.value:g} ± {expect.within.tolerance:g}"


def checks(expectations: Expectations, reports: list[TaskReport]) -> Iterable[Check]:
    """Yield every expectation of the whole scenario, with the actual result."""
    right = sum(report.right for report in reports)
    least = math.ceil(expectations.min_right * len(reports) - 1e-9)
    yield Check(name="right", wanted=f"at least {least}", found=f"{right} of {len(reports)}", held=right >= least)
    ends = list(dict.fromkeys(report.status for report in reports))
    yield Check(name="status", wanted=expectations.status, found=", ".join(ends), held=ends == [expectations.status])
    if expectations.max_calls is not None:
        calls = sum(report.usage.calls for report in reports)
        yield Check(
            name="calls",
            wanted=f"at most {expectations.max_calls}",
            found=str(calls),
            held=calls <= expectations.max_calls,
        )
    if expectations.agents_took_part:
        present = list(dict.fromkeys(name for report in reports for name in report.took_part))
        yield Check(
            name="agents",
            wanted=", ".join(expectations.agents_took_part),
            found=", ".join(present) or "none",
            held=set(expectations.agents_took_part) <= set(present),
        )
