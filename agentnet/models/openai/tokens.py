"""The likeliest next tokens in the response of an OpenAI-compatible server: read and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from agentnet.errors import BadResponse
from agentnet.models.openai.bounds import Bounds
from agentnet.models.openai.errors import CHECK_URL, quoted
from agentnet.models.openai.words import is_distribution, logprob_of, piece_of
from agentnet.models.tokens import NextTokens

MOST = 20
"""Number of requested tokens: the most that the API allows."""
_END = re.compile(r"<\|.*\|>|</?s>|<eos>|<end_of_turn>|<EOT>", re.DOTALL)
"""The spellings of end tokens, for servers that spell them at all."""


class _Token(BaseModel):
    top_logprobs: list[Any] = []


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Choice(BaseModel):
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Body(BaseModel):
    choices: list[_Choice]
    usage: Any = None


def read_next_tokens(data: object, where: str, bounds: Bounds, seconds: float) -> NextTokens:
    """Return the next tokens in a reply of one token. Probabilities of equal texts are added up, as are end tokens'.

    A token without a log-probability that is one, with bytes that are none, or longer than any token is left out.
    Raises `BadResponse` if the server gives no log-probabilities, and for probabilities of more than 1 together: a
    server that sends them decides nothing.
    """
    try:
        body = _Body.model_validate(data)
        choice = body.choices[0]
    except (ValidationError, IndexError):
        raise BadResponse(f"{where} sent something that is not a completion, {quoted(data)}; {CHECK_URL}") from None
    usage = bounds.usage(body.usage if isinstance(body.usage, Mapping) else {}, " ", seconds)
    content = choice.logprobs.content if choice.logprobs is not None else None
    if content and content[0].top_logprobs:
        return NextTokens(tuple(_told(content[0].top_logprobs[:MOST], where).items()), usage)
    if choice.finish_reason == "stop":
        return NextTokens(((None, 0.0),), usage)
    raise BadResponse(f"{where} gives no likeliest next tokens (top_logprobs); leave the model out of the fusion")


def _told(entries: list[Any], where: str) -> dict[bytes | None, float]:
    found: dict[bytes | None, float] = {}
    for entry in entries:
        if not isinstance(entry, Mapping):
            continue
        token, logprob = entry.get("token"), entry.get("logprob")
        if isinstance(logprob, int | float) and logprob > 0 and logprob_of(logprob) is None:
            raise BadResponse(f"{where} sent a log-probability above 0; leave the model out of the fusion")
        number, piece = logprob_of(logprob), piece_of(token, entry.get("bytes"))
        if number is None or piece is None:
            continue
        key = None if not piece or (isinstance(token, str) and _END.fullmatch(token)) else piece
        found[key] = _added(found.get(key, -math.inf), number)
    if not found:
        raise BadResponse(f"{where} sent no next token with a log-probability; leave the model out of the fusion")
    if not is_distribution(found.values()):
        raise BadResponse(f"{where} sent probabilities of more than 1 together; leave the model out of the fusion")
    return {piece: min(0.0, logprob) for piece, logprob in found.items()}


def _added(first: float, second: float) -> float:
    """The log-probability of either of two tokens."""
    top = max(first, second)
    return top if top == -math.inf else top + math.log(math.exp(first - top) + math.exp(second - top))
