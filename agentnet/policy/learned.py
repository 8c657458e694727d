"""`Learned`: a policy that is ready for use, with the analyzer that finds the labels of tasks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agentnet.analysis import Analyzer, load
from agentnet.contracts.bodies import Analysis, Task
from agentnet.contracts.policies import Policy


@dataclass(frozen=True, slots=True)
class Learned:
    """A policy and its analyzer; without an analyzer, only tasks with a given label have one."""

    policy: Policy
    analyzer: Analyzer | None = None

    @classmethod
    def of(cls, policy: Policy) -> Learned:
        """Return a policy with its analyzer. Raises `PolicyError` for an analyzer that cannot be read."""
        return cls(policy, load(policy.analyzer) if policy.analyzer is not None else None)

    async def analysis(self, task: Task) -> Analysis | None:
        """Return what is found about a task; None if its label was given, or if there is no analyzer."""
        if task.label is not None or self.analyzer is None:
            return None
        if self.analyzer.embeds:
            return await asyncio.to_thread(self.analyzer.analyze, task.text)
        return self.analyzer.analyze(task.text)
