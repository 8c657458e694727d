"""`serial`: a chain (AI-ModelNet, serial inference: y = M_K(… M_2(M_1(x)) …))."""

from __future__ import annotations

from itertools import pairwise

from langgraph.runtime import Runtime

from agentnet.collab.binding import yields_one
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import decide
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.protocols import Serial


def draw(serial: Serial, builder: GraphBuilder) -> None:
    """START → step 1 → step 2 → … (→ decide) → END.

    A step that fails is passed over: the next reads what stood before it, and the last answer stands. `decide` is there
    for chains in which that may leave several answers: their majority is the chain's.
    """
    everything = serial.see == "all"

    def view(state: State, slot: str, run: RunContext) -> list[str]:
        reads = state["view"]
        for ids in state["said"].values():
            reads = ids if run.answered(ids) and not everything else reads + ids
        return reads

    async def conclude(state: State, runtime: Runtime[RunContext]) -> State:
        stands = state["outcome"]
        return {"outcome": stands if len(stands) == 1 else await decide("majority", stands, runtime.context, state)}

    slots = builder.children(serial.steps, view, ends=True)
    if yields_one(serial) and not all(yields_one(step) for step in serial.steps):
        slots.append(builder.node("decide", conclude))
    builder.begin(slots[0])
    for before, after in pairwise(slots):
        builder.edge(before, end=after)
    builder.end(slots[-1])
