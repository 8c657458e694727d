"""What a server says, checked: text that is Unicode, and log-probabilities that are some."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

ROUNDING = 1e-3
"""How far above 0 a log-probability, and above 1 a sum of probabilities, counts as rounded."""
LONGEST_PIECE = 64
"""Bytes of the longest piece of text that is taken for one token."""


def unicode_text(text: str) -> str:
    """Return a text with U+FFFD for lone surrogates, which JSON can spell and no store or socket can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def logprob_of(value: object) -> float | None:
    """Return a log-probability, at most 0; None for anything else, such as NaN, a text or a positive number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return min(0.0, number) if math.isfinite(number) and number <= ROUNDING else None


def logprobs_of(content: object) -> list[float] | None:
    """Return the log-probabilities of a reply's tokens; None if one of them is none: the others say nothing then."""
    if not isinstance(content, Sequence):
        return None
    found: list[float] = []
    for token in content:
        logprob = logprob_of(token.get("logprob")) if isinstance(token, Mapping) else None
        if logprob is None:
            return None
        found.append(logprob)
    return found


def piece_of(token: object, codes: object) -> bytes | None:
    """Return what a token says, by its bytes where the server gives some; None for what no token is."""
    if isinstance(codes, Sequence) and not isinstance(codes, str | bytes):
        if not all(type(code) is int and 0 <= code < 256 for code in codes):
            return None
        piece = bytes(codes)
    elif isinstance(token, str) and codes is None:
        piece = unicode_text(token).encode()
    else:
        return None
    return piece if len(piece) <= LONGEST_PIECE else None


def is_distribution(logprobs: Iterable[float]) -> bool:
    """Return whether probabilities can be those of different tokens: together at most 1."""
    return math.fsum(map(math.exp, logprobs)) <= 1 + ROUNDING
