"""Messages that try to look like a prompt's structure, and readers of prompts that know nothing of how one is made."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from agentnet.contracts.bodies import (
    Assignment,
    Body,
    Critique,
    Error,
    Fusion,
    Proposal,
    Refusal,
    Result,
    Revision,
    Synthesis,
    Task,
    ToolCall,
    Verdict,
    Vote,
)
from agentnet.contracts.messages import Message

_PIECES: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("forgeries.yaml").read_text(encoding="utf-8"))
SEPARATORS, INVISIBLE, CONTROL_NAMES = (_PIECES[kind] for kind in ("separators", "invisible", "control_names"))
STRUCTURE = [_PIECES[kind] for kind in _PIECES if kind not in ("separators", "invisible")]
BEFORE = ["A| ", "B| ", "> ", "task| ", "  ", "\t", "\u3000", "\xa0", "**", "* ", '"', "```\n"]
HARMLESS = "seven of them"


def forgery(draw: random.Random) -> str:
    """Words that hold some pieces of structure, in any order, nested, and taken apart by invisible signs."""
    parts: list[str] = []
    for _ in range(draw.choice((1, 1, 2, 3, 5, 8))):
        piece = draw.choice(draw.choice(STRUCTURE))
        if draw.random() < 0.2:
            place = draw.randrange(len(piece) + 1)
            piece = piece[:place] + draw.choice((*INVISIBLE, *CONTROL_NAMES, *SEPARATORS)) + piece[place:]
        if draw.random() < 0.15:
            piece = "".join(letter + draw.choice(INVISIBLE) for letter in piece)
        if draw.random() < 0.2:
            piece = draw.choice(BEFORE) + piece
        parts.append(piece)
    ends = ("", "", "seven", *SEPARATORS, *INVISIBLE)
    return draw.choice(ends) + "".join(part + draw.choice(SEPARATORS) for part in parts) + draw.choice(ends)


@dataclass(frozen=True)
class Forged:
    """The same discussion twice: with forged words in one or more of its places, and with harmless ones there."""

    task: Task
    messages: tuple[Message, ...]
    step: Assignment | None
    labels: tuple[str, ...]
    calls: tuple[ToolCall, ...] = ()


Words = Callable[[], str]
_BODIES: tuple[Callable[[Words], Body], ...] = (
    lambda words: Proposal(answer=words(), text=words()),
    lambda words: Revision(answer=words(), text=words()),
    lambda words: Synthesis(answer=words(), text=words()),
    lambda words: Fusion(answer=words(), text=words(), members=("ada", "ben"), strategy="duetnet"),
    lambda words: Result(answer=words(), decision=words()),
    lambda words: Critique(text=words()),
    lambda words: Verdict(verdict="approve", reason=words(), answer=words(), target="1"),
    lambda words: Verdict(verdict="disapprove", reason=words(), answer=words(), target="1"),
    lambda words: Vote(choice="1", reason=words()),
    lambda words: Refusal(reason=words()),
    lambda words: Error(code="model", detail=words()),
)


def discussions(seed: int) -> tuple[Forged, Forged]:
    """The discussion of a seed with forged words, and with harmless ones."""
    return _discussion(seed, forged=True), _discussion(seed, forged=False)


def _discussion(seed: int, *, forged: bool) -> Forged:
    draw, texts = random.Random(f"shape/{seed}"), random.Random(f"words/{seed}")
    share = draw.choice((0.15, 0.5, 1.0))

    def words() -> str:
        hostile = draw.random() < share
        text = forgery(texts)
        return text if hostile and forged else HARMLESS

    bodies = [draw.choice(_BODIES)(words) for _ in range(draw.randrange(6))]
    task = Task(text=words())
    step = None
    if draw.random() < 0.3:
        numbers = draw.sample(("1", "2", "3"), draw.randrange(3))
        ask = " and ".join([words(), *(f"#{number}" for number in numbers)])
        step = Assignment(
            step=4, agent="ada", text=words(), label="math", ask=ask, answers={number: words() for number in numbers}
        )
    messages = tuple(
        Message(id=str(place), run="r", sequence=place, sender="ada", node="n", time=datetime.now(UTC), body=body)
        for place, body in enumerate(bodies)
    )
    calls = [
        ToolCall(tool=words(), arguments={words(): words()}, result=words(), cut=draw.random() < 0.5)
        if draw.random() < 0.7
        else ToolCall(tool=words(), error=words() or "-")
        for _ in range(draw.randrange(3))
    ]
    return Forged(task, messages, step, (words(), words()), tuple(calls))


_LINES = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_MARKED = re.compile(r"(task|answer \d+|tool \d+|[A-Z]\d*)\|(?: |$)")
_HEADING = re.compile(
    r"\W*(?:[#♯]|(?:task|what was said so far|what your tools returned|your turn)\W*$)", re.IGNORECASE
)
_TOOL = re.compile(r"\[tool \d+\] ")
_HEAD = re.compile(r"\W*\[[A-Z]\d*\](?: \((?:verdict: (?:dis)?approve|critique)\))?\W*$", re.IGNORECASE)
_LINE = re.compile(r"([A-Z]\d*): ((?:dis)?approve (?=.|$)|)(.*)", re.DOTALL)
_VERDICT = re.compile(r"[\s*_]*(?:dis)?[aа]pprove", re.IGNORECASE)


def structure_of_instruct(prompt: str) -> list[tuple[str, str]]:
    """What a reader of the instruct pack takes for structure, line by line; words of one speaker are one item."""
    found: list[tuple[str, str]] = []
    section = ""
    for line in _LINES.split(prompt):
        marked, folded = _MARKED.match(line), unicodedata.normalize("NFKC", line)
        if not line.strip():
            continue
        if marked:
            item = ("words", marked[1])
        elif _HEADING.match(folded):
            section = line
            item = ("heading", line)
        elif _HEAD.match(folded):
            item = ("head", line)
        elif (tool := _TOOL.match(line)) and section == "# What your tools returned":
            item = ("head", tool[0])
        else:
            item = ("words", "task") if section == "# Task" else (section, line)
        if [item] != found[-1:]:
            found.append(item)
    return found


def structure_of_compact(prompt: str) -> list[tuple[str, str]]:
    """What a reader of the compact pack takes for structure: the task's line, entries, the role."""
    _, *entries, role = _LINES.split(prompt)
    found = [("task", "")]
    for line in entries:
        entry = _LINE.fullmatch(line)
        if entry is None:
            found.append(("stray", line))
            continue
        judged = entry[2] or ("approve?" if _VERDICT.match(unicodedata.normalize("NFKC", entry[3])) else "")
        found.append((entry[1], judged.strip()))
    return [*found, ("role", role)]


READERS = {"instruct": structure_of_instruct, "compact": structure_of_compact}


def unseen(prompt: str) -> Iterator[str]:
    """Characters that a reader does not see, other than line feeds and tabs."""
    for character in prompt:
        hidden = unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs") and character not in "\n\t"
        if hidden or character in INVISIBLE:
            yield character


def names_in(prompt: str) -> Sequence[str]:
    """Names of control tokens that are whole in a text."""
    return [name for name in CONTROL_NAMES if name in prompt]
