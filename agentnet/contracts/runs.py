"""What the store remembers of a run beside its messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import AliasChoices, Field

from agentnet.contracts.base import WireModel
from agentnet.contracts.bodies import Task
from agentnet.contracts.events import RunStatus
from agentnet.contracts.limits import Limits
from agentnet.contracts.network import NetworkSpec

OVER: tuple[RunStatus, ...] = ("done", "failed")
"""The statuses of runs that ended for good. All others can be resumed."""


class Origin(WireModel):
    """Where protocol, network and scenario of a run were read from, so that `resume` finds them again."""

    protocol: str | None = None
    network: str | None = None
    scenario: str | None = None


class RunRecord(WireModel):
    """Everything needed to show a run, and to refuse to resume it as something else."""

    id: str
    task: Task
    protocol_name: str
    protocol: dict[str, Any]
    """The protocol as it was bound to the network: plain data."""
    network: NetworkSpec
    fingerprint: str = Field(validation_alias=AliasChoices("fingerprint", "signature"))
    """Digest of what must not change between interruption and resumption."""
    seed: int
    limits: Limits
    status: RunStatus
    answer: str | None = None
    detail: str = ""
    created: datetime
    updated: datetime
    protocol_source: str | None = None
    """File that the protocol was read from, or the name of a shipped one."""
    network_source: str | None = None
    scenario_source: str | None = None
