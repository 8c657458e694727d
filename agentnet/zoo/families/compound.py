"""Questions of two to four hops across families. No model of the zoo is trained to answer one alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from agentnet.zoo.families.base import MARKER, Hop, Item
from agentnet.zoo.families.facts import Fact, facts

OPERATORS = {"+": ("plus", "increased by"), "-": ("minus", "reduced by"), "*": ("times", "multiplied by")}

NUMBERED = ("number", "count", "place", "year")
"""Relations whose answers are numbers."""

TINY = {"number": "the atomic number of {}", "count": "the number of {} in {}", "year": "the year of {}",
        "place": "the number of {} counted from the sun"}  # fmt: skip
"""How a numbered fact is named inside a compound question."""


class CompoundFamily:
    """Each item carries its plan: canonical questions of the other families, with ``#n`` for the answer of hop n."""

    name = "compound"

    def generate(self, rng: random.Random) -> Item:
        while True:
            question, hops = rng.choices(_KINDS, _WEIGHTS)[0](rng)
            answers = execute(hops)
            if _within_reach(hops, answers):
                break
        answer = answers[-1]
        return Item(
            self.name,
            question[0].upper() + question[1:],
            answer,
            f"{';'.join(answers[:-1])} {MARKER} {answer}",
            _wrong(answer, rng),
            plan=tuple(hops),
        )


COMPOUND = CompoundFamily()

Drawn = tuple[str, list[Hop]]


def execute(hops: Sequence[Hop]) -> list[str]:
    """The true answer of every hop. Raises `ValueError` for an ask that is no canonical question."""
    answers: list[str] = []
    for hop in hops:
        answers.append(_true_answer(hop.label, _filled(hop.ask, answers)))
    return answers


def _within_reach(hops: Sequence[Hop], answers: Sequence[str]) -> bool:
    """Whether the last hop is one that the math family asks: up to three digits, nothing below zero."""
    if hops[-1].label != "math":
        return True
    left, operator, right = _operands(_filled(hops[-1].ask, answers))
    fits = max(left, right) <= 999 and (operator != "*" or min(left, right) <= 99)
    return fits and int(answers[-1]) >= 0


def _operands(ask: str) -> tuple[int, str, int]:
    left, operator, right = ask.removeprefix("What is ").removesuffix("?").split(" ")
    return int(left), operator, int(right)


def _filled(ask: str, answers: Sequence[str]) -> str:
    for place in range(len(answers), 0, -1):
        ask = ask.replace(f"#{place}", answers[place - 1])
    return ask


def _true_answer(label: str, ask: str) -> str:
    if label == "facts":
        return _canonical()[ask]
    if label == "math":
        left, operator, right = _operands(ask)
        return str({"+": left + right, "-": left - right, "*": left * right}[operator])
    words = ask.removesuffix("?")
    for start, answer in _SYMBOLS.items():
        if words.startswith(start):
            return answer(words.removeprefix(start))
    raise ValueError(f"no canonical question: {ask}")


def _canonical() -> dict[str, str]:
    return {fact.ask(): fact.answer for group in facts().values() for fact in group}


def _letters(name: str) -> str:
    return "".join(letter for letter in name if letter.isalpha())


_SYMBOLS: dict[str, Callable[[str], str]] = {
    "How many letters are in ": lambda name: str(len(_letters(name))),
    "What is the first letter of ": lambda name: _letters(name)[0],
    "What is the last letter of ": lambda name: _letters(name)[-1],
    "Which is larger, ": lambda pair: str(max(int(number) for number in pair.split(" or "))),
}


def _two_numbers(rng: random.Random) -> Drawn:
    """A fact number and another, joined by an operator."""
    one, other, operator = _numbered(rng), _numbered(rng), rng.choice("+-*")
    hops = [Hop("facts", one.ask()), Hop("facts", other.ask()), Hop("math", f"What is #1 {operator} #2?")]
    return _joined(rng, _named(one), operator, _named(other)), hops


