"""What a run asks a person, and waits for."""

from __future__ import annotations

from pydantic import Field

from agentnet.contracts.base import WireModel


class Question(WireModel):
    """A turn of a person, as it is put to them."""

    agent: str = Field(description="the member that is asked")
    role: str
    message: str = Field(description="id of the message that the answer becomes")
    text: str = Field(description="what the person reads")
    choices: tuple[str, ...] = Field(default=(), description="the answers that count; empty: any words")

    def choice_of(self, words: str) -> str | None:
        """The choice that some words begin with, in any case; a beginning of one word is enough where it is clear.

        None where the words name no choice.
        """
        first = words.strip().partition(" ")[0].rstrip(".,:;!").casefold()
        if not first:
            return None
        same = [choice for choice in self.choices if choice.casefold() == first]
        close = [choice for choice in self.choices if choice.casefold().startswith(first)]
        return same[0] if same else close[0] if len(close) == 1 else None
