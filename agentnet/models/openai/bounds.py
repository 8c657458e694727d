"""How much a server may send for one request, how long it may take, and how many tokens it may count.

A server's own numbers are claims. What can be checked against its words is checked, and the rest is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.usage import Usage
from agentnet.models.base import ChatMessage, Request

SPARE = 64 * 1024
"""Bytes, and tokens, that every bound leaves for what is not text: a frame, a hidden prompt, thoughts."""
BYTES_A_TOKEN = 16
EVENT_BYTES = 2048
"""Bytes of one event of a stream, which may carry a single token."""
LOGPROB_BYTES = 512
CHARACTERS_A_TOKEN = 8
"""A lower bound of a text's tokens is one for this many characters: English prose has about one for four."""
ATTEMPTS = 5
"""How many times the `timeout` of an attempt a whole turn may take, unless the spec has a `deadline`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one request."""

    max_tokens: int
    prompt: int
    """Characters of the prompt."""
    logprobs: bool

    @classmethod
    def of(cls, request: Request, spec: OpenAISpec) -> Bounds:
        """Return the bounds of a request. A limit of tokens in the spec's `extra_body` counts where it is higher."""
        own = [spec.extra_body.get(name) for name in ("max_tokens", "max_completion_tokens")]
        most = max([request.sampling.max_tokens, *(number for number in own if type(number) is int)])
        offered = sum(len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
        return cls(most, _characters(request.messages) + offered, request.logprobs)

    @property
    def text(self) -> int:
        """The most bytes of text in a reply."""
        return BYTES_A_TOKEN * self.max_tokens + SPARE

    def body(self, *, streamed: bool) -> int:
        """The most bytes of a response, with all that stands around the text."""
        each = (EVENT_BYTES if streamed else 0) + (LOGPROB_BYTES if self.logprobs else 0)
        return self.text + each * self.max_tokens

    def usage(self, reported: Mapping[str, Any], text: str, seconds: float) -> Usage:
        """Return the usage of one call: for the prompt and for the reply, the larger of the server's count and ours.

        Ours is a lower bound, so that an honest count stands. A count that is no plain number of tokens, or larger than
        the request allows, is none.
        """
        prompt = _counted(reported.get("prompt_tokens"), self.prompt, most=4 * self.prompt + SPARE)
        details = reported.get("prompt_tokens_details")
        reused = details.get("cached_tokens") if isinstance(details, Mapping) else None
        return Usage(
            calls=1,
            prompt_tokens=prompt,
            completion_tokens=_counted(reported.get("completion_tokens"), len(text), most=self.text),
            reused_tokens=min(prompt, _counted(reused, 0, most=prompt)),
            seconds=seconds,
        )


def deadline_of(spec: OpenAISpec) -> float:
    """Return the most seconds of one turn, with every attempt and pause."""
    return spec.deadline if spec.deadline is not None else ATTEMPTS * spec.timeout


def _characters(messages: Sequence[ChatMessage]) -> int:
    return sum(len(message["content"]) for message in messages)


def _counted(reported: object, characters: int, *, most: int) -> int:
    ours = -(-characters // CHARACTERS_A_TOKEN)
    return max(ours, reported) if type(reported) is int and 0 <= reported <= most else ours
