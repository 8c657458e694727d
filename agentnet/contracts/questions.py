"""Questions that a run asks a person."""

from __future__ import annotations

from pydantic import Field

from agentnet.contracts.base import WireModel


class Question(WireModel):
    """A turn of a person, as they read it."""

    agent: str = Field(description="the member that is asked")
    role: str
    message: str = Field(description="id of the message that the answer becomes")
    text: str = Field(description="what the person reads")
    choices: tuple[str, ...] = Field(default=(), description="the valid answers; empty: any words")

    def choice_of(self, words: str) -> str | None:
        """Return the choice that is the first word of `words`, in any case; an unambiguous prefix is enough.

        None if the words name no choice.
        """
        first = words.strip().partition(" ")[0].rstrip(".,:;!").casefold()
        if not first:
            return None
        same = [choice for choice in self.choices if choice.casefold() == first]
        close = [choice for choice in self.choices if choice.casefold().startswith(first)]
        return same[0] if same else close[0] if len(close) == 1 else None
