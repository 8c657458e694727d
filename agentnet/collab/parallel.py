"""`parallel`: branches that do not see each other, then a decision on their whole answers."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agentnet.collab.context import RunContext
from agentnet.collab.decisions import decide
from agentnet.collab.graph_builder import GraphBuilder, parents_view
from agentnet.collab.state import State
from agentnet.contracts.protocols import Parallel


def draw(parallel: Parallel, builder: GraphBuilder) -> None:
    """START → every branch at once → decide → END."""
    slots = builder.children(parallel.branches, parents_view)

    async def conclude(state: State, runtime: Runtime[RunContext]) -> State:
        candidates = [id for slot in slots for id in state["said"][slot]]
        return {"outcome": await decide(parallel.decide, candidates, runtime.context, state)}

    builder.node("decide", conclude)
    builder.begin(*slots)
    builder.edge(*slots, end="decide")
    builder.end("decide")
