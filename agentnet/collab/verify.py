"""`verify`: propose, judge, and retry with the verdict in view (Shinn et al., Reflexion, arXiv 2303.11366)."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agentnet.collab.context import COORDINATOR, RunContext
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.bodies import Error, Result, Verdict, answer_of
from agentnet.contracts.protocols import Verify


def draw(verify: Verify, builder: GraphBuilder) -> None:
    """START → proposer → verifier → (again: proposer | over: conclude) → END.

    ``said["trail"]`` holds the proposals and verdicts so far. A verdict that is missing ends the loop without approval:
    there is nothing to feed back. A proposal that failed is tried again.
    """

    def view(state: State, slot: str, run: RunContext) -> list[str]:
        return state["view"] + state["said"].get("trail", [])

    (proposer,) = builder.children([verify.proposer], view)

    async def judge(state: State, runtime: Runtime[RunContext]) -> State:
        run = runtime.context
        trail, round = state["said"].get("trail", []), state["round"]
        proposed = [message.id for message in run.answered(state["said"][proposer])]
        last = round >= verify.retries
        if not proposed:
            return {"round": round + 1, "done": last}
        agent = run.agent(verify.verifier, run.task(state["task"]).label)
        said = await run.ask(
            agent,
            "verify",
            node=f"{state['scope']}/verifier",
            round=round,
            task=state["task"],
            view=proposed,
            scored=verify.by == "score",
        )
        again = isinstance(said.body, Verdict) and said.body.verdict == "disapprove" and not last
        return {"said": {"trail": [*trail, *proposed, said.id]}, "round": round + 1, "done": not again}

    async def conclude(state: State, runtime: Runtime[RunContext]) -> State:
        run = runtime.context
        trail = state["said"].get("trail", [])
        node = f"{state['scope']}/conclude"
        if not trail:
            failed = run.get(state["said"][proposer])[0].body
            detail = failed.detail if isinstance(failed, Error) else "the proposer gave no answer"
            error = await run.record(Error(code="no-answer", detail=detail), sender=COORDINATOR, node=node)
            return {"outcome": [error.id]}
        proposal, verdict = run.get(trail[-2:])
        result = Result(
            answer=answer_of(proposal.body) or "", decision=_decision(verdict.body), sources=(proposal.id, verdict.id)
        )
        recorded = await run.record(result, sender=COORDINATOR, node=node, reply_to=result.sources)
        return {"outcome": [recorded.id]}

    builder.node("verifier", judge)
    builder.node("conclude", conclude)
    builder.begin(proposer)
    builder.edge(proposer, end="verifier")
    builder.branch("verifier", lambda state: "conclude" if state["done"] else proposer, [proposer, "conclude"])
    builder.end("conclude")


def _decision(verdict: object) -> str:
    if not isinstance(verdict, Verdict):
        return "unverified: the verdict is missing"
    return "approved" if verdict.verdict == "approve" else "not approved, retries used up"
