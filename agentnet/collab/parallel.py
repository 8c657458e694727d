"""`parallel`: branches that do not see each other, then a decision on their whole answers."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph.runtime import Runtime

from agentnet.agents.base import Need
from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import decide, rule_needs, rule_weighs_confidence
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.protocols import Parallel


class ParallelCombinator(Combinator[Parallel]):
    """START → every branch at once → decide → END."""

    own_nodes = frozenset({"decide"})

    def bind(self, parallel: Parallel, binder: Binding, path: str) -> Parallel:
        branches = binder.expressions(parallel.branches, f"{path}.parallel.branches") * parallel.times
        rule = binder.rule(parallel.decide, f"{path}.parallel.decide")
        return replace(parallel, branches=branches, times=1, decide=rule)

    def needs(self, parallel: Parallel, *, reads: bool, confidence: bool) -> Iterator[Need]:
        return rule_needs(parallel.decide)

    def yields_one(self, parallel: Parallel) -> bool:
        return parallel.decide != "all"

    def weighs_confidence(self, parallel: Parallel) -> bool:
        return rule_weighs_confidence(parallel.decide)

    def build(self, parallel: Parallel, graph: GraphBuilder) -> None:
        branches = graph.children(parallel.branches)

        async def conclude(state: State, runtime: Runtime[RunContext]) -> State:
            candidates = [id for branch in branches for id in state["outputs"][branch]]
            outcome = await decide(parallel.decide, candidates, runtime.context, state, quorum_of=parallel.quorum_of)
            return {"outcome": outcome}

        graph.node("decide", conclude)
        graph.begin(*branches)
        graph.edge(*branches, end="decide")
        graph.end("decide")


COMBINATOR = ParallelCombinator()
