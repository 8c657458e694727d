"""Requests for chat completions: read, checked, and turned into what models, or runs of a network, are asked.

A field that would change the reply and that nothing here follows is refused by its name, and so is one that is not
known; fields that change nothing (``user``, ``metadata``) are ignored. Beyond OpenAI's API, ``top_k`` and ``min_p``
are understood, two kinds of ``response_format`` (``{"type": "regex", "regex": …}`` and ``{"type": "lark", "lark":
…}``), and ``agentnet``, an object of `Extras`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agentnet.contracts.base import FileModel, first_problem, shown
from agentnet.contracts.cards import Label
from agentnet.contracts.conversation import Conversation, Utterance
from agentnet.contracts.formats import Format
from agentnet.contracts.limits import Limits
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.sampling import Sampling
from agentnet.errors import SchemaUnsupported
from agentnet.models.base import ChatMessage, Request
from agentnet.serving.app import Problem

IDEMPOTENCY = "idempotency-key"
"""The header that makes one request of all that carry it."""
MOST_MESSAGES = 4096
MOST_ALTERNATIVES = 20
MOST_TOKENS = 1_000_000
MOST_CHOICES = 16
"""The most runs of one request (`n`)."""
MOST_STOPS, LONGEST_STOP = 64, 1024
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "audio": (),
    "echo": (False,),
    "suffix": (),
    "web_search_options": (),
    "reasoning_effort": ("none",),
    "verbosity": ("medium",),
}
"""Fields that nothing here follows → the values that ask for nothing."""
HARMLESS = frozenset(
    {
        *("user", "metadata", "store", "service_tier", "safety_identifier", "parallel_tool_calls", "prediction"),
        *("prompt_cache_key", "prompt_cache_retention"),
    }
)
"""Fields that change nothing in a reply."""


def text_of(content: object) -> str:
    """Return the text of a message's content: a text, or parts of text. Raises `ValueError` for anything else."""
    if not isinstance(content, str | list):
        raise ValueError("content must be a text, or a list of parts of text")
    return content if isinstance(content, str) else "".join(_part(part) for part in content)


def _part(part: object) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or kind not in ("text", "input_text", "output_text", "refusal"):
        raise ValueError(f"a part of the type {kind!r:.40} is not supported: only text is")
    text = part.get("refusal" if kind == "refusal" else "text")
    if not isinstance(text, str):
        raise ValueError(f"a part of the type {kind!r} has no text")
    return text


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(text_of)]
    tool_calls: list[Any] | None = Field(default=None, max_length=0)
    function_call: None = None

    def chat(self) -> ChatMessage:
        return ChatMessage(role="system" if self.role == "developer" else self.role, content=self.content)


Messages = Annotated[list[_Message], Field(min_length=1, max_length=MOST_MESSAGES)]
"""The messages of a request."""


def chat_messages(messages: list[_Message]) -> tuple[ChatMessage, ...]:
    """Return messages as models get them."""
    return tuple(message.chat() for message in messages)


class Extras(FileModel):
    """What a request may ask beyond OpenAI's API, in its field ``agentnet``."""

    reasoning: bool = Field(default=True, description="tell what the members say, as reasoning_content")
    label: Label | None = Field(default=None, description="the kind of the task, as the members' cards name it")
    limits: Limits | None = Field(default=None, description="the limits of the run")


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

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: Messages
    max_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=100)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    min_p: _Share | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    seed: int | None = None
    stop: (
        Annotated[str, Field(max_length=LONGEST_STOP)]
        | Annotated[list[Annotated[str, Field(max_length=LONGEST_STOP)]], Field(max_length=MOST_STOPS)]
        | None
    ) = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MOST_ALTERNATIVES)
    response_format: _Format | None = None
    agentnet: Extras | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any], *, but: Collection[str] = ()) -> ChatBody:
        """Return the body of plain data; the fields `but` are not supported either.

        Raises `Problem`, which names the field.
        """
        refuse_unsupported(data, {**UNSUPPORTED, **dict.fromkeys(but, (1,))})
        return validated(cls, data, {*HARMLESS, *UNSUPPORTED})

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

    def replies(self) -> ReplyOptions:
        """Return what the body asks of the replies of a run. Raises `Problem` for an unusable form."""
        form = self.response_format.form() if self.response_format is not None else {}
        return ReplyOptions(
            **self._given(),
            format=format_of(form, "response_format") if form else None,
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
        )

    def conversation(self) -> Conversation:
        """Return the messages as a conversation."""
        return Conversation(turns=tuple(Utterance.model_validate(message.chat()) for message in self.messages))

    def _sampling(self, own: Sampling) -> Sampling:
        base = own if self.temperature is None else Sampling(max_tokens=own.max_tokens)
        seed = {} if self.seed is None else {"seed": self.seed % 2**32}
        return base.model_copy(update=self._given() | seed)

    def _given(self) -> dict[str, Any]:
        """Return the settings of sampling that the body names, but for the seed."""
        stop = (self.stop,) if isinstance(self.stop, str) else self.stop
        given = {
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "stop": None if stop is None else tuple(filter(None, stop)),
        }
        return {name: value for name, value in given.items() if value is not None}


Body = TypeVar("Body", bound=BaseModel)


def refuse_unsupported(data: Mapping[str, Any], unsupported: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise `Problem` for a field that asks for what nothing here follows."""
    for name, neutral in unsupported.items():
        if data.get(name) is not None and data[name] not in neutral:
            raise Problem(400, f"{name} is not supported: leave it out", "unsupported", param=name)


def validated(kind: type[Body], data: Mapping[str, Any], ignored: Collection[str]) -> Body:
    """Return a body of plain data, without the fields that are ignored. Raises `Problem`, which names the field."""
    try:
        return kind.model_validate({name: value for name, value in data.items() if name not in ignored})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = shown(str(problem["loc"][0]), 64)
        if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
            raise Problem(400, f"{field} is not known here: leave it out", "unknown-field", param=field) from None
        raise Problem(400, first_problem(error), "bad-request", param=field) from None


def format_of(form: Mapping[str, Any], param: str) -> Format:
    """Return the form of free replies that a request asks for. Raises `Problem` for one that replies cannot have."""
    names = {"schema": "json_schema"}
    try:
        return Format.model_validate({names.get(name, name): value for name, value in form.items()})
    except ValidationError as error:
        raise Problem(400, f"{param}: {first_problem(error)}", SchemaUnsupported.code, param=param) from None
