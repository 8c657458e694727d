"""Symbol pushing: letters of words, order of numbers, substitution, derivatives and linear equations."""

from __future__ import annotations

import random

from agentnet.zoo.families import spelling
from agentnet.zoo.families.base import Item
from agentnet.zoo.families.problem import Problem

COMPARE = {
    "larger": (
        "Which is larger, {a} or {b}?",
        "Which number is greater, {a} or {b}?",
        "What is the larger of {a} and {b}?",
        "Which is bigger: {a} or {b}?",
        "What is the maximum of {a} and {b}?",
    ),
    "smaller": (
        "Which is smaller, {a} or {b}?",
        "Which number is less, {a} or {b}?",
        "What is the smaller of {a} and {b}?",
        "What is the minimum of {a} and {b}?",
    ),
}
SORT = {
    "up": (
        "Sort {n}.",
        "Sort the numbers {n}.",
        "Put {n} in order.",
        "Order {n} from smallest to largest.",
    ),
    "down": (
        "Sort {n} in descending order.",
        "Order {n} from largest to smallest.",
        "Put {n} in falling order.",
        "Sort {n} from high to low.",
    ),
}
SUBSTITUTE = (
    "What is {e} at x = {x}?",
    "Find {e} when x = {x}.",
    "Evaluate {e} for x = {x}.",
    "If x = {x}, what is {e}?",
    "Put x = {x} into {e}.",
)
DERIVE = (
    "What is the derivative of {e}?",
    "Differentiate {e}.",
    "Find the derivative of {e}.",
    "Derive {e} with respect to x.",
)
SOLVE = (
    "Solve {e}.",
    "Solve {e} for x.",
    "Find x if {e}.",
    "What is x if {e}?",
    "If {e}, what is x?",
)


class SymbolsFamily:
    """A mix of all kinds, with the length of a name the most frequent."""

    name = "symbols"

    def generate(self, rng: random.Random) -> Item:
        kinds = {
            spelling.length: 22,
            spelling.count: 8,
            spelling.reverse: 14,
            spelling.sort: 7,
            spelling.place: 10,
            _sort: 7,
            _compare: 7,
            _substitute: 8,
            _derive: 9,
            _solve: 8,
        }
        (kind,) = rng.choices(tuple(kinds), weights=tuple(kinds.values()))
        return kind(rng).item(self.name)


SYMBOLS = SymbolsFamily()


def _sort(rng: random.Random) -> Problem:
    numbers = rng.sample(range(rng.choice((10, 100, 100, 1000))), rng.randint(3, 5))
    direction = rng.choice(tuple(SORT))
    ordered = sorted(numbers, reverse=direction == "down")
    at = rng.randrange(len(ordered) - 1)
    exchanged = [*ordered[:at], ordered[at + 1], ordered[at], *ordered[at + 2 :]]
    wrong = tuple(_listed(each) for each in (exchanged, ordered[::-1], ordered[:at] + ordered[at + 1 :], numbers))
    steps = spelling.selection(list(map(str, numbers)), list(map(str, ordered)), ",")
    return Problem(rng.choice(SORT[direction]).format(n=_listed(numbers)), steps, _listed(ordered), wrong)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _compare(rng: random.Random) -> Problem:
    """Lengths first, then digits from the left up to the first that differ: ``3=3,4<5``."""
    a = rng.randrange(10 ** rng.randint(1, 4))
    b = rng.choice((rng.randrange(10 ** rng.randint(1, 4)), int(str(a)[::-1]), a + rng.choice((1, 2, 10, 11))))
    if a == b:
        b += 1
    a, b = rng.sample((a, b), 2)
    asked = rng.choice(tuple(COMPARE))
    low, high = sorted((a, b))
    answer, other = (high, low) if asked == "larger" else (low, high)
    wrong = (str(other), "equal", str(a + b), str(abs(a - b)))
    return Problem(rng.choice(COMPARE[asked]).format(a=a, b=b), _comparison(str(a), str(b)), str(answer), wrong)


