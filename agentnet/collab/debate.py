"""`debate`: independent answers, then rounds of reading and revising (Du et al., arXiv 2305.14325)."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agentnet.collab.blueprint import Blueprint
from agentnet.collab.decisions import agreement, decide
from agentnet.collab.live import LiveRun
from agentnet.collab.state import State
from agentnet.contracts.protocols import Debate


def draw(debate: Debate, blueprint: Blueprint) -> None:
    """START → every member at once → gather → (again: every member | over: decide) → END.

    A member that failed in one round is not read in the next, and may speak again then. Its last answer before that
    (kept under ``said["last/SLOT"]``) still counts when it comes to the decision.
    """

    def view(state: State, slot: str, _: LiveRun) -> list[str]:
        if state["round"] == 0:
            return state["view"]
        return state["view"] + [id for other in _visible(debate, slots, slot) for id in state["said"].get(other, [])]

    slots = blueprint.children(debate.members, view)

    async def gather(state: State, runtime: Runtime[LiveRun]) -> State:
        run = runtime.context
        said = {slot: state["said"][slot] for slot in slots}
        answers = run.answered(id for ids in said.values() for id in ids)
        settled = debate.stop == "consensus" and agreement(answers) >= debate.quorum
        over = settled or not answers or state["round"] + 1 >= debate.rounds
        last = {f"last/{slot}": ids for slot, ids in said.items() if run.answered(ids)}
        return {"said": last, "round": state["round"] + 1, "done": over}

    async def conclude(state: State, runtime: Runtime[LiveRun]) -> State:
        said = state["said"]
        candidates = [id for slot in slots for id in said.get(f"last/{slot}", said[slot])]
        return {"outcome": await decide(debate.decide, candidates, runtime.context, state)}

    blueprint.node("gather", gather)
    blueprint.node("decide", conclude)
    blueprint.begin(*slots)
    blueprint.edge(*slots, end="gather")
    blueprint.branch("gather", lambda state: "decide" if state["done"] else slots, [*slots, "decide"])
    blueprint.end("decide")


def _visible(debate: Debate, slots: list[str], reader: str) -> list[str]:
    """The members whose last answers a member reads, in an order that is the same for every reader who reads them."""
    if debate.see == "others":
        return [slot for slot in slots if slot != reader]
    if debate.see == "next":
        return [slots[(slots.index(reader) + 1) % len(slots)]]
    return slots
