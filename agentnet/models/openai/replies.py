"""Replies of an OpenAI-compatible server, whole or streamed: assembled, checked and bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from agentnet.errors import BadResponse
from agentnet.models.base import Completion, FunctionCall
from agentnet.models.openai.bounds import Bounds
from agentnet.models.openai.errors import CHECK_URL, quoted
from agentnet.models.openai.words import logprobs_of, unicode_text
from agentnet.redaction import unfinished, without_known


class _Function(BaseModel):
    name: str
    arguments: str = ""


class _ToolCall(BaseModel):
    function: _Function


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(BaseModel):
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Body(BaseModel):
    """A whole reply, or one event of a stream. Fields that are not used are ignored."""

    choices: list[_Choice] = []
    usage: Any = None


class Reply:
    """A reply that is assembled from one body, or from the bodies of a stream.

    `secrets` are those that the server knows: in a stream, what may be the beginning of one waits for the rest.
    """

    def __init__(
        self,
        where: str,
        bounds: Bounds,
        *,
        streamed: bool = False,
        secrets: Sequence[str] = (),
        calls: bool = False,
    ) -> None:
        """Assemble a reply. With `calls`, tools were offered: a whole reply may consist of calls alone."""
        self._where, self._bounds, self._streamed, self._secrets = where, bounds, streamed, secrets
        self._may_call = calls
        self._calls: list[FunctionCall] = []
        self._texts: list[str] = []
        self._bytes = 0
        self._held = ""
        self._finish: str | None = None
        self._refusal = ""
        self._logprobs: list[float] | None = None
        self._gives_logprobs = True
        """Whether every log-probability so far was one."""
        self._usage: Mapping[str, Any] = {}
        self._bodies = 0

    def add(self, data: object) -> str:
        """Add a body, and return its text. Raises `BadResponse` for anything but a completion, and for too much."""
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
        self._refusal += unicode_text(message.refusal or "")
        if isinstance(choice.logprobs, Mapping) and choice.logprobs.get("content") is not None:
            self._add_logprobs(choice.logprobs["content"])
        if self._may_call:
            self._add_calls(message.tool_calls or ())
        if message.content is None:
            return ""
        text = unicode_text(message.content)
        self._bytes += len(text.encode())
        if self._bytes > self._bounds.text:
            raise self._bad(
                f"sent more than {self._bounds.text} bytes of text for max_tokens {self._bounds.max_tokens}", CHECK_URL
            )
        text = without_known(self._held + text)
        waits = unfinished(text, self._secrets) if self._streamed else 0
        self._held = text[len(text) - waits :]
        return self._said(text[: len(text) - waits])

    def rest(self) -> str:
        """Return the end of a streamed text, which had to wait for more."""
        held, self._held = self._held, ""
        return self._said(held)

    def _said(self, text: str) -> str:
        self._texts.append(text)
        return text

    def completion(self, seconds: float) -> Completion:
        """Return the whole reply. Raises `BadResponse` if it has no text, was cut off, or was withheld."""
        if self._refusal or self._finish == "content_filter":
            why = quoted(self._refusal) if self._refusal else "content filter"
            raise self._bad(f"withholds the reply ({why})", "rephrase the question")
        if self._streamed and not self._bodies:
            raise self._bad("sent an empty stream", f"{CHECK_URL}, or the prompt is too long for the model")
        if self._streamed and self._finish is None:
            hint = "try again, and see the server's log" if self._texts else "the prompt may be too long for the model"
            raise self._bad("ended a streamed reply before it was finished", hint)
        if not self._texts and not self._calls and self._finish == "length":
            raise self._bad("used up max_tokens before any text", "raise max_tokens")
        if not self._texts and not self._streamed and not self._calls:
            finish = quoted(self._finish) if self._finish else "none"
            raise self._bad(f"sent no text (finish reason {finish})", "check that it is a chat model")
        ended: Literal["stop", "length"] = "length" if self._finish in ("length", "max_tokens") else "stop"
        text = "".join(self._texts)
        logprobs = None if self._logprobs is None else tuple(self._logprobs)
        written = text + "".join(call.name + call.arguments for call in self._calls)
        usage = self._bounds.usage(self._usage, written, seconds)
        return Completion(text, ended, usage, logprobs, calls=tuple(self._calls))

    def _add_calls(self, calls: Iterable[_ToolCall]) -> None:
        for call in calls:
            name, arguments = unicode_text(call.function.name), unicode_text(call.function.arguments)
            self._bytes += len(name.encode()) + len(arguments.encode())
            if self._bytes > self._bounds.text:
                raise self._bad(f"sent calls of more than {self._bounds.text} bytes", CHECK_URL)
            self._calls.append(FunctionCall(without_known(name), without_known(arguments)))

    def _add_logprobs(self, content: object) -> None:
        found = logprobs_of(content)
        if found is None:
            self._gives_logprobs, self._logprobs = False, None
        elif self._gives_logprobs:
            self._logprobs = self._logprobs or []
            self._logprobs += found

    def _bad(self, what: str, hint: str) -> BadResponse:
        return BadResponse(f"{self._where} {what}; {hint}")
