"""Requests for responses: read, and turned into what a run of a network is asked.

As in chat completions, what nothing here follows is refused by its name. Items of a conversation are messages of text;
reasoning that a client sends back with them is left out, since it was never part of the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agentnet.contracts.conversation import Utterance
from agentnet.contracts.replies import ReplyOptions
from agentnet.serving.app import Problem
from agentnet.serving.openai.requests import (
    MOST_ALTERNATIVES,
    MOST_MESSAGES,
    MOST_TOKENS,
    Extras,
    format_of,
    refuse_unsupported,
    text_of,
    validated,
)

_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "max_tool_calls": (),
    "conversation": (),
    "prompt": (),
    "truncation": ("disabled",),
    "context_management": ([],),
    "moderation": (),
    "image": (),
    "access_programs": (),
    "background_options": (),
}
_HARMLESS = frozenset(
    {
        *("user", "service_tier", "safety_identifier", "parallel_tool_calls", "stream_options"),
        *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
    }
)
LOGPROBS = "message.output_text.logprobs"


def _messages(items: object) -> object:
    """Return the messages among the items of an input."""
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    if not isinstance(items, list):
        raise ValueError("input must be a text, or a list of items")
    found = []
    for item in items:
        kind = item.get("type", "message") if isinstance(item, Mapping) else None
        if kind not in ("message", "reasoning"):
            raise ValueError(f"an item of the type {kind!r:.40} is not supported: only messages are")
        if kind == "message":
            found.append({name: item.get(name) for name in ("role", "content")})
    return found


class _Item(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(text_of)]


class _Format(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    type: Literal["text", "json_object", "json_schema", "regex", "lark"]
    value: dict[str, Any] | None = Field(default=None, alias="schema")
    regex: str | None = None
    lark: str | None = None

    def form(self) -> dict[str, Any]:
        """Return the form to which the reply is held."""
        match self.type:
            case "text":
                return {}
            case "json_object":
                return {"schema": {"type": "object"}}
        value = self.value if self.type == "json_schema" else getattr(self, self.type)
        if not value:
            raise Problem(400, f"text.format: the {self.type} is missing", "bad-request", param="text")
        return {"schema" if self.type == "json_schema" else self.type: value}


class _Text(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: _Format | None = None
    verbosity: Literal["medium"] | None = None


class _Reasoning(BaseModel):
    model_config = ConfigDict(extra="forbid")

    effort: Literal["none"] | None = None
    summary: str | None = None
    generate_summary: str | None = None


class ResponseBody(BaseModel):
    """The body of a request for a response."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: Annotated[list[_Item], Field(max_length=MOST_MESSAGES), BeforeValidator(_messages)]
    instructions: Annotated[str, BeforeValidator(text_of)] | None = None
    previous_response_id: str | None = Field(default=None, max_length=128)
    max_output_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=100)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_logprobs: int | None = Field(default=None, ge=0, le=MOST_ALTERNATIVES)
    include: list[Literal["message.output_text.logprobs"]] | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    stream: bool | None = None
    background: bool | None = None
    store: bool | None = None
    metadata: dict[str, Annotated[str, Field(max_length=512)]] | None = Field(default=None, max_length=16)
    agentnet: Extras | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> ResponseBody:
        """Return the body of plain data. Raises `Problem`, which names the field."""
        refuse_unsupported(data, _UNSUPPORTED)
        body = validated(cls, data, {*_HARMLESS, *_UNSUPPORTED})
        if body.background and body.wants_tokens:
            raise Problem(
                400, "log-probabilities are not kept for background responses", "unsupported", param="include"
            )
        if body.background and body.store is False:
            raise Problem(400, "a background response has to be stored", "unsupported", param="store")
        return body

    @property
    def wants_tokens(self) -> bool:
        """Whether the tokens of the output are to be told."""
        return bool(self.include) or self.top_logprobs is not None

    def turns(self) -> list[Utterance]:
        """Return the messages of the input."""
        roles = {"developer": "system"}
        return [
            Utterance.model_validate({"role": roles.get(item.role, item.role), "content": item.content})
            for item in self.input
        ]

    def replies(self) -> ReplyOptions:
        """Return what the body asks of the replies of a run. Raises `Problem` for an unusable form."""
        form = self.text.format.form() if self.text is not None and self.text.format is not None else {}
        return ReplyOptions(
            max_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            format=format_of(form, "text") if form else None,
            top_logprobs=(self.top_logprobs or 0) if self.wants_tokens else None,
        )
