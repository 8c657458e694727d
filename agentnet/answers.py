"""When two answers are the same answer. Used by votes, consensus and scoring alike."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_NUMBER = re.compile(r"^[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?%?$")


def normalise(answer: str) -> str:
    """The form in which answers are compared.

    Case, surrounding white space and quotes, a final full stop and repeated spaces do not count. Numbers are compared
    by value: ``1,416.0`` is ``1416``, ``+5`` is ``5``; a per cent sign stays.
    """
    text = " ".join(answer.split()).strip("\"'`*").removesuffix(".").strip().casefold()
    if not _NUMBER.match(text):
        return text
    percent = "%" if text.endswith("%") else ""
    try:
        value = Decimal(text.removesuffix("%").replace(",", ""))
    except InvalidOperation:
        return text
    if value == value.to_integral_value():
        return f"{int(value)}{percent}"
    return f"{value.normalize():f}{percent}"


def same(one: str, other: str) -> bool:
    """Whether two answers agree after normalisation."""
    return normalise(one) == normalise(other)
