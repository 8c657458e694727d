"""`cascade`: cheap answers first, dearer ones only where those leave doubt.

FrugalGPT (Chen, Zaharia and Zou, arXiv 2305.05176) goes on until an answer is trusted; whether independent answers
agree is a measure of trust that needs no scorer (Yue et al., arXiv 2310.03094).
"""

from __future__ import annotations

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.answers import plurality
from agentnet.collab.context import COORDINATOR, RunContext
from agentnet.collab.decisions import decide
from agentnet.collab.graph_builder import GraphBuilder, parents_view
from agentnet.collab.state import State
from agentnet.contracts.bodies import Result, answer_of
from agentnet.contracts.messages import Message
from agentnet.contracts.protocols import Cascade


def draw(cascade: Cascade, builder: GraphBuilder) -> None:
    """START → step 1 → decide → (step 2 → decide → …) → END. Steps do not see each other; one that fails is passed
    over."""
    slots = builder.children(cascade.steps, parents_view)

    async def conclude(state: State, runtime: Runtime[RunContext]) -> Command[str]:
        run, said = runtime.context, state["said"]
        ids = [id for slot in slots for id in said.get(slot, [])]
        left = [slot for slot in slots if slot not in said]
        answers = run.answered(ids)
        result = _trusted(cascade, answers)
        if result is None and left:
            return Command(goto=left[0])
        if result is None and answers and cascade.otherwise == "last":
            return Command(update={"outcome": [answers[-1].id]}, goto=END)
        if result is None:
            return Command(update={"outcome": await decide("majority", ids, run, state)}, goto=END)
        node = f"{state['scope']}/decide"
        recorded = await run.record(result, sender=COORDINATOR, node=node, reply_to=result.sources)
        return Command(update={"outcome": [recorded.id]}, goto=END)

    builder.node("decide", conclude, goes_to=(*slots[1:], END))
    builder.begin(slots[0])
    for slot in slots:
        builder.edge(slot, end="decide")


def _trusted(cascade: Cascade, answers: list[Message]) -> Result | None:
    """The answer that is good enough to stop at, if there is one."""
    if not answers:
        return None
    if cascade.until == "confidence":
        last = answers[-1]
        if last.confidence is None or last.confidence < cascade.sure:
            return None
        return Result(
            answer=answer_of(last.body) or "",
            decision=f"confidence of at least {cascade.sure:g}",
            sources=(last.id,),
            support={last.sender: last.confidence},
        )
    texts = [answer_of(message.body) or "" for message in answers]
    places, support = plurality(texts)
    if len(places) < cascade.agree:
        return None
    return Result(
        answer=texts[places[0]],
        decision=f"agreement of {cascade.agree}",
        sources=tuple(answers[place].id for place in places),
        support=support,
    )
