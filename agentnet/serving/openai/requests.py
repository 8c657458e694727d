"""Requests for chat completions: read, checked, and turned into requests of a model.

A field that would change the reply and that no model here can follow is refused by its name; further fields that change
nothing (``user``, ``metadata``) are ignored. Beyond OpenAI's API, ``top_k`` and ``min_p`` are understood, and two kinds
of ``response_format``: ``{"type": "regex", "regex": …}`` and ``{"type": "lark", "lark": …}``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentnet.contracts.base import first_problem, shown
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import ChatMessage, Request
from agentnet.serving.app import Problem

MOST_MESSAGES = 4096
MOST_ALTERNATIVES = 20
MOST_TOKENS = 1_000_000
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "audio": (),
    "echo": (False,),
    "web_search_options": (),
}
"""Fields that no model here follows → the values that ask for nothing."""


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]

    def chat(self) -> ChatMessage:
        content = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return ChatMessage(role="system" if self.role == "developer" else self.role, content=content)


Messages = Annotated[list[_Message], Field(min_length=1, max_length=MOST_MESSAGES)]
"""The messages of a request."""


def chat_messages(messages: list[_Message]) -> tuple[ChatMessage, ...]:
    """Return messages as models get them."""
    return tuple(message.chat() for message in messages)


class _Schema(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    value: dict[str, Any] = Field(alias="schema")


class _Format(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    type: Literal["text", "json_object", "json_schema", "regex", "lark"]
    json_schema: _Schema | None = None
    own_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    regex: str | None = None
    lark: str | None = None

    def form(self) -> dict[str, Any]:
        """Return the form to which the reply is held, as fields of a `Request`."""
        match self.type:
            case "json_schema":
                if self.json_schema is None:
                    raise Problem(
                        400, "response_format: json_schema is missing", "bad-request", param="response_format"
                    )
                return {"schema": self.json_schema.value}
            case "json_object":
                return {"schema": self.own_schema or {"type": "object"}}
            case "regex" | "lark":
                text = getattr(self, self.type)
                if not text:
                    raise Problem(
                        400, f"response_format: {self.type} is missing", "bad-request", param="response_format"
                    )
                return {self.type: text}
        return {}


class _StreamOptions(BaseModel):
    include_usage: bool = False


_Share = Annotated[float, Field(ge=0, le=1)]


class ChatBody(BaseModel):
    """The body of a request for a chat completion."""

    model: str
    messages: Messages
    max_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=100)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    min_p: _Share | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MOST_ALTERNATIVES)
    response_format: _Format | None = None

    @classmethod
    def read(cls, data: dict[str, Any]) -> ChatBody:
        """Return the body of plain data. Raises `Problem`, which names the field."""
        for name, neutral in _UNSUPPORTED.items():
            if data.get(name) is not None and data[name] not in neutral:
                raise Problem(400, f"{name} is not supported: leave it out", "unsupported", param=name)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            field = str(error.errors(include_url=False)[0]["loc"][0])
            raise Problem(400, first_problem(error), "bad-request", param=shown(field, 64)) from None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def request(self, own: Sampling) -> Request:
        """Return the request of a model whose own sampling is `own`: it counts where the body names no temperature."""
        return Request(
            messages=chat_messages(self.messages),
            sampling=self._sampling(own),
            logprobs=bool(self.logprobs),
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else 0,
            **(self.response_format.form() if self.response_format is not None else {}),
        )

    def _sampling(self, own: Sampling) -> Sampling:
        base = own if self.temperature is None else Sampling(max_tokens=own.max_tokens)
        stop = (self.stop,) if isinstance(self.stop, str) else self.stop
        given = {
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "seed": None if self.seed is None else self.seed % 2**32,
            "stop": None if stop is None else tuple(filter(None, stop)),
        }
        return base.model_copy(update={name: value for name, value in given.items() if value is not None})
