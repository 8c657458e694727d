"""`parallel`: branches that do not see each other, then a decision on their whole answers."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agentnet.collab.blueprint import Blueprint, parents_view
from agentnet.collab.decisions import decide
from agentnet.collab.live import LiveRun
from agentnet.collab.state import State
from agentnet.contracts.protocols import Parallel


def draw(parallel: Parallel, blueprint: Blueprint) -> None:
    """START → every branch at once → decide → END."""
    slots = blueprint.children(parallel.branches, parents_view)

    async def conclude(state: State, runtime: Runtime[LiveRun]) -> State:
        candidates = [id for slot in slots for id in state["said"][slot]]
        return {"outcome": await decide(parallel.decide, candidates, runtime.context, state)}

    blueprint.node("decide", conclude)
    blueprint.begin(*slots)
    blueprint.edge(*slots, end="decide")
    blueprint.end("decide")
