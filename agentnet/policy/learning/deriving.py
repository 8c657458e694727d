"""Candidates that cost nothing to try: what votes and cascades would have made of answers that members gave alone.

Their steps do not see each other, so that an answer does not depend on the others that were asked. The rules are those
of `agentnet.collab`: `parallel` decided by majority, and `cascade` until two members agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from agentnet.answers import plurality
from agentnet.contracts.protocols import Ask, Cascade, Expression, Parallel
from agentnet.policy.learning.evidence import Row

MOST_DERIVED = 120
"""The most cascades of three that are tried: with more members, those of the cheapest."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a member answered alone, None where it gave no answer, and the row that it makes."""

    answer: str | None
    row: Row


def cascades(members: Sequence[str], expense: Mapping[str, float]) -> list[tuple[str, Expression]]:
    """Return the cascades of three members that ask cheap ones first, each with its name, `MOST_DERIVED` at most.

    `expense` is what an answer of a member takes. The answer counts on which the first two agree, or two of three, else
    that of the last and most expensive.
    """
    ranked = sorted(members, key=lambda member: expense[member])
    return [
        (f"cascade {', '.join(steps)}", Cascade(steps=tuple(Ask(agent=name) for name in steps)))
        for steps in islice(combinations(ranked, 3), MOST_DERIVED)
    ]


def derived(name: str, expression: Expression, replies: Iterable[Reply]) -> Iterator[Row]:
    """Yield the row that a vote or a cascade of members makes of each item that all of its members answered.

    `replies` are those of members alone, in any order; the first of a member to an item counts. One that could not be
    asked leaves its item out. Raises `ValueError` for an expression that is neither.
    """
    steps = members_of(expression)
    if steps is None:
        raise ValueError(f"{name}: only votes and cascades of single members can be derived")
    items: dict[str, dict[str, Reply]] = defaultdict(dict)
    for reply in replies:
        if reply.row.candidate in steps and reply.row.score is not None:
            items[reply.row.item].setdefault(reply.row.candidate, reply)
    for found in items.values():
        if len(found) == len(steps):
            yield _row(name, expression, [found[step] for step in steps])


def members_of(expression: Expression) -> list[str] | None:
    """Return the members of a vote or a cascade of different single members; None for any other expression."""
    match expression:
        case Parallel(branches=parts, decide="majority", times=1) | Cascade(steps=parts, until="agreement"):
            names = [part.agent for part in parts if isinstance(part, Ask) and part == Ask(agent=part.agent)]
            return names if len(names) == len(parts) == len(set(names)) else None
        case _:
            return None


def _row(name: str, expression: Expression, replies: Sequence[Reply]) -> Row:
    asked, chosen = _cascade(expression, replies) if isinstance(expression, Cascade) else _vote(replies)
    rows = [reply.row for reply in asked]
    first = rows[0]
    parallel = isinstance(expression, Parallel)
    seconds = [row.seconds for row in rows]
    return Row(
        candidate=name,
        item=first.item,
        label=first.label,
        cluster=first.cluster,
        score=0.0 if chosen is None else chosen.row.score,
        tokens=sum(row.tokens for row in rows),
        seconds=max(seconds) if parallel else sum(seconds),
        cost=sum(row.cost for row in rows),
    )


def _vote(replies: Sequence[Reply]) -> tuple[Sequence[Reply], Reply | None]:
    """The replies that are asked for, and the one that is the answer: fewer than half of them are none."""
    answered = [reply for reply in replies if reply.answer is not None]
    if not answered or 2 * len(answered) < len(replies):
        return replies, None
    return replies, answered[plurality([reply.answer or "" for reply in answered])[0][0]]


def _cascade(cascade: Cascade, replies: Sequence[Reply]) -> tuple[Sequence[Reply], Reply | None]:
    answered: list[Reply] = []
    for number, reply in enumerate(replies, start=1):
        if reply.answer is not None:
            answered.append(reply)
        if answered:
            equal, _ = plurality([one.answer or "" for one in answered])
            if len(equal) >= cascade.agree:
                return replies[:number], answered[equal[0]]
    if not answered:
        return replies, None
    if cascade.otherwise == "last":
        return replies, answered[-1]
    return replies, answered[plurality([one.answer or "" for one in answered])[0][0]]
