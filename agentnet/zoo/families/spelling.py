"""The letter questions of the symbols family: every solution first spells the word, numbering its letters.

``B1u2e3n4o5s6A7`` is read off one letter at a time, so a length or a place needs no counting at a distance.
"""

from __future__ import annotations

import random

from agentnet.zoo.families.lexicon import LETTERS, name, word
from agentnet.zoo.families.problem import Problem

LENGTH = (
    "How many letters are in {w}?",
    "How many letters are in {w}?",
    "How many letters does {w} have?",
    "Count the letters in {w}.",
    "What is the number of letters in {w}?",
    "How many letters are in the word {w}?",
    "How long is the word {w}?",
)
COUNT = (
    "How many times does the letter {c} appear in {w}?",
    "How often is the letter {c} in {w}?",
    "Count the letter {c} in {w}.",
    "How many {c} are in {w}?",
)
REVERSE = ("Write {w} backwards.", "Reverse {w}.", "What is {w} backwards?", "Spell {w} in reverse.")
SORT = (
    "Sort the letters of {w}.",
    "Put the letters of {w} in order.",
    "Write the letters of {w} in alphabetical order.",
    "Order the letters in {w} from a to z.",
)
PLACE = (
    "What is the {n} letter of {w}?",
    "What is the {n} letter of {w}?",
    "What is the {n} letter in {w}?",
    "Give the {n} letter of {w}.",
    "Which letter comes {n} in {w}?",
)
ORDINALS = ("first", "second", "third", "fourth")


def length(rng: random.Random) -> Problem:
    text = _word_or_name(rng, 20 if rng.random() < 0.2 else 16)
    count = len(_letters(text))
    near = [count - 1, count + 1, count + 2, count - 2, len(text)]
    rng.shuffle(near)
    fitting = [template for template in LENGTH if text.isalpha() or "the word" not in template]
    wrong = tuple(str(value) for value in near if value > 0)
    return Problem(rng.choice(fitting).format(w=text), _spell(text), str(count), wrong)


def count(rng: random.Random) -> Problem:
    """Every letter is followed by how many of the asked one were met: ``b0a1n1a2n2a3``."""
    text = word(rng, 11)
    asked = rng.choice(text) if rng.random() < 0.8 else rng.choice(LETTERS)
    steps = "".join(f"{letter}{text[: place + 1].count(asked)}" for place, letter in enumerate(text))
    total = text.count(asked)
    wrong = (total + 1, abs(total - 1), total + 2, len(text))
    return Problem(rng.choice(COUNT).format(c=asked, w=text), steps, str(total), tuple(map(str, wrong)))


def reverse(rng: random.Random) -> Problem:
    text = word(rng, 8) if rng.random() < 0.5 else _single(rng, 9)
    answer = text[::-1]
    back = "".join(f"{len(text) - place}{letter}" for place, letter in enumerate(answer))
    wrong = (_exchanged(answer, rng), answer[:-2] + answer[-1], text, answer + answer[-1])
    return Problem(rng.choice(REVERSE).format(w=text), f"{_spell(text)},{back}", answer, wrong)


def sort(rng: random.Random) -> Problem:
    """Takes out the first letter of the alphabet again and again: ``l emon`` is e and lmon, m and so on."""
    text = word(rng, 6)
    ordered = sorted(text)
    answer = "".join(ordered)
    wrong = (_exchanged(answer, rng), answer[::-1], answer[:-1], answer + answer[-1], text)
    return Problem(rng.choice(SORT).format(w=text), selection(list(text), ordered, ""), answer, wrong)


def place(rng: random.Random) -> Problem:
    text = _word_or_name(rng, 14)
    letters = _letters(text)
    ordinal = rng.choice(("first", "first", "last", "last", *ORDINALS[1:]))
    index = -1 if ordinal == "last" else min(ORDINALS.index(ordinal), len(letters) - 1)
    if index >= 0:
        ordinal = ORDINALS[index]
    steps = _spell(text if index < 0 else letters[: index + 1])
    wrong = (letters[0], letters[-1], letters[1], letters[-2], "e", "n", "s")
    return Problem(rng.choice(PLACE).format(n=ordinal, w=text), steps, letters[index], wrong)


def selection(left: list[str], ordered: list[str], joint: str) -> str:
    """Selection sort as a scratchpad: each element of `ordered`, a colon and what then remains of `left`."""
    steps, left = [], list(left)
    for element in ordered[:-1]:
        left.remove(element)
        steps.append(f"{element}:{joint.join(left)}")
    return ";".join(steps)


def _word_or_name(rng: random.Random, longest: int) -> str:
    return name(rng, longest) if rng.random() < 0.75 else word(rng, min(longest, 11))


def _single(rng: random.Random, longest: int) -> str:
    """A name of one word, without marks."""
    while not (text := name(rng, longest)).isalpha():
        pass
    return text


def _letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalpha())


def _spell(text: str) -> str:
    return "".join(f"{letter}{place}" for place, letter in enumerate(_letters(text), start=1))


def _exchanged(text: str, rng: random.Random) -> str:
    """`text` with two neighbours exchanged."""
    at = rng.randrange(len(text) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
