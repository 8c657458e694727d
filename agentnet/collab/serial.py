"""`serial`: a chain (AI-ModelNet, serial inference: y = M_K(… M_2(M_1(x)) …))."""

from __future__ import annotations

from itertools import pairwise

from agentnet.collab.blueprint import Blueprint
from agentnet.collab.state import State
from agentnet.contracts.protocols import Serial


def draw(serial: Serial, blueprint: Blueprint) -> None:
    """START → step 1 → step 2 → … → END. A step that fails is passed over: the next reads what stood before it."""
    everything = serial.see == "all"

    def view(state: State, slot: str) -> list[str]:
        if everything:
            return state["view"] + [id for ids in state["said"].values() for id in ids]
        return state.get("outcome") or state["view"]

    slots = blueprint.children(serial.steps, view, ends=True)
    blueprint.begin(slots[0])
    for before, after in pairwise(slots):
        blueprint.edge(before, after)
    blueprint.end(slots[-1])
