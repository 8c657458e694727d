"""`ask`: one turn of one agent, the leaf of every expression."""

from __future__ import annotations

from collections.abc import Iterator

from agentnet.agents.base import Need
from agentnet.collab.base import Binding, Combinator, roles_of
from agentnet.collab.binding import replace
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.contracts.protocols import Ask


class AskCombinator(Combinator[Ask]):
    """START → the agent → END."""

    def bind(self, ask: Ask, binder: Binding, path: str) -> Ask:
        return replace(ask, agent=binder.agent(ask.agent, f"{path}.agent"))

    def needs(self, ask: Ask, *, reads: bool, confidence: bool) -> Iterator[Need]:
        for role in roles_of(ask.role, reads=reads):
            yield Need(ask.agent, role, logprobs=confidence, format=ask.format.kind if ask.format else None)

    def build(self, ask: Ask, graph: GraphBuilder) -> None:
        (agent,) = graph.children([ask], ends=True)
        graph.begin(agent)
        graph.end(agent)


COMBINATOR = AskCombinator()
