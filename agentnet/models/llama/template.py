"""Chat templates: Jinja text from the GGUF file or the spec, rendered in a sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from agentnet.errors import ModelError, ModelFileError
from agentnet.models.base import ChatMessage
from agentnet.models.llama.chat_environment import chat_environment

_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For files without a template: the format that most instruction-tuned models know."""
_PLACE = "\ue000{}\ue001"
"""Stands for the words of a message, by its number: private letters, which no template trims or looks for."""
_FRAMES = 32
"""Frames that a template remembers; requests have very few sequences of roles."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as text, and where in it the words of each message stand: (start, end), in order.

    `words` is None where the template changed the words in a way that hides where they begin.
    """

    text: str
    words: tuple[tuple[int, int], ...] | None


class ChatTemplate:
    """Turns chat messages into the text that the model was trained on."""

    def __init__(self, text: str | None, *, path: Path, bos: str, eos: str) -> None:
        self._path, self._bos, self._eos = path, bos, eos
        self.source = text or _CHATML
        self._frames: dict[tuple[str, ...], tuple[str, ...] | None] = {}
        """Roles of the messages → the template's own text before, between and behind their words."""
        try:
            self._template = chat_environment().from_string(self.source)
        except (jinja2.TemplateError, RecursionError) as error:
            raise ModelFileError(
                f"{path}: its chat template is not usable ({error}); give one as `chat_template`"
            ) from error

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """Return the prompt text, up to where the reply begins. Raises `ModelError` where the template refuses."""
        try:
            return self._template.render(
                messages=list(messages),
                add_generation_prompt=True,
                bos_token=self._bos,
                eos_token=self._eos,
                tools=None,
            )
        except Exception as error:
            # A template is a foreign program: beside its own refusals it may raise anything.
            raise ModelError(f"{self._path}: its chat template refuses this prompt: {error}") from error

    def locate(self, messages: Sequence[ChatMessage]) -> Rendered:
        """Return the prompt text, as `render` does, and where the words of the messages stand in it.

        The template's own text is known from a prompt with placeholders for the words. A template may trim words, and
        change those of the last message as it likes. Its own text may depend on the day: on a mismatch, it is rendered
        again. Raises `ModelError`.
        """
        text = self.render(messages)
        roles = tuple(message["role"] for message in messages)
        if roles in self._frames and (words := _words(text, self._frames[roles], messages)) is not None:
            return Rendered(text, words)
        if len(self._frames) >= _FRAMES:
            self._frames.clear()
        self._frames[roles] = frame = self._frame(messages)
        return Rendered(text, _words(text, frame, messages))

    def _frame(self, messages: Sequence[ChatMessage]) -> tuple[str, ...] | None:
        """Return the template's own text around the messages' words; None if it does not show each of them once."""
        places = [_PLACE.format(number) for number in range(len(messages))]
        held: list[ChatMessage] = [
            {"role": message["role"], "content": place} for message, place in zip(messages, places, strict=True)
        ]
        try:
            rest = self.render(held)
        except ModelError:
            return None
        frame = []
        for place in places:
            before, found, rest = rest.partition(place)
            if not found:
                return None
            frame.append(before)
        frame.append(rest)
        return None if any(place in part for place in places for part in frame) else tuple(frame)


def _words(
    text: str, frame: Sequence[str] | None, messages: Sequence[ChatMessage]
) -> tuple[tuple[int, int], ...] | None:
    """Return where the words of messages stand in a prompt whose own text is `frame`; None if it is not."""
    if frame is None or not text.startswith(frame[0]) or not text.endswith(frame[-1]):
        return None
    spans: list[tuple[int, int]] = []
    start = len(frame[0])
    for message, after in zip(messages[:-1], frame[1:-1], strict=True):
        kept = (message["content"], message["content"].strip())
        end = next((start + len(words) for words in kept if text.startswith(words + after, start)), None)
        if end is None:
            return None
        spans.append((start, end))
        start = end + len(after)
    end = len(text) - len(frame[-1])
    return (*spans, (start, end)) if start <= end else None
