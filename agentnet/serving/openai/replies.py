"""Chat completions as a server sends them: whole, or as the events of a stream."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from agentnet.contracts.events import Likely, WrittenToken
from agentnet.contracts.usage import Usage
from agentnet.models.text import TextStream

LEAST_LOGPROB = -9999.0
"""What stands for the log-probability of what cannot be: JSON has no infinity."""
DONE = b"data: [DONE]\n\n"
FIELDS = {"content": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
"""Where a piece of text belongs → the field that carries it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One reply of a whole completion."""

    finish: str
    content: str | None
    reasoning: str | None = None
    refusal: str | None = None
    tokens: Sequence[WrittenToken] | None = None
    about: Mapping[str, Any] | None = None
    """What is said of the run beside it, where the reply has a run of its own."""


class Replies:
    """What is sent in reply to one request; `model` is the name by which it was asked for, `id` its end."""

    def __init__(self, model: str, id: str = "") -> None:
        self._model = model
        self._id, self._created = f"chatcmpl-{id or secrets.token_hex(12)}", int(time.time())
        self._pieces: dict[tuple[int, str], tuple[bytes, bytes]] = {}
        """What stands before and behind a piece of text in its event, by its choice and channel."""

    def whole(self, choices: Sequence[Choice], usage: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a whole reply. What is said of the first run stands beside the choices."""
        several = len(choices) > 1
        each = (_whole(index, choice, about=several) for index, choice in enumerate(choices))
        body, about = self._body("chat.completion", *each), choices[0].about
        return body | {"usage": usage} | ({} if about is None else {"agentnet": about})

    def piece(self, text: str, *, first: bool, index: int = 0, channel: str = "content") -> bytes:
        """Return the event of a piece of text."""
        if first:
            return self._piece(text, {"role": "assistant"}, index, channel)
        frame = self._pieces.get((index, channel))
        if frame is None:
            field = f'"{FIELDS[channel]}":'.encode()
            before, _, behind = self._piece("", {}, index, channel).partition(field + b'""')
            frame = self._pieces[index, channel] = before + field, behind
        return frame[0] + json.dumps(text, ensure_ascii=False).encode() + frame[1]

    def _piece(self, text: str, delta: Mapping[str, str], index: int, channel: str) -> bytes:
        delta = {**delta, FIELDS[channel]: text}
        return self._chunk({"index": index, "delta": delta, "logprobs": None, "finish_reason": None})

    def end(
        self,
        finish: str,
        tokens: Sequence[WrittenToken] | None,
        *,
        first: bool = False,
        index: int = 0,
        about: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the event that ends a choice: why it ended, all log-probabilities, if they were asked for, and what
        is said of its run."""
        delta = {"role": "assistant", "content": ""} if first else {}
        choice = {"index": index, "delta": delta, "logprobs": logprobs_data(tokens), "finish_reason": finish}
        return self._chunk(choice, {} if about is None else {"agentnet": about})

    def last(self, usage: Mapping[str, Any] | None) -> bytes:
        """Return the last events: the usage, if it is asked for, and the end."""
        if usage is None:
            return DONE
        return _event(self._body("chat.completion.chunk") | {"usage": usage}) + DONE

    def _chunk(self, choice: Mapping[str, Any], extra: Mapping[str, Any] = MappingProxyType({})) -> bytes:
        return _event({**self._body("chat.completion.chunk", choice), **extra})

    def _body(self, kind: str, *choices: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "choices": list(choices),
        }


def failure_event(data: Mapping[str, Any]) -> bytes:
    """Return the event that ends a stream with an error."""
    return _event(data)


def usage_data(usage: Usage, *, reasoning: int | None = None) -> dict[str, Any]:
    """Return a usage as OpenAI's API counts it; `reasoning` are the tokens of it that led to the reply."""
    data: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.tokens,
        "prompt_tokens_details": {"cached_tokens": usage.reused_tokens},
    }
    return data if reasoning is None else data | {"completion_tokens_details": {"reasoning_tokens": reasoning}}


def logprobs_data(tokens: Sequence[WrittenToken] | None) -> dict[str, Any] | None:
    """Return what is told of a reply's tokens. One that ends the reply is among them, as an empty text."""
    if tokens is None:
        return None
    content = [_token(token) | {"top_logprobs": list(map(_token, token.likeliest))} for token in tokens]
    return {"content": content, "refusal": None}


def _token(token: WrittenToken | Likely) -> dict[str, Any]:
    text = "" if token.bytes is None else TextStream().feed(bytes(token.bytes), final=True)
    logprob = min(0.0, max(LEAST_LOGPROB, token.logprob))
    return {"token": text, "bytes": None if token.bytes is None else list(token.bytes), "logprob": logprob}


def _whole(index: int, choice: Choice, *, about: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.content, "refusal": choice.refusal}
    if choice.reasoning is not None:
        message["reasoning_content"] = choice.reasoning
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs_data(choice.tokens),
        "finish_reason": choice.finish,
    } | ({"agentnet": choice.about} if about else {})


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
