"""Scenarios: files with tasks, a network, a protocol and expected results."""

from agentnet.scenarios.loading import Scenario, find_scenario, shipped_scenarios
from agentnet.scenarios.report import Check, ScenarioReport, TaskReport
from agentnet.scenarios.running import run_scenario
from agentnet.scenarios.spec import Expect, Expectations, ScenarioSpec, ScenarioTask, Within

__all__ = [
    "Check",
    "Expect",
    "Expectations",
    "Scenario",
    "ScenarioReport",
    "ScenarioSpec",
    "ScenarioTask",
    "TaskReport",
    "Within",
    "find_scenario",
    "run_scenario",
    "shipped_scenarios",
]
