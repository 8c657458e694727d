"""From a bound protocol expression to a LangGraph state machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentnet.collab.combinators import combinator_of
from agentnet.collab.graph_builder import Graph, GraphBuilder
from agentnet.contracts.protocols import Expression

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


def compile_expression(expression: Expression, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """Return the graph of a bound expression. It holds nothing of any run and can carry many runs at once."""
    return _graph_of(expression, confidence=False).compile(checkpointer)


def _graph_of(expression: Expression, *, confidence: bool) -> GraphBuilder:
    """Return the graph of an expression, built; `confidence`: the answers must come with a confidence."""
    combinator = combinator_of(expression)
    confidence = confidence or combinator.weighs_confidence(expression)
    graph = GraphBuilder(
        expression.kind,
        own_nodes=combinator.own_nodes,
        compile_part=lambda part: _graph_of(part, confidence=confidence).compile(),
        confidence=confidence,
    )
    combinator.build(expression, graph)
    return graph
