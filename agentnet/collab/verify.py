"""`verify`: propose, judge, and retry with the verdict in view (Shinn et al., Reflexion, arXiv 2303.11366)."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph.runtime import Runtime

from agentnet.agents.base import Need
from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.bodies import Body, Error, Result, Verdict, answer_of
from agentnet.contracts.messages import COORDINATOR
from agentnet.contracts.protocols import Verify


class VerifyCombinator(Combinator[Verify]):
    """START → proposer → verifier → (again: proposer | over: conclude) → END.

    The state's `history` holds the proposals and verdicts so far. A verdict that is missing ends the loop without
    approval: there is nothing to feed back. A proposal that failed is tried again.
    """

    own_nodes = frozenset({"verifier", "conclude"})

    def bind(self, verify: Verify, binder: Binding, path: str) -> Verify:
        proposer = binder.expression(verify.proposer, f"{path}.verify.proposer")
        binder.require_single([proposer], f"{path}.verify.proposer")
        return replace(verify, proposer=proposer, verifier=binder.agent(verify.verifier, f"{path}.verify.verifier"))

    def needs(self, verify: Verify, *, reads: bool, confidence: bool) -> Iterator[Need]:
        yield Need(verify.verifier, "verify", scored=verify.by == "score")

    def comes_to_read(self, verify: Verify, index: int) -> bool:
        return verify.retries > 0

    def super_steps(self, verify: Verify) -> int:
        return 2 * (verify.retries + 1)

    def build(self, verify: Verify, graph: GraphBuilder) -> None:
        (proposer,) = graph.children([verify.proposer], _with_history)

        async def judge(state: State, runtime: Runtime[RunContext]) -> State:
            run, round = runtime.context, state["round"]
            proposed = [message.id for message in run.answered(state["outputs"][proposer])]
            last = round >= verify.retries
            if not proposed:
                return {"round": round + 1, "done": last}
            verdict = await run.ask(
                run.agent(verify.verifier, run.task(state["task"]).label),
                "verify",
                node=f"{state['scope']}/verifier",
                round=round,
                task=state["task"],
                view=proposed,
                scored=verify.by == "score",
            )
            disapproved = isinstance(verdict.body, Verdict) and verdict.body.verdict == "disapprove"
            history = [*state.get("history", []), *proposed, verdict.id]
            return {"history": history, "round": round + 1, "done": last or not disapproved}

        async def conclude(state: State, runtime: Runtime[RunContext]) -> State:
            run, history = runtime.context, state.get("history", [])
            node = f"{state['scope']}/conclude"
            if not history:
                failed = run.get(state["outputs"][proposer])[0].body
                detail = failed.detail if isinstance(failed, Error) else "the proposer gave no answer"
                error = await run.record(Error(code="no-answer", detail=detail), sender=COORDINATOR, node=node)
                return {"outcome": [error.id]}
            proposal, verdict = run.get(history[-2:])
            result = Result(
                answer=answer_of(proposal.body) or "",
                decision=_decision(verdict.body),
                sources=(proposal.id, verdict.id),
                approved=isinstance(verdict.body, Verdict) and verdict.body.verdict == "approve",
            )
            recorded = await run.record(result, sender=COORDINATOR, node=node, reply_to=result.sources)
            return {"outcome": [recorded.id]}

        graph.node("verifier", judge)
        graph.node("conclude", conclude)
        graph.begin(proposer)
        graph.edge(proposer, end="verifier")
        graph.branch("verifier", lambda state: "conclude" if state["done"] else proposer, [proposer, "conclude"])
        graph.end("conclude")


def _with_history(state: State, _node: str, _run: RunContext) -> list[str]:
    return state["visible"] + state.get("history", [])


def _decision(verdict: Body) -> str:
    if not isinstance(verdict, Verdict):
        return "unverified: the verdict is missing"
    return "approved" if verdict.verdict == "approve" else "not approved, retries used up"


COMBINATOR = VerifyCombinator()
