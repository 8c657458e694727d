"""Extracting the answer from a reply: small pure functions from text to text, by name.

Each returns the form in which answers are compared (``1416``, ``B``, ``yes``). If a reply has no such answer, the
tidied reply is returned, so that reports show the scored text.
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
    """Return the whole reply, without the white space around it."""
    return reply.strip()


def first_line(reply: str) -> str:
    """Return the first line that is not empty."""
    return reply.strip().partition("\n")[0].strip()


def after_marker(reply: str) -> str:
    """Return the text after the last marker (see `markers.tails`); without a marker, the whole reply."""
    tail = marked(reply)
    return tidy(reply if tail is None else tail)


def last_number(reply: str) -> str:
    """Return the number after the last marker that has one, else the last number of the reply; in canonical form.

    After a marker this is the first number, or the first after the last ``=`` of an equation.
    """
    text = plain(reply)
    for tail in tails(text):
        line = plain(tail)
        after = line.rpartition("=")[2]
        for part in (after, line):
            if (first := next(numbers(part), None)) is not None:
                return first
    all_numbers = list(numbers(text))
    return all_numbers[-1] if all_numbers else tidy(reply)


def letter(reply: str) -> str:
    """Return the letter of the choice that the reply finally commits to, as a capital.

    It reads "(B)", "B)", "B. because …", "The answer is B, not (C)" and a lone letter. A reply without a letter is
    returned from its last marker on: it may hold the text of a choice.
    """
    if match := _LONE.fullmatch(reply):
        return match[1].upper()
    for tail in tails(reply):
        if match := _LONE.fullmatch(tail) or _LEADING.match(tail):
            return _only(match).upper()
        if letters := list(_LETTER.finditer(tail)):
            return _only(letters[0]).upper()
    if (tail_text := marked(reply)) is not None:
        return tidy(tail_text)
    for pattern in (_COMMITTED, _LETTER):
        if letters := list(pattern.finditer(reply)):
            return _only(letters[-1]).upper()
    return tidy(reply)


def yes_no(reply: str) -> str:
    """Return ``yes`` or ``no`` (also for true or false): after a marker, else at the start or the end of the reply."""
    for tail in tails(reply):
        if match := _MARKED_VERDICT.match(tail):
            return _verdict(match)
    if match := _FIRST_VERDICT.match(reply):
        return _verdict(match)
    verdicts = list(_VERDICT.finditer(reply))
    return _verdict(verdicts[-1]) if verdicts else tidy(reply)


def members(text: str) -> frozenset[str]:
    """Return the members of a set written as a list: with commas, semicolons, lines, bullets or a final "and"."""
    text = _BULLET.sub("", text).strip().rstrip(".").strip("[](){} ")
    parts = [" ".join(part.split()) for part in _COMMA.split(text) if part.strip()]
    if parts:
        parts[-1:] = _AND.split(parts[-1])
    return frozenset(form for part in parts if (form := normalise(part)))


def as_list(reply: str) -> str:
    """Return the set after the last marker (else of the whole reply) in canonical form: sorted, with commas."""
    tail = marked(reply)
    return ", ".join(sorted(members(reply if tail is None else tail)))


def _only(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _verdict(match: re.Match[str]) -> str:
    denied, *words = match.groups()
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
