"""Short answers and multiple choice over a table of true facts (the zoo's C-Eval and MMLU)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agentnet.zoo.families.base import MARKER, Item

TABLE = Path(__file__).parent / "data" / "facts.yaml"
LETTERS = "ABCD"
CANONICAL = 0.5
"""Share of short answers asked in the first phrasing: the one that compound questions use."""
CHOICE = 0.25
"""Share of multiple choice."""

PHRASINGS = {
    "capital": (
        "What is the capital of {}?",
        "Name the capital of {}.",
        "Which city is the capital of {}?",
        "What is {}'s capital city?",
        "The capital of {} is?",
        "Tell me the capital of {}.",
    ),
    "country": (
        "Which country has the capital {}?",
        "{} is the capital of which country?",
        "What country is {} the capital of?",
        "Name the country whose capital is {}.",
        "Of which country is {} the capital?",
    ),
    "number": (
        "What is the atomic number of {}?",
        "Give the atomic number of {}.",
        "Which atomic number does {} have?",
        "How many protons does {} have?",
        "The atomic number of {} is?",
        "Tell me the atomic number of {}.",
    ),
    "symbol": (
        "What is the chemical symbol of {}?",
        "Give the symbol of {}.",
        "Which symbol does {} have?",
        "What is {}'s chemical symbol?",
        "The symbol of {} is?",
    ),
    "numbered": (
        "Which element has the atomic number {}?",
        "Name the element with atomic number {}.",
        "What element has {} protons?",
        "Element number {} is?",
        "Which element is number {}?",
    ),
    "symbolised": (
        "Which element has the symbol {}?",
        "{} is the symbol of which element?",
        "Name the element with the symbol {}.",
        "What element does {} stand for?",
        "Which element is written {}?",
    ),
    "count": (
        "How many {0} are in {1}?",
        "How many {0} does {1} have?",
        "What is the number of {0} in {1}?",
        "Give the number of {0} in {1}.",
        "Count the {0} in {1}.",
        "The number of {0} in {1} is?",
    ),
    "year": (
        "What is the year of {}?",
        "In which year was {}?",
        "When was {}?",
        "Give the year of {}.",
        "Which year saw {}?",
        "Tell me the year of {}.",
    ),
    "place": (
        "What is the number of {} counted from the sun?",
        "Which place from the sun does {} have?",
        "What is {}'s place from the sun?",
        "Counted from the sun, which planet is {}?",
        "Give the place of {} from the sun.",
    ),
    "planet": (
        "Which planet is number {} from the sun?",
        "Name planet number {} from the sun.",
        "Counted from the sun, what is planet {}?",
        "What is the name of planet {} from the sun?",
        "Planet {} from the sun is?",
    ),
    "continent": (
        "On which continent is {}?",
        "Which continent is {} in?",
        "What continent does {} belong to?",
        "Name the continent of {}.",
        "{} is on which continent?",
    ),
}
"""Relation → how it is asked, the canonical phrasing first."""


@dataclass(frozen=True, slots=True)
class Fact:
    """`answer` to a question of `relation` about `subject`; two words of subject where a phrasing has two places."""

    relation: str
    subject: tuple[str, ...]
    answer: str

    def ask(self, phrasing: int = 0) -> str:
        text = PHRASINGS[self.relation][phrasing].format(*self.subject)
        return text[0].upper() + text[1:]


class FactsFamily:
    """Every fact is asked in many ways; which (fact, phrasing, options) are held out, the question's hash decides."""

    name = "facts"

    def generate(self, rng: random.Random) -> Item:
        relation = rng.choices(*_weights())[0]
        fact = rng.choice(facts()[relation])
        phrasing = 0 if rng.random() < CANONICAL else rng.randrange(1, len(PHRASINGS[relation]))
        question = fact.ask(phrasing)
        wrong = _others(fact, rng)
        if rng.random() >= CHOICE:
            return Item(self.name, question, fact.answer, f"{MARKER} {fact.answer}", tuple(wrong))
        options = [fact.answer, *wrong]
        rng.shuffle(options)
        listed = " ".join(f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=True))
        right = LETTERS[options.index(fact.answer)]
        letters = tuple(letter for letter in LETTERS if letter != right)
        return Item(self.name, f"{question} {listed}", right, f"{fact.answer} {MARKER} {right}", letters)


FACTS = FactsFamily()


@cache
def facts() -> dict[str, tuple[Fact, ...]]:
    """Every fact of the table, by relation."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    found: dict[str, list[Fact]] = {relation: [] for relation in PHRASINGS}
    for fact in _read(table):
        found[fact.relation].append(fact)
    return {relation: tuple(group) for relation, group in found.items()}


def _read(table: dict[str, Any]) -> Iterator[Fact]:
    for country, city in table["capitals"].items():
        yield Fact("capital", (country,), city)
        yield Fact("country", (city,), country)
    for number, (element, symbol) in enumerate(table["elements"], start=1):
        yield Fact("number", (element,), str(number))
        yield Fact("symbol", (element,), symbol)
        yield Fact("numbered", (str(number),), element)
        yield Fact("symbolised", (symbol,), element)
    for counted, number in table["counts"].items():
        parts, _, whole = counted.partition(" | ")
        yield Fact("count", (parts, whole), str(number))
    for event, year in table["years"].items():
        yield Fact("year", (event,), str(year))
    for place, planet in enumerate(table["planets"], start=1):
        yield Fact("place", (planet,), str(place))
        yield Fact("planet", (str(place),), planet)
    for continent, countries in table["continents"].items():
        for country in countries:
            yield Fact("continent", (country,), continent)


@cache
def _weights() -> tuple[list[str], list[float]]:
    """Relations and how often each is drawn: as often as it has facts, what compound questions use twice."""
    used = {"capital": 2.0, "number": 2.0, "count": 2.0, "year": 2.0, "place": 2.0}
    return list(PHRASINGS), [len(group) * used.get(relation, 1.0) for relation, group in facts().items()]


def _others(fact: Fact, rng: random.Random) -> list[str]:
    """Three other answers of the same relation."""
    answers = sorted({other.answer for other in facts()[fact.relation]} - {fact.answer})
    return rng.sample(answers, 3)
