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

    def _repr_html_(self) -> str:
        """How notebooks show an outcome: who said what, the answer, and what it took."""
        from agentnet.coordinator.shown import as_html

        return as_html(self)