def _comparison(a: str, b: str) -> str:
    if len(a) != len(b):
        return f"{len(a)}{'<' if len(a) < len(b) else '>'}{len(b)} digits"
    steps: list[str] = []
    for left, right in zip(a, b, strict=True):
        steps.append(f"{left}{'<' if left < right else '>' if left > right else '='}{right}")
        if left != right:
            break
    return ",".join(steps)


def _substitute(rng: random.Random) -> Problem:
    x, constant = rng.randint(0, 12), rng.randint(1, 20)
    if rng.random() < 0.3:
        factor, head = x, "x^2"
    else:
        factor = rng.randint(2, 9)
        head = f"{factor}x"
    product = factor * x
    sign = "-" if product >= constant and rng.random() < 0.4 else "+"
    answer = product - constant if sign == "-" else product + constant
    other = product + constant if sign == "-" else abs(product - constant)
    steps = f"{factor}*{x}={product},{product}{sign}{constant}={answer}"
    wrong = (other, answer + rng.choice((1, 10)), product, factor + x + constant, answer + 2)
    question = rng.choice(SUBSTITUTE).format(e=f"{head} {sign} {constant}", x=x)
    return Problem(question, steps, str(answer), tuple(map(str, wrong)))


Terms = list[tuple[int, int]]
"""A polynomial as (coefficient, power) pairs, the highest power first."""


def _derive(rng: random.Random) -> Problem:
    """Term by term: ``3x^2:6x,5x:5``."""
    powers = sorted(rng.sample((0, 1, 2, 3, 4), rng.choice((1, 2, 2, 3))), reverse=True)
    if powers == [0]:
        powers = [2]
    terms = [(rng.randint(1, 9) * rng.choice((1, 1, -1)), power) for power in powers]
    terms[0] = (abs(terms[0][0]), terms[0][1])
    derived = [(factor * power, power - 1) for factor, power in terms if power]
    steps = ",".join(f"{_written([term])}:{_written([(term[0] * term[1], term[1] - 1)])}" for term in terms)
    slipped = [(derived[0][0] + rng.choice((1, 2)), derived[0][1]), *derived[1:]]
    wrong = (
        slipped,
        [(factor * power, power) for factor, power in terms if power],
        [(factor, power - 1) for factor, power in terms if power],
        terms,
        [*derived, (rng.randint(1, 9), 0)] if derived[-1][1] else derived[:-1],
    )
    question = rng.choice(DERIVE).format(e=_written(terms))
    return Problem(question, steps, _written(derived), tuple(_written(each) for each in wrong))


def _written(terms: Terms) -> str:
    """``[(3, 2), (-5, 1)]`` as ``3x^2 - 5x``."""
    text = ""
    for factor, power in terms:
        if factor == 0:
            continue
        size = "" if abs(factor) == 1 and power else str(abs(factor))
        variable = "" if power == 0 else "x" if power == 1 else f"x^{power}"
        sign = ("-" if factor < 0 else "") if not text else (" - " if factor < 0 else " + ")
        text += f"{sign}{size}{variable}"
    return text or "0"


def _solve(rng: random.Random) -> Problem:
    """``3x + 4 = 19`` by ``19-4=15,15/3=5``."""
    x, factor, constant = rng.randint(0, 12), rng.randint(1, 9), rng.randint(1, 20)
    product = factor * x
    sign = "-" if product >= constant and rng.random() < 0.5 else "+"
    right = product - constant if sign == "-" else product + constant
    steps = f"{right}{'+' if sign == '-' else '-'}{constant}={product}"
    if factor > 1:
        steps += f",{product}/{factor}={x}"
    near = [x + 1, abs(x - 1), product, right]
    equation = f"{factor if factor > 1 else ''}x {sign} {constant} = {right}"
    wrong = tuple(str(value) for value in [*rng.sample(near, len(near)), x + 2])
    return Problem(rng.choice(SOLVE).format(e=equation), steps, str(x), wrong)
