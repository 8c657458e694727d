"""`debate`: independent answers, then rounds of reading and revising (Du et al., arXiv 2305.14325)."""

from __future__ import annotations

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.collab.context import RunContext
from agentnet.collab.decisions import agreement, decide
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.protocols import Debate


def draw(debate: Debate, builder: GraphBuilder) -> None:
    """START → every member at once → decide → (again: every member | over: END).

    A member that failed in one round is not read in the next, and may speak again then. Its last answer before that
    (kept under ``said["last/SLOT"]``) still counts when it comes to the decision.
    """

    def view(state: State, slot: str, _: RunContext) -> list[str]:
        if state["round"] == 0:
            return state["view"]
        return state["view"] + [id for other in _visible(debate, slots, slot) for id in state["said"].get(other, [])]

    slots = builder.children(debate.members, view)

    async def conclude(state: State, runtime: Runtime[RunContext]) -> Command[str]:
        run, said, round = runtime.context, state["said"], state["round"] + 1
        answers = run.answered(id for slot in slots for id in said[slot])
        settled = debate.stop == "consensus" and agreement(answers) >= debate.quorum
        if answers and not settled and round < debate.rounds:
            last = {f"last/{slot}": said[slot] for slot in slots if run.answered(said[slot])}
            return Command(update={"said": last, "round": round}, goto=slots)
        stands = [said[slot] if run.answered(said[slot]) else said.get(f"last/{slot}", said[slot]) for slot in slots]
        outcome = await decide(debate.decide, [id for ids in stands for id in ids], run, state)
        return Command(update={"outcome": outcome}, goto=END)

    builder.node("decide", conclude, goes_to=(*slots, END))
    builder.begin(*slots)
    builder.edge(*slots, end="decide")


def _visible(debate: Debate, slots: list[str], reader: str) -> list[str]:
    """The members whose last answers a member reads, in an order that is the same for every reader who reads them."""
    if debate.see == "others":
        return [slot for slot in slots if slot != reader]
    if debate.see == "next":
        return [slots[(slots.index(reader) + 1) % len(slots)]]
    return slots
