"""`route`: an answer goes from member to member until its judges approve (AI-Model Network, arXiv 2606.27382, 3.6).

Algorithm 1, the choice of the judges, is in `mutual`; this is Algorithm 2. Two misprints of its printed form are
corrected: the loop goes on while someone disapproves *and* hops are left, and each hop is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from agentnet.agents.base import Need
from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.mutual import OF_CHOICE, judges
from agentnet.collab.state import State
from agentnet.contracts.bodies import Error, Result, Verdict, answer_of
from agentnet.contracts.messages import COORDINATOR, Message
from agentnet.contracts.protocols import BEST, Ask, Expression, Route
from agentnet.errors import ProtocolError


class RouteCombinator(Combinator[Route]):
    """START → first → a member → poll → every judge of that member at once → decide → (next member → poll …)* → END.

    The state's `history` holds the answers and the verdicts on them, `round` counts turns. A verdict that is missing
    approves nothing, and is no disapproval: its judge is not asked to do better. A member that fails as first is
    replaced by the next best; one that fails as a hop leaves the answer as it is, and another disapprover is drawn.
    """

    own_nodes = frozenset({"first", "poll", "vote", "decide"})

    def bind(self, route: Route, binder: Binding, path: str) -> Route:
        path = f"{path}.route"
        members = binder.agents(route.members, f"{path}.members")
        first = None if route.first in (None, BEST) else binder.agent(str(route.first), f"{path}.first")
        chosen = route.judges or self._chosen(route, members, binder, path)
        for name in [first or members[0], *chosen, *(judge for each in chosen.values() for judge in each)]:
            if name not in members:
                raise ProtocolError(f"{path}: {name} is none of its members ({', '.join(members)})")
        return replace(route, members=members, first=first, judges=chosen, grades=None)

    def _chosen(self, route: Route, members: tuple[str, ...], binder: Binding, path: str) -> dict[str, tuple[str, ...]]:
        grades = route.grades or binder.grades()
        if not grades:
            raise ProtocolError(
                f"{path}: nobody has graded these members yet; let them grade each other (`agentnet grade`), or name "
                f"the `judges` of each"
            )
        return judges(grades, members, d1=route.d1, d2=route.d2, state=OF_CHOICE[route.choose])

    def children(self, route: Route) -> tuple[Expression, ...]:
        return tuple(Ask(agent=name) for name in route.members)

    def needs(self, route: Route, *, reads: bool, confidence: bool) -> Iterator[Need]:
        for judge in dict.fromkeys(judge for each in (route.judges or {}).values() for judge in each):
            yield Need(judge, "verify", scored=route.by == "score")

    def comes_to_read(self, route: Route, index: int) -> bool:
        return route.hops > 0

    def super_steps(self, route: Route) -> int:
        return 4 * (route.hops + 2 * len(route.members) + 1)

    def build(self, route: Route, graph: GraphBuilder) -> None:
        nodes = graph.children(self.children(route), _with_the_answer)
        node_of = dict(zip(route.members, nodes, strict=True))
        judges = route.judges or {}

        async def first(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            return Command(goto=node_of[_ranked(route, runtime.context, state)[0]])

        async def poll(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            run, history = runtime.context, state.get("history", [])
            said = _said_last(nodes, state, run)
            if answer_of(said.body) is not None:
                history = [*history, said.id]
                ballot: State = {**state, "history": history}
                sends = [Send("vote", {**ballot, "branch": judge}) for judge in judges.get(said.sender, ())]
                return Command(update={"history": history}, goto=sends or "decide")
            untried = [name for name in _ranked(route, run, state) if node_of[name] not in state["outputs"]]
            if history or not untried:
                return Command(goto="decide")
            return Command(update={"round": state["round"] + 1}, goto=node_of[untried[0]])

        async def vote(state: State, runtime: Runtime[RunContext]) -> State:
            run, judge = runtime.context, state["branch"]
            verdict = await run.ask(
                run.agent(judge, run.task(state["task"]).label),
                "verify",
                node=f"{state['scope']}/vote",
                round=state["round"],
                task=state["task"],
                view=[state["history"][-1]],
                scored=route.by == "score",
            )
            return {"outputs": {_ballot(judge): [verdict.id]}}

        async def decide(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            run, history = runtime.context, state.get("history", [])
            node = f"{state['scope']}/decide"
            answers = run.answered(history)
            if not answers:
                failed = _said_last(nodes, state, run).body
                detail = failed.detail if isinstance(failed, Error) else "no member gave an answer"
                error = await run.record(Error(code="no-answer", detail=detail), sender=COORDINATOR, node=node)
                return Command(update={"outcome": [error.id]}, goto=END)
            answer = answers[-1]
            ballots = {judge: run.get(state["outputs"][_ballot(judge)])[0] for judge in judges.get(answer.sender, ())}
            verdicts = list(ballots.values())
            later = {name: run.get(state["outputs"].get(node_of[name], [])) for name in ballots}
            tried = {name for name, said in later.items() if said and said[0].round > answer.round}
            next_hops = [name for name in _next_hops(route, ballots) if name not in tried]
            if next_hops and len(answers) <= route.hops:
                drawn = next_hops[run.seed_of(f"{state['scope']}/hop", state["round"], "") % len(next_hops)]
                heard = [verdict.id for verdict in verdicts if verdict.id not in history]
                update: State = {"history": [*history, *heard], "round": state["round"] + 1}
                return Command(update=update, goto=node_of[drawn])
            result = _result(answer, verdicts, hops_left=len(answers) <= route.hops)
            recorded = await run.record(result, sender=COORDINATOR, node=node, reply_to=result.sources)
            return Command(update={"outcome": [recorded.id]}, goto=END)

        graph.node("first", first, goes_to=tuple(nodes))
        graph.node("poll", poll, goes_to=("vote", "decide", *nodes))
        graph.node("vote", vote)
        graph.node("decide", decide, goes_to=(*nodes, END))
        graph.begin("first")
        graph.edge(*nodes, end="poll")
        graph.edge("vote", end="decide")


def _ballot(judge: str) -> str:
    """Return the branch of a judge's verdict in the state; no agent's name has a colon."""
    return f"vote:{judge}"


def _ranked(route: Route, run: RunContext, state: State) -> list[str]:
    """Return the members in the order in which they are asked first: by card, or the one that the protocol names."""
    label = run.task(state["task"]).label
    ranked = sorted(route.members, key=lambda name: run.agent(name, label).card.rank(label), reverse=True)
    return sorted(ranked, key=lambda name: name != route.first)


def _with_the_answer(state: State, _node: str, run: RunContext) -> list[str]:
    """Return what the expression may read, the answer as it stands, and the verdicts on it."""
    history = state.get("history", [])
    answered = [place for place, message in enumerate(run.get(history)) if answer_of(message.body) is not None]
    return state["visible"] + (history[answered[-1] :] if answered else [])


def _said_last(nodes: list[str], state: State, run: RunContext) -> Message:
    """Return what a member said in the last turn: one member speaks in each."""
    said = [run.get(state["outputs"][node])[0] for node in nodes if node in state["outputs"]]
    return max(said, key=lambda message: message.round)


def _next_hops(route: Route, ballots: Mapping[str, Message]) -> list[str]:
    """Return the members that may refine an answer: those of its judges that disapprove of it.

    With ``stop: never``, they are all of its judges where none disapproves.
    """
    against = [judge for judge, verdict in ballots.items() if _says(verdict, "disapprove")]
    return against or (list(ballots) if route.stop == "never" else [])


def _says(message: Message, verdict: str) -> bool:
    return isinstance(message.body, Verdict) and message.body.verdict == verdict


def _result(answer: Message, verdicts: list[Message], *, hops_left: bool) -> Result:
    for_it = [message.sender for message in verdicts if _says(message, "approve")]
    against = [message.sender for message in verdicts if _says(message, "disapprove")]
    if not verdicts:
        decision = f"{answer.sender} has no judges"
    elif len(for_it) == len(verdicts):
        decision = f"approved by {', '.join(for_it)}"
    elif not against:
        decision = "unverified: a verdict is missing"
    else:
        decision = f"not approved by {', '.join(against)}" + ("" if hops_left else ", hops used up")
    return Result(
        answer=answer_of(answer.body) or "",
        decision=decision,
        sources=(answer.id, *(verdict.id for verdict in verdicts)),
        approved=len(for_it) == len(verdicts) if verdicts else None,
    )


COMBINATOR = RouteCombinator()
