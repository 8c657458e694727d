"""`serial`: a chain (AI-ModelNet, serial inference: y = M_K(… M_2(M_1(x)) …))."""

from __future__ import annotations

from itertools import pairwise

from langgraph.runtime import Runtime

from agentnet.collab.binding import yields_one
from agentnet.collab.blueprint import Blueprint
from agentnet.collab.decisions import decide
from agentnet.collab.live import LiveRun
from agentnet.collab.state import State
from agentnet.contracts.protocols import Serial


def draw(serial: Serial, blueprint: Blueprint) -> None:
    """START → step 1 → step 2 → … (→ decide) → END.

    A step that fails is passed over: the next reads what stood before it, and the last answer stands. `decide` is there
    for chains in which that may leave several answers: their majority is the chain's.
    """
    everything = serial.see == "all"

    def view(state: State, slot: str, run: LiveRun) -> list[str]:
        reads = state["view"]
        for ids in state["said"].values():
            reads = ids if run.answered(ids) and not everything else reads + ids
        return reads

    async def conclude(state: State, runtime: Runtime[LiveRun]) -> State:
        stands = state["outcome"]
        return {"outcome": stands if len(stands) == 1 else await decide("majority", stands, runtime.context, state)}

    slots = blueprint.children(serial.steps, view, ends=True)
    if yields_one(serial) and not all(yields_one(step) for step in serial.steps):
        slots.append(blueprint.node("decide", conclude))
    blueprint.begin(slots[0])
    for before, after in pairwise(slots):
        blueprint.edge(before, end=after)
    blueprint.end(slots[-1])
