"""The stored record of a run, apart from its messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import AliasChoices, Field

from agentnet.contracts.base import WireModel
from agentnet.contracts.bodies import Task
from agentnet.contracts.events import RunStatus
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.serving import Served

OVER: tuple[RunStatus, ...] = ("done", "failed")
"""The final statuses. Runs with any other status can be resumed."""


class Origin(WireModel):
    """The sources of a run's protocol, network and scenario; `resume` reads them again."""

    protocol: str | None = None
    network: str | None = None
    scenario: str | None = None


class ForkedFrom(WireModel):
    """What a run began with: what another run had said, up to and including a message."""

    run: str
    message: str = Field(description="id of the last message that it began with, as the other run has it")
    copied: int = Field(ge=0, description="how many messages it has of the other run: they follow its task")


class RunRecord(WireModel):
    """The data needed to show a run, and to resume it only with the same protocol and agents."""

    id: str
    task: Task
    protocol_name: str
    protocol: dict[str, Any]
    """The bound protocol, its agents, and which roles they were selected for, as plain data."""
    network: NetworkSpec
    probation: tuple[str, ...] = ()
    """Members that were on probation when it began."""
    fingerprint: str = Field(validation_alias=AliasChoices("fingerprint", "signature"))
    """Digest of the parts that must not change before the run is resumed."""
    seed: int
    limits: Limits
    """Those that it was resumed with last, or else began with."""
    status: RunStatus
    answer: str | None = None
    detail: str = ""
    created: datetime
    updated: datetime
    protocol_source: str | None = None
    """The protocol's file, or the name of a shipped protocol."""
    network_source: str | None = None
    scenario_source: str | None = None
    replies: ReplyOptions | None = None
    """What the caller asked of its replies; a resumed run keeps it."""
    served: Served | None = None
    """How it was asked for over a server; None for runs of this machine's own programs."""
    forked_from: ForkedFrom | None = None
    outcome: bool | None = None
    """Whether a user said that its answer was right, or wrong; None where no user said."""

    def has_copied(self, message: Message) -> bool:
        """Return whether a message of the run was said in the run that it was forked from."""
        return self.forked_from is not None and 0 < message.sequence <= self.forked_from.copied
