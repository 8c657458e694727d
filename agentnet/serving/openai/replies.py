"""Chat completions as a server sends them: whole, or as the events of a stream."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from agentnet.contracts.usage import Usage
from agentnet.models.base import Completion
from agentnet.models.text import TextStream

LEAST_LOGPROB = -9999.0
"""What stands for the log-probability of what cannot be: JSON has no infinity."""
DONE = b"data: [DONE]\n\n"


class Replies:
    """What is sent in reply to one request; `model` is the name by which it was asked for."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._id, self._created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())

    def whole(self, completion: Completion) -> dict[str, Any]:
        """Return the body of a whole reply."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": completion.text, "refusal": None},
            "logprobs": _logprobs(completion),
            "finish_reason": completion.finish,
        }
        return self._body("chat.completion", choice) | {"usage": usage_data(completion.usage)}

    def piece(self, text: str, *, first: bool) -> bytes:
        """Return the event of a piece of text."""
        delta = {"role": "assistant", "content": text} if first else {"content": text}
        return self._event({"index": 0, "delta": delta, "logprobs": None, "finish_reason": None})

    def end(self, completion: Completion, *, usage: bool) -> bytes:
        """Return the last events: why the text ends, all log-probabilities, and, if asked for, the usage."""
        choice = {"index": 0, "delta": {}, "logprobs": _logprobs(completion), "finish_reason": completion.finish}
        last = self._event(choice)
        if usage:
            last += _event(self._body("chat.completion.chunk") | {"usage": usage_data(completion.usage)})
        return last + DONE

    def _event(self, choice: Mapping[str, Any]) -> bytes:
        return _event(self._body("chat.completion.chunk", choice))

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


def usage_data(usage: Usage) -> dict[str, Any]:
    """Return a usage as OpenAI's API counts it."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.tokens,
        "prompt_tokens_details": {"cached_tokens": usage.reused_tokens},
    }


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _logprobs(completion: Completion) -> dict[str, Any] | None:
    """Return what a completion says of its tokens. One that ends the reply is among them, as an empty text."""
    if completion.logprobs is None:
        return None
    if completion.tokens is None:  # the model is behind a server, which names no tokens
        return {"content": [{"token": "", "bytes": None, "logprob": _number(it)} for it in completion.logprobs]}
    content = [
        _token(token.piece, logprob) | {"top_logprobs": [_token(*likely) for likely in token.likeliest]}
        for token, logprob in zip(completion.tokens, completion.logprobs, strict=True)
    ]
    return {"content": content, "refusal": None}


def _token(piece: bytes, logprob: float) -> dict[str, Any]:
    return {"token": TextStream().feed(piece, final=True), "bytes": list(piece), "logprob": _number(logprob)}


def _number(logprob: float) -> float:
    return min(0.0, max(LEAST_LOGPROB, logprob))
