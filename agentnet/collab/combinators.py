"""The combinators by kind, and what follows from all of them in a tree of expressions.

The kinds are those of `contracts.protocols.COMBINATORS`; the combinator of a kind is ``COMBINATOR`` in the module of
that name in this package. It is imported when it is first asked for: a protocol without `fuse` loads no `fusion`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from agentnet.agents.base import Need
from agentnet.collab.base import Combinator
from agentnet.contracts.protocols import Expression

ENDS = 5
"""Super-steps that any graph may take beside those of its combinator: to start, to decide, to end."""


def combinator_of(expression: Expression) -> Combinator[Any]:
    """Return the combinator that carries out an expression."""
    combinator: Combinator[Any] = import_module(f"{__package__}.{expression.kind}").COMBINATOR
    return combinator


def children(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions directly inside one."""
    return combinator_of(expression).children(expression)


def yields_one(expression: Expression) -> bool:
    """Return whether an expression ends with one answer rather than several."""
    return combinator_of(expression).yields_one(expression)


def needs(expression: Expression, *, reads: bool = False, confidence: bool = False) -> Iterator[Need]:
    """Yield what an expression and all that is inside it need of agents; a need may come more than once.

    `reads`: there may be messages to read where it begins. `confidence`: its answers must come with a confidence.
    """
    combinator = combinator_of(expression)
    confidence = confidence or combinator.weighs_confidence(expression)
    yield from combinator.needs(expression, reads=reads, confidence=confidence)
    for index, part in enumerate(combinator.children(expression)):
        part_reads = reads or combinator.comes_to_read(expression, index)
        yield from needs(part, reads=part_reads, confidence=confidence)


def agents_of(expression: Expression) -> list[str]:
    """Return the names that an expression mentions anywhere, once each, in order."""
    return list(dict.fromkeys(need.agent for need in needs(expression)))


def certain_agents(expression: Expression) -> frozenset[str]:
    """Return the agents that take part in every run of a bound expression, as far as nothing fails."""
    combinator = combinator_of(expression)
    own = {need.agent for need in combinator.needs(expression, reads=False, confidence=False)}
    parts = combinator.children(expression) if combinator.asks_all else ()
    return frozenset(own).union(*map(certain_agents, parts))


def most_steps(expression: Expression) -> int:
    """Return an upper bound of the super-steps of any one graph in an expression: its recursion limit in LangGraph."""
    combinator = combinator_of(expression)
    own = combinator.super_steps(expression) + ENDS
    return max([own, *(most_steps(part) for part in combinator.children(expression))])
