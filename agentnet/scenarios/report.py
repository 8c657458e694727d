"""The report of a scenario."""

from __future__ import annotations

from agentnet.contracts.base import WireModel
from agentnet.contracts.events import RunStatus
from agentnet.contracts.usage import Usage


class TaskReport(WireModel):
    """One task: its run, its answer, and whether the answer is right."""

    text: str
    label: str | None
    run: str
    status: RunStatus
    answer: str | None
    detail: str
    expected: str
    right: bool
    took_part: tuple[str, ...]
    usage: Usage


class Check(WireModel):
    """One expectation over the whole scenario."""

    name: str
    wanted: str
    found: str
    held: bool


class ScenarioReport(WireModel):
    """All tasks and all expectations of a finished scenario."""

    scenario: str
    protocol: str
    network: str
    tasks: tuple[TaskReport, ...]
    checks: tuple[Check, ...]
    usage: Usage

    @property
    def held(self) -> bool:
        """Whether every expectation held."""
        return all(check.held for check in self.checks)
