"""Markers in a reply that announce its answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

MARKER = re.compile(
    r"####|=>|^[ \t*]*A:|答案[是为]?[:：]?"
    r"|\banswer[ \t*_\"']*(?:[:：=]|\b(?:is|would be|should be)\b)[ \t]*[:：]?",
    re.IGNORECASE | re.MULTILINE,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{((?:[^{}]++|\{(?:[^{}]++|\{[^{}]*+\})*+\})*+)\}")
_WRAPPED = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*+)\}")


def tails(reply: str) -> Iterator[str]:
    """Yield the text after each marker, the last one first: the rest of its line, or the lines after it up to a gap.

    Markers are ``####``, ``=>``, ``A:`` at the start of a line, ``answer:``, ``the answer is`` and LaTeX's ``\\boxed``.
    """
    reply = _BOXED.sub(r"\n#### \1\n", unwrapped(reply))
    end = len(reply)
    for marker in reversed(list(MARKER.finditer(reply))):
        if tail := _first_lines(reply[marker.end() : end]):
            yield tail
        end = marker.start()


def marked(reply: str) -> str | None:
    """Return the text after the last marker; None without a marker."""
    return next(tails(reply), None)


def unwrapped(text: str) -> str:
    """Return a text without LaTeX's ``\\text{…}`` and similar commands; their content stays."""
    return _WRAPPED.sub(r"\1", text) if "\\" in text else text


def tidy(text: str) -> str:
    """Return a text in one line, without the emphasis and the quotes around it."""
    return " ".join(text.split()).lstrip("\"'`*_ ").rstrip("\"'`*_ ")


def _first_lines(text: str) -> str:
    rest = text.lstrip("*_ \t")
    line, _, _ = rest.partition("\n")
    if tidy(line):
        return line.strip()
    block, _, _ = rest.strip().partition("\n\n")
    return block.strip()