def _number_and_letters(rng: random.Random) -> Drawn:
    """A fact number and the number of letters in a capital, in either order."""
    one, city, operator = _numbered(rng), _capital(rng), rng.choice("+*")
    letters = f"the number of letters in the capital of {city.subject[0]}"
    if rng.random() < 0.5:
        hops = [
            Hop("facts", one.ask()),
            Hop("facts", city.ask()),
            Hop("symbols", "How many letters are in #2?"),
            Hop("math", f"What is #1 {operator} #3?"),
        ]
        return _joined(rng, _named(one), operator, letters), hops
    hops = [
        Hop("facts", city.ask()),
        Hop("symbols", "How many letters are in #1?"),
        Hop("facts", one.ask()),
        Hop("math", f"What is #2 {operator} #3?"),
    ]
    return _joined(rng, letters, operator, _named(one)), hops


def _two_capitals(rng: random.Random) -> Drawn:
    """The numbers of letters of two capitals, joined by an operator."""
    one, other, operator = _capital(rng), _capital(rng), rng.choice("+*")
    hops = [
        Hop("facts", one.ask()),
        Hop("symbols", "How many letters are in #1?"),
        Hop("facts", other.ask()),
        Hop("symbols", "How many letters are in #3?"),
        Hop("math", f"What is #2 {operator} #4?"),
    ]
    left = f"the number of letters in the capital of {one.subject[0]}"
    right = f"the number of letters in the capital of {other.subject[0]}"
    return _joined(rng, left, operator, right), hops


def _a_number_and_a_fact(rng: random.Random) -> Drawn:
    """A number that the question gives, and a fact number."""
    given, fact, operator = rng.randrange(2, 100), _numbered(rng), rng.choice("+*")
    hops = [Hop("facts", fact.ask()), Hop("math", f"What is {given} {operator} #1?")]
    return _joined(rng, str(given), operator, _named(fact)), hops


def _letters_of_a_capital(rng: random.Random) -> Drawn:
    city = _capital(rng)
    asked = rng.choice(
        (
            "How many letters does the capital of {} have?",
            "How many letters are in the name of the capital of {}?",
            "Count the letters in the capital of {}.",
        )
    )
    hops = [Hop("facts", city.ask()), Hop("symbols", "How many letters are in #1?")]
    return asked.format(city.subject[0]), hops


def _letter_of_a_capital(rng: random.Random) -> Drawn:
    city, end = _capital(rng), rng.choice(("first", "last"))
    asked = rng.choice(
        (
            "What is the {} letter of the capital of {}?",
            "Which letter is the {} one in the capital of {}?",
            "Give the {} letter of the capital of {}.",
        )
    )
    hops = [Hop("facts", city.ask()), Hop("symbols", f"What is the {end} letter of #1?")]
    return asked.format(end, city.subject[0]), hops


def _larger_of_two(rng: random.Random) -> Drawn:
    one, other = _numbered(rng), _numbered(rng)
    asked = rng.choice(
        (
            "What is the larger of {} and {}?",
            "Take {} and {}: what is the larger number?",
            "Give the larger of {} and {}.",
        )
    )
    hops = [Hop("facts", one.ask()), Hop("facts", other.ask()), Hop("symbols", "Which is larger, #1 or #2?")]
    return asked.format(_named(one), _named(other)), hops


_KINDS = (
    _two_numbers,
    _number_and_letters,
    _two_capitals,
    _a_number_and_a_fact,
    _letters_of_a_capital,
    _letter_of_a_capital,
    _larger_of_two,
)
_WEIGHTS = (5, 5, 3, 3, 1, 1, 2)


def _joined(rng: random.Random, left: str, operator: str, right: str) -> str:
    word = rng.choice(OPERATORS[operator])
    asked = rng.choice(("What is {} {} {}?", "Compute {} {} {}.", "{} {} {} is how much?"))
    return asked.format(left, word, right)


def _numbered(rng: random.Random) -> Fact:
    return rng.choice(facts()[rng.choices(NUMBERED, (5, 4, 1, 1))[0]])


def _capital(rng: random.Random) -> Fact:
    return rng.choice(facts()["capital"])


def _named(fact: Fact) -> str:
    return TINY[fact.relation].format(*fact.subject)


def _wrong(answer: str, rng: random.Random) -> tuple[str, ...]:
    if answer.isdigit():
        near = [str(abs(int(answer) + slip)) for slip in (1, -1, 2, 10, -10)]
        return tuple(rng.sample([number for number in dict.fromkeys(near) if number != answer], 3))
    return tuple(rng.sample([letter for letter in "aeiousntrk" if letter != answer], 3))
