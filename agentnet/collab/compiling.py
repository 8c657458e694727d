"""From a bound protocol expression to a LangGraph state machine."""

from __future__ import annotations

from typing import Any

from agentnet.collab import best, cascade, debate, delegate, fuse, parallel, serial, verify
from agentnet.collab.binding import children
from agentnet.collab.graph_builder import Graph, GraphBuilder, parents_view
from agentnet.contracts.protocols import (
    Ask,
    Best,
    Cascade,
    Debate,
    Delegate,
    Expression,
    Fuse,
    Parallel,
    Serial,
    Verify,
    Weighted,
)


def compile_expression(expression: Expression, checkpointer: Any = None) -> Graph:
    """The graph of a bound expression. It holds nothing of any run and can carry many runs at once."""
    return _build(expression, checkpointer, confidence=False)


def _build(expression: Expression, checkpointer: Any, *, confidence: bool) -> Graph:
    weighs = confidence or weighs_confidence(expression)
    builder = GraphBuilder(expression.kind, lambda part: _build(part, None, confidence=weighs), confidence=weighs)
    match expression:
        case Ask():
            (slot,) = builder.children([expression], parents_view, ends=True)
            builder.begin(slot)
            builder.end(slot)
        case Serial():
            serial.draw(expression, builder)
        case Parallel():
            parallel.draw(expression, builder)
        case Debate():
            debate.draw(expression, builder)
        case Delegate():
            delegate.draw(expression, builder)
        case Verify():
            verify.draw(expression, builder)
        case Fuse():
            fuse.draw(expression, builder)
        case Cascade():
            cascade.draw(expression, builder)
        case Best():
            best.draw(expression, builder)
    return builder.build(checkpointer)


def weighs_confidence(expression: Expression) -> bool:
    """Whether an expression decides by how sure its members are."""
    if isinstance(expression, Cascade):
        return expression.until == "confidence"
    if not isinstance(expression, Parallel | Debate):
        return False
    rule = expression.decide
    return rule == "confidence" or (isinstance(rule, Weighted) and rule.by == "confidence")


def most_steps(expression: Expression) -> int:
    """An upper bound of the super-steps of any one graph in an expression: LangGraph's recursion limit for it."""
    match expression:
        case Serial():
            own = len(expression.steps)
        case Cascade():
            own = 2 * len(expression.steps)
        case Debate():
            own = 2 * expression.rounds
        case Verify():
            own = 2 * (expression.retries + 1)
        case Delegate():
            own = 2 * expression.max_steps * len(expression.workers)
        case _:
            own = 1
    return max([own + 5, *(most_steps(part) for part in children(expression))])
