"""Words of members and users on their way into a prompt: they stay words, and never become its structure.

A prompt's structure is in its lines: headings, entries, verdicts, the role at the end. So words get neither lines of
their own (`one_line`) nor lines that are not marked as theirs (`quoted`), whatever separates lines for whoever reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from agentnet.contracts.bodies import REFERENCE, Assignment
from agentnet.models.control_names import broken

_BREAK = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""What separates lines beside a line feed, in Unicode or for Python's `str.splitlines`."""
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""Letters and marks that show nothing: joiners, fillers, variation selectors. Python counts them as printable."""
_SEEMS_PRINTABLE = re.compile(f"[{_BLANK}]")
_INVISIBLE = re.compile(
    f"[{_BLANK}"
    "\0-\x08\x0e-\x1f\x7f-\x9f"  # controls, without tab and line feed
    "\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"  # soft hyphen, zero width, direction
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"  # formats, tags
)
_SURROGATE = re.compile("[\ud800-\udfff]")

_VERDICTS = ("approve", "disapprove")
_LIKE = 4
"""Letters that a word must share with a verdict, if its others are of another script, to pass for it."""
_NO_LETTERS = "".join(sign for sign in map(chr, range(32, 127)) if not sign.isalpha())
_QUOTES = str.maketrans('"\u201c\u201d\u201e\u00ab\u00bb\uff02', "'''''''")
_STRUCTURE = re.compile(
    r"\W*_*(?:[#♯⌗]|[\[【〔⟦❲][^\n]{1,12}[\]】〕⟧❳]|(?:[^\W_]{1,3}|task|(?:answer|tool)\s*\d*)\s*[|¦ǀ‖∣│❘]|"
    r"(?:task|what was said so far|what your tools returned|your turn)\W*$)",
    re.IGNORECASE,
)
"""A line that could pass for a heading, for the head of an entry, or for a quoted line; its look-alikes as well."""

_VALUE = re.compile(
    r"[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\s?%?"  # a number
    r"|[-+\u2212]?\d+(?:, ?[-+\u2212]?\d+)+"  # numbers
    r"|[^\W_]+(?:[ '\u2019-][^\W_]+){0,3}"  # a name
)
LONGEST_VALUE = 32
"""Characters of an answer that is filled into the question of a later step."""


def clean(text: str) -> str:
    """Return a text whose lines all end in a line feed, and without signs that cannot be seen.

    Every separator of lines counts as a line feed. Removed are control characters other than the tab, and what Unicode
    lists as a format character or as ignorable by default: zero-width signs, directions, byte order marks, tags,
    variation selectors, fillers. Half a surrogate pair becomes U+FFFD. Other characters stay as they are.
    """
    flat = text.replace("\n", "")
    if flat.isprintable() and (flat.isascii() or not _SEEMS_PRINTABLE.search(flat)):
        return text
    return _SURROGATE.sub("\ufffd", _INVISIBLE.sub("", _BREAK.sub("\n", text)))


def words(text: str) -> str:
    """Return a member's words as a prompt may hold them: `clean`, and without a whole name of a control token."""
    return broken(clean(text))


def one_line(text: str, longest: int | None = None) -> str:
    """Return a member's words in one line, with single spaces, and at most `longest` characters of them."""
    return " ".join(words(text).split())[:longest].rstrip()


def quoted(text: str, mark: str) -> str:
    """Return a member's words with `mark` before each line: no line of them can pass for one of the prompt.

    Blank lines separate paragraphs and have no mark; several in a row become one.
    """
    lines = [""]
    for line in words(text).split("\n"):
        if line and not line.isspace():
            lines.append(mark + line)
        elif lines[-1]:
            lines.append("")
    return "\n".join(lines).strip("\n") or mark.rstrip()


def answer_line(text: str, longest: int | None = None) -> str:
    """Return an answer in one line; in quotes if it begins like a verdict, which a prompt may put before answers."""
    line = one_line(text, longest)
    return in_quotes(line, longest) if _like_a_verdict(line) else line


def _like_a_verdict(line: str) -> bool:
    """Return whether a line begins like a verdict, in any case and spelling; letters of another script fit anywhere."""
    start = (line if line.isascii() else unicodedata.normalize("NFKC", line)).casefold().lstrip(_NO_LETTERS)
    if start.startswith(_VERDICTS):
        return True
    if start[:10].isascii():
        return False
    return any(
        sum(letter == other for letter, other in zip(verdict, start, strict=False)) >= _LIKE
        and all(letter == other or not other.isascii() for letter, other in zip(verdict, start, strict=False))
        for verdict in _VERDICTS
    )


def in_quotes(line: str, longest: int | None = None) -> str:
    """Return a line in double quotes, none of which are left inside; at most `longest` characters with them."""
    return f'"{line.translate(_QUOTES)[: longest and longest - 2]}"'


def task_words(text: str) -> str:
    """Return a task's text, quoted like an entry if one of its lines could pass for structure of the prompt."""
    text = clean(text)
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return quoted(text, "task| ") if any(map(_STRUCTURE.match, folded.split("\n"))) else text


def value(text: str) -> str:
    """Return an answer as a value inside of a question: numbers or a name as they are, other words in quotes, cut."""
    line = one_line(text, LONGEST_VALUE)
    return line if _VALUE.fullmatch(line) else in_quotes(line, LONGEST_VALUE)


def filled(ask: str, answers: Mapping[str, str]) -> str:
    """Return a step's question with the `value` of an earlier step's answer in place of each ``#ID``."""
    return REFERENCE.sub(lambda match: _value(match, answers), ask)


def _value(match: re.Match[str], answers: Mapping[str, str]) -> str:
    answer = answers.get(match[1])
    return value(answer) if answer else match[0]


def step_words(step: Assignment) -> str:
    """Return a step's question, and beneath it the answers that it refers to, quoted line by line.

    ``#2`` in the question becomes ``(answer 2)``, and the lines of that answer are marked ``answer 2| ``.
    """
    if not step.answers:
        return task_words(words(step.ask or step.text))
    ask = REFERENCE.sub(lambda match: f"(answer {match[1]})" if match[1] in step.answers else match[0], step.ask)
    notes = [quoted(answer, f"answer {number}| ") for number, answer in step.answers.items()]
    return "\n".join([task_words(words(ask)), "", *notes])
