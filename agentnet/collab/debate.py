"""`debate`: independent answers, then rounds of reading and revising (Du et al., arXiv 2305.14325)."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.agents.base import Need
from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import agreement, decide, rule_needs, rule_weighs_confidence
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.protocols import Debate


class DebateCombinator(Combinator[Debate]):
    """START → every member at once → decide → (again: every member | over: END).

    A member that failed in one round is not read in the next, and may answer again then. Its last answer before that
    (kept in the state's `answers`) still counts in the decision.
    """

    own_nodes = frozenset({"decide"})

    def bind(self, debate: Debate, binder: Binding, path: str) -> Debate:
        members = binder.expressions(debate.members, f"{path}.debate.members")
        binder.require_single(members, f"{path}.debate.members")
        return replace(debate, members=members, decide=binder.rule(debate.decide, f"{path}.debate.decide"))

    def needs(self, debate: Debate, *, reads: bool, confidence: bool) -> Iterator[Need]:
        return rule_needs(debate.decide)

    def yields_one(self, debate: Debate) -> bool:
        return debate.decide != "all"

    def weighs_confidence(self, debate: Debate) -> bool:
        return rule_weighs_confidence(debate.decide)

    def comes_to_read(self, debate: Debate, index: int) -> bool:
        return debate.rounds > 1

    def super_steps(self, debate: Debate) -> int:
        return 2 * debate.rounds

    def build(self, debate: Debate, graph: GraphBuilder) -> None:
        def visible(state: State, node: str, _run: RunContext) -> list[str]:
            if state["round"] == 0:
                return state["visible"]
            read = _members_read(debate, members, node)
            return state["visible"] + [id for member in read for id in state["outputs"].get(member, [])]

        members = graph.children(debate.members, visible)

        async def conclude(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            run, outputs, round = runtime.context, state["outputs"], state["round"] + 1
            answered = {member: outputs[member] for member in members if run.answered(outputs[member])}
            answers = run.answered(run.counted(id for ids in answered.values() for id in ids))
            counted = run.counted(id for member in members for id in outputs[member])
            of = len(counted) if debate.quorum_of == "members" else max(1, len(answers))
            settled = debate.stop == "consensus" and agreement(answers, of) >= debate.quorum
            if answers and not settled and round < debate.rounds:
                return Command(update={"answers": answered, "round": round}, goto=members)
            latest = {**outputs, **state["answers"], **answered}
            candidates = [id for member in members for id in latest[member]]
            outcome = await decide(debate.decide, candidates, run, state, quorum_of=debate.quorum_of)
            return Command(update={"outcome": outcome}, goto=END)

        graph.node("decide", conclude, goes_to=(*members, END))
        graph.begin(*members)
        graph.edge(*members, end="decide")


def _members_read(debate: Debate, members: list[str], reader: str) -> list[str]:
    """Return the members whose last answers a member reads, in an order that is the same for all that read them."""
    if debate.see == "others":
        return [member for member in members if member != reader]
    if debate.see == "next":
        return [members[(members.index(reader) + 1) % len(members)]]
    return members


COMBINATOR = DebateCombinator()
