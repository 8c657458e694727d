"""Questions of arithmetic: bare expressions and word problems, of one step or two, solved in columns."""

from __future__ import annotations

import random

from agentnet.zoo.families.arithmetic import mistakes, results, scratchpad
from agentnet.zoo.families.base import Item
from agentnet.zoo.families.lexicon import OBJECTS, person
from agentnet.zoo.families.problem import Problem

MAX_SOLUTION = 117
"""Characters of scratchpad and answer; the few longer products are drawn again."""

PLAIN_ASK = "What is {e}?"
ASKS = ("Compute {e}.", "{e} = ?", "Calculate {e}.", "Find {e}.", "How much is {e}?", "Work out {e}.")

EXPRESSIONS = {"x+y": "{x} + {y}", "x-y": "{x} - {y}", "x*y": "{x} * {y}"}

LONG_EXPRESSIONS = {
    "x+y;#-z": "{x} + {y} - {z}",
    "x-y;#+z": "{x} - {y} + {z}",
    "x+y;#+z": "{x} + {y} + {z}",
    "x-y;#-z": "{x} - {y} - {z}",
    "x*y;#+z": "{x} * {y} + {z}",
    "x*y;#-z": "{x} * {y} - {z}",
    "y*z;x+#": "{x} + {y} * {z}",
    "y*z;x-#": "{x} - {y} * {z}",
    "x+y;#*z": "({x} + {y}) * {z}",
    "x-y;#*z": "({x} - {y}) * {z}",
}

WORDED = (
    ("x+y", "What is {x} plus {y}?"),
    ("x+y", "Add {x} and {y}."),
    ("x+y", "What is the sum of {x} and {y}?"),
    ("x-y", "What is {x} minus {y}?"),
    ("x-y", "Subtract {y} from {x}."),
    ("x-y", "What is the difference of {x} and {y}?"),
    ("x*y", "What is {x} times {y}?"),
    ("x*y", "Multiply {x} by {y}."),
    ("x*y", "What is the product of {x} and {y}?"),
)

STORIES = (
    ("x+y", "{a} has {x} {o} and buys {y} more. How many {o} does {a} have?"),
    ("x+y", "{a} has {x} {o}. {b} has {y} {o}. How many {o} do they have together?"),
    ("x+y", "A box holds {x} {o}. A bag holds {y} {o}. How many {o} are there in all?"),
    ("x+y", "{a} found {x} {o} on Monday and {y} on Friday. How many {o} in total?"),
    ("x+y", "{b} has {x} {o}. {a} has {y} more than {b}. How many {o} does {a} have?"),
    ("x-y", "{a} has {x} {o} and gives {y} to {b}. How many {o} are left?"),
    ("x-y", "There are {x} {o} in a shop. {a} buys {y} of them. How many remain?"),
    ("x-y", "{a} had {x} {o} and lost {y}. How many {o} does {a} have now?"),
    ("x-y", "{a} has {x} {o}. {b} has {y}. How many more {o} does {a} have than {b}?"),
    ("x-y", "{b} has {x} {o}. {a} has {y} fewer than {b}. How many {o} does {a} have?"),
    ("x*y", "There are {x} boxes with {y} {o} each. How many {o} are there?"),
    ("x*y", "{a} buys {x} bags of {y} {o}. How many {o} does {a} get?"),
    ("x*y", "{a} collects {x} {o} every day. How many {o} in {y} days?"),
    ("x*y", "Each shelf holds {x} {o}. How many {o} fit on {y} shelves?"),
    ("x*y", "One of the {o} costs {x} coins. How many coins do {y} of them cost?"),
)

