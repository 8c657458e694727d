"""What a run comes to."""

from __future__ import annotations

from dataclasses import dataclass

from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import Message
from agentnet.contracts.usage import Usage


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `answer` is None unless it is done; `messages` are in the order in which they were recorded."""

    run: str
    status: RunStatus
    answer: str | None
    detail: str
    usage: Usage
    messages: tuple[Message, ...]
    members: tuple[str, ...] = ()
    """Names of the network's agents, in its order."""

    def _repr_html_(self) -> str:
        """Return what notebooks show of an outcome: its messages, the answer, and what it took."""
        from agentnet.rendering.html import as_html

        return as_html(self.messages, self.status, self.answer, self.detail, self.usage, self.members)
