"""Column arithmetic written out as a scratchpad: one digit column at a time, from the units.

A *program* is a chain of steps over the variables ``x``, ``y``, ``z`` and ``#``, the result of the step before:
``"x*y;z-#"`` multiplies x by y and takes the product from z.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from itertools import zip_longest

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}


def results(program: str, values: Mapping[str, int]) -> list[int]:
    """The result of every step; the last one is the answer."""
    return [OPERATIONS[op](a, b) for a, op, b in _bind(program, values)]


def scratchpad(program: str, values: Mapping[str, int]) -> str:
    """The columns of every step, as in ``12+7: 2+7=9,1+0=1;19-5: 9-5=4,1-0=1``. No result may be negative."""
    writers = {"+": _addition, "-": _subtraction, "*": _product}
    return ";".join(writers[op](a, b) for a, op, b in _bind(program, values))


def mistakes(program: str, values: Mapping[str, int], rng: random.Random) -> tuple[str, ...]:
    """Wrong answers a careless reckoner could give to `program`, in random order."""
    *earlier, answer = results(program, values)
    a, op, b = _bind(program, values)[-1]
    slip = rng.choice((-2, -1, 1, 2)) * 10 ** rng.randrange(len(str(answer)))
    candidates = [
        _without_carry(a, op, b),
        answer + slip,
        answer + rng.choice((-1, 1)),
        answer + rng.choice((-10, 10)),
        int(str(answer)[::-1]),
        OPERATIONS["+" if op == "-" else "-"](a, b),
        *earlier,
    ]
    if op == "*":
        candidates += [answer + a, answer - b, a + b]
    wrong = sorted({value for value in candidates if value >= 0 and value != answer} | {answer + 1, answer + 2})
    return tuple(map(str, rng.sample(wrong, len(wrong))))


def _bind(program: str, values: Mapping[str, int]) -> list[tuple[int, str, int]]:
    """The steps of `program` with numbers in place of the variables."""
    bound: list[tuple[int, str, int]] = []
    known = dict(values)
    for left, op, right in map(tuple, program.split(";")):
        bound.append((known[left], op, known[right]))
        known["#"] = OPERATIONS[op](known[left], known[right])
    return bound


def _digits(number: int) -> list[int]:
    """Units first."""
    return [int(digit) for digit in reversed(str(number))]


def _columns(a: int, b: int) -> list[tuple[int, int]]:
    return list(zip_longest(_digits(a), _digits(b), fillvalue=0))


def _addition(a: int, b: int) -> str:
    """``347+285: 7+5=12,4+8+1=13,3+2+1=6``"""
    carry, steps = 0, []
    for top, bottom in _columns(a, b):
        total = top + bottom + carry
        steps.append(f"{top}+{bottom}{'+1' if carry else ''}={total}")
        carry = total // 10
    return f"{a}+{b}: {','.join(steps)}"


def _subtraction(a: int, b: int) -> str:
    """``532-285: 2-5=7b,3-8-1=4b,5-2-1=2``, where b marks a borrow."""
    if a < b:
        raise ValueError(f"{a}-{b} is negative; the scratchpad has no sign, so draw a >= b")
    borrow, steps = 0, []
    for top, bottom in _columns(a, b):
        left = top - bottom - borrow
        steps.append(f"{top}-{bottom}{'-1' if borrow else ''}={left % 10}{'b' if left < 0 else ''}")
        borrow = int(left < 0)
    return f"{a}-{b}: {','.join(steps)}"


def _product(a: int, b: int) -> str:
    """The longer factor first, then one row per digit of the other; two rows are added in columns.

    ``347*8: 7*8=56,4*8+5=37,3*8+3=27`` and
    ``118*12: 8*2=16,1*2+1=3,1*2=2 236;8*1=8,1*1=1,1*1=1 236+1180: 6+0=6,3+8=11,2+1+1=4,0+1=1``.
    A factor that ends in 0 needs its tens row only.
    """
    if len(str(a)) < len(str(b)):
        a, b = b, a
    tens, units = divmod(b, 10)
    if tens > 9:
        raise ValueError(f"{a}*{b} needs more than two rows; one factor must be below 100")
    if not tens:
        rows = _row(a, units)
    elif not units:
        rows = _row(a, tens)
    else:
        rows = f"{_row(a, units)} {a * units};{_row(a, tens)} {_addition(a * units, a * tens * 10)}"
    return f"{a}*{b}: {rows}"


def _row(a: int, digit: int) -> str:
    carry, steps = 0, []
    for top in _digits(a):
        total = top * digit + carry
        steps.append(f"{top}*{digit}{f'+{carry}' if carry else ''}={total}")
        carry = total // 10
    return ",".join(steps)


def _without_carry(a: int, op: str, b: int) -> int:
    """The result when every carry or borrow is forgotten."""
    pairs = [(top, b) for top in _digits(a)] if op == "*" else _columns(a, b)
    return sum(OPERATIONS[op](top, bottom) % 10 * 10**place for place, (top, bottom) in enumerate(pairs))