LONG_STORIES = (
    ("x+y;#-z", "{a} has {x} {o}, buys {y} more and gives {z} to {b}. How many {o} are left?"),
    ("x+y;#-z", "{a} found {x} {o}, then {y} more, and sold {z}. How many {o} does {a} have?"),
    ("x+y;#-z", "A shop had {x} {o}, got {y} more and sold {z}. How many {o} remain?"),
    ("x-y;#+z", "{a} had {x} {o}, lost {y} and then bought {z}. How many {o} does {a} have?"),
    ("x-y;#+z", "A bus has {x} people. At a stop {y} get off and {z} get on. How many are on it?"),
    ("x-y;#-z", "{a} has {x} {o}, gives {y} to {b} and sells {z}. How many {o} are left?"),
    ("x-y;#-z", "Of {x} {o}, {y} are red, {z} are blue and the rest green. How many are green?"),
    ("x+y;#+z", "{a} has {x} {o}, {b} has {y} and {c} has {z}. How many {o} do they have in all?"),
    ("x*y;#+z", "{a} buys {x} bags of {y} {o} and finds {z} more. How many {o} does {a} have?"),
    ("x*y;#+z", "There are {x} boxes of {y} {o} and {z} loose ones. How many {o} are there?"),
    ("x*y;#-z", "{a} has {x} boxes of {y} {o} and gives away {z}. How many {o} are left?"),
    ("x*y;#-z", "{a} collects {x} {o} a day for {y} days and sells {z}. How many {o} remain?"),
    ("y*z;x-#", "{a} has {x} coins and buys {y} {o} at {z} coins each. How many coins are left?"),
    ("y*z;x+#", "{a} has {x} {o} and buys {y} bags of {z}. How many {o} does {a} have now?"),
    ("x+y;#*z", "A box holds {x} red and {y} blue {o}. How many {o} are in {z} such boxes?"),
    ("x+y;#*z", "{a} collects {x} {o} and {b} {y} every day. How many {o} in {z} days?"),
)


class MathFamily:
    """Sums, differences and products of up to three digits; see the templates above."""

    name = "math"

    def generate(self, rng: random.Random) -> Item:
        kinds = (_expression, _long_expression, _worded, _story, _long_story)
        while True:
            (kind,) = rng.choices(kinds, weights=(40, 15, 9, 20, 16))
            item = kind(rng).item(self.name)
            if len(item.solution) <= MAX_SOLUTION:
                return item


MATH = MathFamily()


def _expression(rng: random.Random) -> Problem:
    program = rng.choice(tuple(EXPRESSIONS))
    return _problem(rng, program, _ask(rng, EXPRESSIONS[program]), _operands(rng, program))


def _long_expression(rng: random.Random) -> Problem:
    program = rng.choice(tuple(LONG_EXPRESSIONS))
    return _problem(rng, program, _ask(rng, LONG_EXPRESSIONS[program]), _operands(rng, program))


def _worded(rng: random.Random) -> Problem:
    program, template = rng.choice(WORDED)
    return _problem(rng, program, template, _operands(rng, program))


def _story(rng: random.Random) -> Problem:
    program, template = rng.choice(STORIES)
    return _problem(rng, program, template, _operands(rng, program, least=2))


def _long_story(rng: random.Random) -> Problem:
    program, template = rng.choice(LONG_STORIES)
    return _problem(rng, program, template, _operands(rng, program, least=2))


def _ask(rng: random.Random, expression: str) -> str:
    """Half of the bare expressions are asked in the words that compound questions use."""
    template = PLAIN_ASK if rng.random() < 0.5 else rng.choice(ASKS)
    return template.format(e=expression if rng.random() < 0.9 else expression.replace(" ", ""))


def _problem(rng: random.Random, program: str, template: str, values: dict[str, int]) -> Problem:
    a, b, c = (person(rng) for _ in range(3))
    while len({a, b, c}) < 3:
        b, c = person(rng), person(rng)
    question = template.format(**values, a=a, b=b, c=c, o=rng.choice(OBJECTS))
    answer = str(results(program, values)[-1])
    return Problem(question, scratchpad(program, values), answer, mistakes(program, values, rng))


def _operands(rng: random.Random, program: str, least: int = 0) -> dict[str, int]:
    """Numbers for the variables of `program`, such that no step goes below `least` or past five digits."""
    long = ";" in program
    while True:
        values = {name: _number(rng, least, long) for name in "xyz" if name in program}
        for left, op, right in map(tuple, program.split(";")):
            if op == "*":
                values[right] = _multiplier(rng, least, long)
                if left != "#" and rng.random() < 0.3:
                    values[left], values[right] = values[right], values[left]
        if min(results(program, values)) >= (least if long else 0):
            return values


def _number(rng: random.Random, least: int, long: bool) -> int:
    """Up to three digits, every length well represented."""
    (top,) = rng.choices((9, 20, 99, 999), weights=(20, 20, 45, 15) if long else (15, 15, 35, 35))
    return rng.randint(least, top)


def _multiplier(rng: random.Random, least: int, long: bool) -> int:
    """One digit within a chain; elsewhere often up to 20 and at times any two digits."""
    (top,) = rng.choices((9, 20, 99), weights=(100, 0, 0) if long else (35, 40, 25))
    return rng.randint(least, top)
