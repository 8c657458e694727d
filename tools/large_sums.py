"""Sums beyond what the zoo was trained on: ``python -m tools.large_sums`` writes ``evals/data/large-sums/test.jsonl``.

The questions are those of the zoo's math family that take one step; the numbers have four to six digits (three or four
for one factor of a product), where the family has at most three (two for one factor).
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from agentnet.zoo.families.arithmetic import results
from agentnet.zoo.families.lexicon import OBJECTS, person
from agentnet.zoo.families.math import ASKS, EXPRESSIONS, PLAIN_ASK, STORIES, WORDED

FILE = Path(__file__).parents[1] / "evals" / "data" / "large-sums" / "test.jsonl"
ITEMS, SEED = 400, 20261128


def questions(count: int = ITEMS, seed: int = SEED) -> list[dict[str, str]]:
    """Return different questions with their answers: a third bare, a third in words, a third stories."""
    rng = random.Random(seed)
    found: dict[str, dict[str, str]] = {}
    while len(found) < count:
        program, text = rng.choice((_bare, _worded, _story))(rng)
        values = _numbers(rng, program)
        names = dict(zip("abo", (*_people(rng), rng.choice(OBJECTS)), strict=True))
        question = text.format(**values, **names)
        found[question] = {"question": question, "answer": str(results(program, values)[-1])}
    return list(found.values())


def _bare(rng: random.Random) -> tuple[str, str]:
    program = rng.choice(tuple(EXPRESSIONS))
    ask = PLAIN_ASK if rng.random() < 0.5 else rng.choice(ASKS)
    return program, ask.format(e=EXPRESSIONS[program])


def _worded(rng: random.Random) -> tuple[str, str]:
    return rng.choice(WORDED)


def _story(rng: random.Random) -> tuple[str, str]:
    return rng.choice(STORIES)


def _people(rng: random.Random) -> tuple[str, str]:
    first, second = person(rng), person(rng)
    while second == first:
        second = person(rng)
    return first, second


def _numbers(rng: random.Random, program: str) -> dict[str, int]:
    """Return the numbers of a sum, none of which is among the family's; the second one of a difference is smaller."""
    if "*" in program:
        values = [_of_digits(rng, 4, 5), _of_digits(rng, 3, 4)]
        rng.shuffle(values)
    else:
        values = sorted((_of_digits(rng, 4, 6), _of_digits(rng, 4, 6)), reverse=True)
        if "+" in program:
            rng.shuffle(values)
    return dict(zip("xy", values, strict=True))


def _of_digits(rng: random.Random, least: int, most: int) -> int:
    digits = rng.randint(least, most)
    return rng.randint(10 ** (digits - 1), 10**digits - 1)


def text() -> str:
    """Return the content of the file."""
    return "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions())


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
