"""The outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass

from agentnet.contracts.events import RunStatus
from agentnet.contracts.messages import Message, approval
from agentnet.contracts.usage import Usage


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run. `answer` is None unless the run is done; `messages` are in the order of their recording."""

    run: str
    status: RunStatus
    answer: str | None
    detail: str
    usage: Usage
    messages: tuple[Message, ...]
    members: tuple[str, ...] = ()
    """Names of the network's agents, in its order."""

    @property
    def approved(self) -> bool | None:
        """Whether a verifier approved the answer; None where none was asked, or where there is no answer."""
        return None if self.answer is None else approval(self.messages)

    @property
    def held(self) -> bool:
        """Whether there is an answer, and no verifier refused it its approval."""
        return self.answer is not None and self.approved is not False

    def _repr_html_(self) -> str:
        """Return the outcome for notebooks: its messages, the answer, and the usage."""
        from agentnet.rendering.html import as_html

        return as_html(self.messages, self.status, self.answer, self.detail, self.usage, self.members)
