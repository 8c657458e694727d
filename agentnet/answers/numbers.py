"""Numbers in prose: finding them, and their values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from agentnet.answers.comparing import normalise
from agentnet.answers.markers import unwrapped

DIGITS = 1000
"""Longer digit strings are not numbers: Python refuses to read very long ones, and no answer has them."""

_SPACE = " \u00a0\u202f"
_PLAIN = r"(?:[0-9]{1,3}(?:[,\u00a0\u202f][0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_POWER = r"[eE](?P<exponent>[-+]?[0-9]{1,2})(?![0-9])"
_TIMES = r"[ ]?(?:[x×*·]|\\times|\\cdot)[ ]?10[ ]?(?:\^|\*\*)[ ]?\{?(?P<power>[-+]?[0-9]{1,2})(?![0-9])\}?"
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9_.])(?P<sign>(?<![A-Za-z0-9_)\]%])[-+]\s?)?[$€£¥]?(?P<inner>(?<=[$€£¥])[-+])?"
    rf"(?:(?P<whole>[0-9]+)[{_SPACE}](?=[0-9]+/[0-9]))?"
    rf"(?P<plain>{_PLAIN})(?:{_POWER}|{_TIMES}|[ ]?/[ ]?(?P<below>[0-9]+)(?![0-9/]|[.,][0-9]))?"
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*+)\}\s*\{([^{}]*+)\}")
_ANNOTATION = re.compile(r"<<[^<>]*+>>")
_VALUE = re.compile(r"(-?)(?:([0-9]+)(?:\.([0-9]+))?|([0-9]+)/([0-9]+))%?")


def plain(text: str) -> str:
    """Return a text without LaTeX, calculator annotations (``<<3*4=12>>``) and typographic minus signs."""
    text = _ANNOTATION.sub("", text).replace("\u2212", "-").replace("{,}", ",").replace("\\,", "").replace("\\!", "")
    if "\\" not in text:
        return text
    text = unwrapped(text).replace("\\$", "$").replace("\\%", "%")
    return _FRACTION.sub(r"\1/\2", text)


def numbers(text: str) -> Iterator[str]:
    """Yield every number of a plain text in canonical form: digits, a point, perhaps ``-`` before them; or ``-5/2``.

    Currency, thousands separators, plus and per cent signs are dropped; ``2 1/2`` is ``5/2``, ``1.5e3`` is ``1500``.
    """
    for match in _NUMBER.finditer(text):
        if (number := _canonical(match)) is not None:
            yield number


def value(text: str) -> Fraction | None:
    """Return the exact value of a canonical number; None if the text is not one."""
    match = _VALUE.fullmatch(normalise(text).replace(" ", ""))
    if match is None or len(text) > DIGITS:
        return None
    sign, whole, decimals, above, below = match.groups()
    if below is not None:
        size = Fraction(int(above), int(below)) if int(below) else None
    else:
        size = Fraction(f"{whole}.{decimals or 0}")
    return None if size is None else -size if sign else size


def _canonical(match: re.Match[str]) -> str | None:
    digits = re.sub(r"[,\u00a0\u202f]", "", match["plain"])
    sign = "-" if "-" in (match["sign"] or "") + (match["inner"] or "") else ""
    if len(digits) > DIGITS or len(match["whole"] or "") > DIGITS or len(match["below"] or "") > DIGITS:
        return None
    if match["below"] is not None:
        return _fraction(sign, int(match["whole"] or 0), digits, match["below"])
    digits = f"0{digits}" if digits.startswith(".") else digits
    if power := match["exponent"] or match["power"]:
        return sign + _decimal(Fraction(digits) * Fraction(10) ** int(power))
    return normalise(sign + digits)


def _fraction(sign: str, whole: int, above: str, below: str) -> str | None:
    if "." in above:  # 1.5/2 is an unevaluated quotient
        size = Fraction(above) / int(below) if int(below) else None
        return None if size is None else f"{sign}{size.numerator}/{size.denominator}"
    return f"{sign}{whole * int(below) + int(above)}/{int(below)}"


def _decimal(size: Fraction) -> str:
    """A number whose denominator is a power of ten, written out."""
    decimals = 0
    while size.denominator != 1:
        size, decimals = size * 10, decimals + 1
    digits = str(size.numerator).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
