"""Replies of an OpenAI-compatible server, whole or streamed: assembled and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from agentnet.contracts.usage import Usage
from agentnet.errors import BadResponse
from agentnet.models.base import Completion
from agentnet.models.openai.errors import CHECK_URL, quoted


class _Logprob(BaseModel):
    logprob: float


class _Logprobs(BaseModel):
    content: list[_Logprob] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Body(BaseModel):
    """A whole reply, or one event of a stream. Fields that are not used are ignored."""

    choices: list[_Choice] = []
    usage: Any = None


class Reply:
    """A reply that is assembled from one body, or from the bodies of a stream."""

    def __init__(self, where: str, *, streamed: bool) -> None:
        self._where, self._streamed = where, streamed
        self._texts: list[str] = []
        self._finish: str | None = None
        self._refusal = ""
        self._logprobs: list[float] | None = None
        self._usage: Mapping[str, Any] = {}
        self._bodies = 0

    def add(self, data: object) -> str:
        """Add a body, and return its text. Raises `BadResponse` for anything but a completion."""
        try:
            body = _Body.model_validate_json(data) if isinstance(data, str) else _Body.model_validate(data)
        except ValidationError:
            raise self._bad(f"sent something that is not a completion, {quoted(data)}", CHECK_URL) from None
        self._bodies += 1
        if isinstance(body.usage, Mapping):
            self._usage = body.usage
        if not body.choices:
            if self._streamed:
                return ""
            raise self._bad(f"sent a completion without choices, {quoted(data)}", CHECK_URL)
        choice = body.choices[0]
        self._finish = choice.finish_reason or self._finish
        message = (choice.delta if self._streamed else choice.message) or _Message()
        self._refusal += message.refusal or ""
        if choice.logprobs is not None and choice.logprobs.content is not None:
            self._logprobs = (self._logprobs or []) + [token.logprob for token in choice.logprobs.content]
        if message.content is not None:
            self._texts.append(message.content)
        return message.content or ""

    def completion(self, seconds: float) -> Completion:
        """Return the whole reply. Raises `BadResponse` if it has no text, was cut off, or was withheld."""
        if self._refusal or self._finish == "content_filter":
            raise self._bad(f"withholds the reply ({self._refusal or 'content filter'})", "rephrase the question")
        if self._streamed and not self._bodies:
            raise self._bad("sent an empty stream", f"{CHECK_URL}, or the prompt is too long for the model")
        if self._streamed and self._finish is None:
            hint = "try again, and see the server's log" if self._texts else "the prompt may be too long for the model"
            raise self._bad("ended a streamed reply before it was finished", hint)
        if not self._texts and self._finish == "length":
            raise self._bad("used up max_tokens before any text", "raise max_tokens")
        if not self._texts and not self._streamed:
            raise self._bad(f"sent no text (finish reason {self._finish})", "check that it is a chat model")
        finish: Literal["stop", "length"] = "length" if self._finish in ("length", "max_tokens") else "stop"
        usage = usage_of(self._usage, seconds)
        logprobs = None if self._logprobs is None else tuple(self._logprobs)
        return Completion("".join(self._texts), finish, usage, logprobs)

    def _bad(self, what: str, hint: str) -> BadResponse:
        return BadResponse(f"{self._where} {what}; {hint}")


def usage_of(reported: Mapping[str, Any], seconds: float) -> Usage:
    """Return the usage of one call, as far as the server reports it."""
    details = reported.get("prompt_tokens_details")
    return Usage(
        calls=1,
        prompt_tokens=_count(reported.get("prompt_tokens")),
        completion_tokens=_count(reported.get("completion_tokens")),
        reused_tokens=_count(details.get("cached_tokens")) if isinstance(details, Mapping) else 0,
        seconds=seconds,
    )


def _count(value: object) -> int:
    """A number of tokens; 0 if the server does not report it."""
    return value if isinstance(value, int) and value >= 0 else 0
