"""Finding the answer within a reply: small pure functions from text to text, by name.

Each gives the form in which answers are compared (``1416``, ``B``, ``yes``). Where a reply holds nothing of the kind it
is given back, tidied, so that whoever reads the report sees what was scored.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agentnet.answers.comparing import normalise
from agentnet.answers.markers import marked, tails, tidy
from agentnet.answers.numbers import numbers, plain

_OPTION = r"(?<![A-Za-z0-9'’])(?:\(([A-Za-z])\)|\[([A-Za-z])\]|\*\*([A-Z])\*\*|([A-Z])\)|(?<=[：:是为选])\s*([A-Z]))"
_START = r"|^[ \t>*-]*([A-Z])[.:)](?![A-Za-z0-9])"
_SAID = (
    r"|\b(?i:is|be|choose|chose|pick|select|option|choice|letter|so|thus|hence|therefore|with|say),?[ ]?:?[ ]"
    r"(?:[*\"'`(]*)([B-HJ-Z](?![A-Za-z0-9'’])|[AI](?=[*\"'`)]*(?:[.,;:!]|\s*$|\s+(?:because|since|as|is)\b)))"
)
_LETTER = re.compile(_OPTION + _START + _SAID, re.MULTILINE)
_COMMITTED = re.compile(
    r"(?<![A-Za-z0-9'’])[(*\[]{0,3}([A-Z])[)*\]]{0,3}"
    r"(?: [^.\n()]{0,60}?)? is (?:the )?(?:only )?(?:correct|right|best)\b"
)
_LONE = re.compile(r"[\s\"'`*_(\[{$]*([A-Za-z])[\s\"'`*_)\]}$.:,]*")
_LEADING = re.compile(
    r"[\s\"'`*_(\[]*(?:([B-HJ-Z])|([AI])(?=[*)\].:,;]|\s*$|\s+(?:because|since|as)\b))(?![A-Za-z0-9'’])"
)

_VERDICTS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_VERDICT = re.compile(r"(\bnot\s+)?\b(yes|no|true|false)\b(?=[\s\"'`*_)]*(?:[.,;:!–—\n]|$))", re.IGNORECASE)
_FIRST_VERDICT = re.compile(
    r"[\s\"'`*_(]*(not\s+)?(?:(yes|no|true|false)\b(?!\s+\w)|(yes)\b(?! or no\b)"
    r"|(no|true|false)\s+(?=(?:it|they|he|she|this|that|there|the|you|we|because|since|as)\b))",
    re.IGNORECASE,
)
_MARKED_VERDICT = re.compile(r"[\s\"'`*_(]*(not\s+)?(yes|no|true|false)\b", re.IGNORECASE)

_BULLET = re.compile(r"^[ \t]*(?:[-*•]|\(?[0-9]{1,3}[.)])[ \t]+", re.MULTILINE)
_COMMA = re.compile(r"[,;\n、，]")
_AND = re.compile(r"(?:^| )(?:and|&) ")


def whole(reply: str) -> str:
    """All of it, without the white space around it."""
    return reply.strip()


def first_line(reply: str) -> str:
    """The first line that is not empty."""
    return reply.strip().partition("\n")[0].strip()


def after_marker(reply: str) -> str:
    """What stands behind the last marker (see `markers.tails`); without a marker, all of it."""
    found = marked(reply)
    return tidy(reply if found is None else found)


def last_number(reply: str) -> str:
    """The number behind the last marker that has one, or else the last number there is; canonical.

    Behind a marker it is the first one, unless there is an equation: then the first after its last ``=``.
    """
    text = plain(reply)
    for tail in tails(text):
        line = plain(tail)
        after = line.rpartition("=")[2]
        for part in (after, line):
            if (first := next(numbers(part), None)) is not None:
                return first
    found = list(numbers(text))
    return found[-1] if found else tidy(reply)


def letter(reply: str) -> str:
    """The letter of the choice that the reply commits to in the end, as a capital.

    "(B)", "B)", "B. because …", "The answer is B, not (C)", a lone letter. If it names no letter, what it says instead:
    that may be the text of a choice.
    """
    if found := _LONE.fullmatch(reply):
        return found[1].upper()
    for tail in tails(reply):
        if found := _LONE.fullmatch(tail) or _LEADING.match(tail):
            return _only(found).upper()
        if letters := list(_LETTER.finditer(tail)):
            return _only(letters[0]).upper()
    if (said := marked(reply)) is not None:
        return tidy(said)
    for pattern in (_COMMITTED, _LETTER):
        if letters := list(pattern.finditer(reply)):
            return _only(letters[-1]).upper()
    return tidy(reply)


def yes_no(reply: str) -> str:
    """``yes`` or ``no``, which may be said as true or false: behind a marker, first of all, or in the end."""
    for tail in tails(reply):
        if found := _MARKED_VERDICT.match(tail):
            return _verdict(found)
    if found := _FIRST_VERDICT.match(reply):
        return _verdict(found)
    verdicts = list(_VERDICT.finditer(reply))
    return _verdict(verdicts[-1]) if verdicts else tidy(reply)


def members(text: str) -> frozenset[str]:
    """The members of a set that is written as a list: commas, semicolons, lines, bullets or a final "and"."""
    text = _BULLET.sub("", text).strip().rstrip(".").strip("[](){} ")
    parts = [" ".join(part.split()) for part in _COMMA.split(text) if part.strip()]
    if parts:
        parts[-1:] = _AND.split(parts[-1])
    return frozenset(form for part in parts if (form := normalise(part)))


def as_list(reply: str) -> str:
    """A set in its canonical form: what stands behind the last marker, or all of it; sorted, with commas."""
    found = marked(reply)
    return ", ".join(sorted(members(reply if found is None else found)))


def _only(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group is not None)


def _verdict(found: re.Match[str]) -> str:
    denied, *words = found.groups()
    word = next(word for word in words if word is not None).lower()
    if denied is not None and word in ("true", "false"):
        return "no" if word == "true" else "yes"
    return _VERDICTS[word]


EXTRACTORS: dict[str, Callable[[str], str]] = {
    "whole": whole,
    "last-number": last_number,
    "letter": letter,
    "yes-no": yes_no,
    "after-marker": after_marker,
    "first-line": first_line,
    "list": as_list,
}
