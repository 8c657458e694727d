"""The likeliest next tokens in the response of an OpenAI-compatible server: read and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from agentnet.errors import BadResponse
from agentnet.models.openai.errors import CHECK_URL, quoted
from agentnet.models.openai.replies import usage_of
from agentnet.models.tokens import NextTokens

MOST = 20
"""Number of requested tokens: the most that the API allows."""
_END = re.compile(r"<\|.*\|>|</?s>|<eos>|<end_of_turn>|<EOT>", re.DOTALL)
"""The spellings of end tokens, for servers that spell them at all."""


class _Top(BaseModel):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Token(BaseModel):
    top_logprobs: list[_Top] = []


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Choice(BaseModel):
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Body(BaseModel):
    choices: list[_Choice]
    usage: Any = None


def read_next_tokens(data: object, where: str, seconds: float) -> NextTokens:
    """Return the next tokens in a reply of one token. Probabilities of equal texts are added up, as are end tokens'.

    Raises `BadResponse` if the server gives no log-probabilities.
    """
    try:
        body = _Body.model_validate(data)
        choice = body.choices[0]
    except (ValidationError, IndexError):
        raise BadResponse(f"{where} sent something that is not a completion, {quoted(data)}; {CHECK_URL}") from None
    usage = usage_of(body.usage if isinstance(body.usage, Mapping) else {}, seconds)
    content = choice.logprobs.content if choice.logprobs is not None else None
    if content and content[0].top_logprobs:
        logprobs: dict[bytes | None, float] = {}
        for top in content[0].top_logprobs:
            piece = bytes(top.bytes) if top.bytes is not None else top.token.encode()
            ends = not piece or _END.fullmatch(top.token)
            key = None if ends else piece
            logprobs[key] = _added(logprobs.get(key, -math.inf), top.logprob)
        return NextTokens(tuple(logprobs.items()), usage)
    if choice.finish_reason == "stop":
        return NextTokens(((None, 0.0),), usage)
    raise BadResponse(f"{where} gives no likeliest next tokens (top_logprobs); leave the model out of the fusion")


def _added(first: float, second: float) -> float:
    """The log-probability of either of two tokens."""
    top = max(first, second)
    return top if top == -math.inf else top + math.log(math.exp(first - top) + math.exp(second - top))
