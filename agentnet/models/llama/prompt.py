"""From chat messages to the tokens of a prompt, in which no words of a message become a control token."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from agentnet.models.base import ChatMessage
from agentnet.models.llama.control_tokens import ControlTokens, Span
from agentnet.models.llama.template import ChatTemplate
from agentnet.models.llama.vocabulary import Vocabulary


class PromptTokenizer:
    """Renders messages by a chat template and tokenises the result.

    The template's own text holds control tokens, the content of a message never does: whatever a member writes, or a
    user pastes, is read as text. Content is tokenised together with the text around it, as the model was trained on. A
    control token's name in it is cut in two: the parts are tokenised apart, so they spell the name without being it.
    """

    def __init__(self, template: ChatTemplate, vocabulary: Vocabulary) -> None:
        self._template, self._vocabulary = template, vocabulary
        self._known: ControlTokens | None = None

    def tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Return the tokens of a prompt, up to where the reply begins. Raises `ModelError`."""
        rendered = self._template.locate(messages)
        if rendered.words is None:
            # The template rewrites messages; what it makes of their words is safe if no name can begin in them.
            text = self._template.render([self._without_names(message) for message in messages])
            return self._pieces(text, [], [])
        return self._pieces(rendered.text, rendered.words, self._control.cuts(rendered.text, rendered.words))

    @property
    def _control(self) -> ControlTokens:
        if self._known is None:
            self._known = ControlTokens(self._vocabulary, self._template.source)
        return self._known

    def _pieces(self, text: str, words: Sequence[Span], cuts: Sequence[int]) -> list[int]:
        bos = self._vocabulary.bos
        own = len(text) if not words else words[0][0]
        begin = self._vocabulary.adds_bos and not (bos and text.startswith(bos, 0, own))
        tokens: list[int] = []
        for start, end in pairwise([0, *cuts, len(text)]):
            special = not any(first <= start and end <= last for first, last in words)
            tokens += self._vocabulary.tokens(text[start:end], begin=begin and start == 0, special=special)
        return tokens

    def _without_names(self, message: ChatMessage) -> ChatMessage:
        """Return a message with a space behind each character that a control token's name begins with."""
        starts = {ord(start): f"{start} " for start in self._control.starts}
        return {"role": message["role"], "content": message["content"].translate(starts)}
