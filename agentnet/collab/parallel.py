"""`parallel`: branches that do not see each other, then a decision on their whole answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.agents.base import Need
from agentnet.answers import normalise
from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import approval, decide, majority, rule_needs, rule_weighs_confidence, vote_weights
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.collab.tally import Tally
from agentnet.contracts.bodies import answer_of
from agentnet.contracts.cards import Card
from agentnet.contracts.protocols import Ask, Expression, Parallel


class ParallelCombinator(Combinator[Parallel]):
    """START → every branch at once → decide → END.

    With ``stop: decided``: START → decide → (as many branches as could decide → decide)* → END. The branches are asked
    in their order, under the same seeds as if all were asked at once, until no answer that is left could change the
    decision: the answer is the same.
    """

    own_nodes = frozenset({"decide"})

    def bind(self, parallel: Parallel, binder: Binding, path: str) -> Parallel:
        branches = binder.expressions(parallel.branches, f"{path}.parallel.branches") * parallel.times
        if parallel.stop == "decided":
            binder.require_single(branches, f"{path}.parallel.branches")
        rule = binder.rule(parallel.decide, f"{path}.parallel.decide")
        return replace(parallel, branches=branches, times=1, decide=rule)

    def needs(self, parallel: Parallel, *, reads: bool, confidence: bool) -> Iterator[Need]:
        return rule_needs(parallel.decide)

    def yields_one(self, parallel: Parallel) -> bool:
        return parallel.decide != "all"

    def weighs_confidence(self, parallel: Parallel) -> bool:
        return rule_weighs_confidence(parallel.decide)

    def super_steps(self, parallel: Parallel) -> int:
        return 2 * len(parallel.branches) if parallel.stop == "decided" else 1

    def build(self, parallel: Parallel, graph: GraphBuilder) -> None:
        branches = graph.children(parallel.branches)

        async def conclude(state: State, runtime: Runtime[RunContext]) -> State:
            candidates = [id for branch in branches for id in state["outputs"][branch]]
            outcome = await decide(parallel.decide, candidates, runtime.context, state, quorum_of=parallel.quorum_of)
            return {"outcome": outcome}

        async def continue_or_conclude(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            run, outputs = runtime.context, state["outputs"]
            ids = [id for branch in branches for id in outputs.get(branch, [])]
            left = [place for place, branch in enumerate(branches) if branch not in outputs]
            open_ones, passed_over = _divided(parallel, left, run, state)
            cards = [_card(parallel.branches[place], run, state) for place in open_ones]
            if next_ones := open_ones[: _needed(parallel, ids, cards, run, state)]:
                return Command(goto=[branches[place] for place in next_ones])
            if passed_over and not run.answered(ids):
                return Command(goto=[branches[place] for place in passed_over])
            outcome = await decide(parallel.decide, ids, run, state, quorum_of=parallel.quorum_of, unasked=cards)
            return Command(update={"outcome": outcome}, goto=END)

        if parallel.stop == "decided":
            graph.node("decide", continue_or_conclude, goes_to=(*branches, END))
            graph.begin("decide")
        else:
            graph.node("decide", conclude)
            graph.begin(*branches)
            graph.end("decide")
        graph.edge(*branches, end="decide")


def _divided(parallel: Parallel, left: Sequence[int], run: RunContext, state: State) -> tuple[list[int], list[int]]:
    """Divide the places of branches into those that count and those of members on probation, which are passed over."""
    label = run.task(state["task"]).label
    on_probation = {
        place
        for place in left
        if isinstance(part := parallel.branches[place], Ask)
        and run.agent(part.agent, label).name in run.network.probation
    }
    return [place for place in left if place not in on_probation], sorted(on_probation)


def _needed(parallel: Parallel, ids: Sequence[str], cards: Sequence[Card | None], run: RunContext, state: State) -> int:
    """Return how many of the branches that are left must be asked next, all at once; 0 where the decision is certain.

    `cards` are those of the branches that are left and count. A majority that rests on answers which no verifier
    approved is not certain: a further answer may be an approved one.
    """
    ids = run.counted(ids)
    answers = [message for message in run.answered(ids) if not run.backers(message) <= run.network.probation]
    if parallel.decide == "first":
        return 0 if answers else 1
    weights = vote_weights(parallel.decide, run.get(ids), run, run.task(state["task"]).label, cards)
    weighed = dict(zip(ids, weights, strict=False))
    tally = Tally(
        answers=tuple(normalise(answer_of(message.body) or "") for message in answers),
        weights=tuple(weighed[message.id] for message in answers),
        left=tuple(weights[len(ids) :]),
        quorum=(len(ids) + len(cards) + 1) // 2 if parallel.quorum_of == "members" else 1,
    )
    if not cards:
        return 0
    if not tally.decided():
        return tally.needed()
    supporters = run.get(majority(answers, tally.weights, "").sources)
    return len(cards) if approval(supporters) is False else 0


def _card(part: Expression, run: RunContext, state: State) -> Card | None:
    """Return the card of a branch that asks one agent; None for a branch that is a collaboration of its own."""
    return run.agent(part.agent, run.task(state["task"]).label).card if isinstance(part, Ask) else None


COMBINATOR = ParallelCombinator()
