"""`cascade`: cheap answers first, dearer ones only where those leave doubt.

FrugalGPT (Chen, Zaharia and Zou, arXiv 2305.05176) asks the next model until an answer is trusted; whether independent
answers agree is a measure of trust that needs no scorer (Yue et al., arXiv 2310.03094).
"""

from __future__ import annotations

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.answers import plurality
from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.combinators import agents_of
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import approval, decide
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.bodies import Result, answer_of
from agentnet.contracts.messages import COORDINATOR, Message
from agentnet.contracts.protocols import Cascade


class CascadeCombinator(Combinator[Cascade]):
    """START → step 1 → decide → (step 2 → decide → …) → END.

    Steps do not see each other; one that fails is passed over.
    """

    own_nodes = frozenset({"decide"})

    def bind(self, cascade: Cascade, binder: Binding, path: str) -> Cascade:
        steps = binder.expressions(cascade.steps, f"{path}.cascade.steps")
        binder.require_single(steps, f"{path}.cascade.steps")
        return replace(cascade, steps=steps)

    def weighs_confidence(self, cascade: Cascade) -> bool:
        return cascade.until == "confidence"

    def super_steps(self, cascade: Cascade) -> int:
        return 2 * len(cascade.steps)

    def build(self, cascade: Cascade, graph: GraphBuilder) -> None:
        steps = graph.children(cascade.steps)

        async def conclude(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            run, outputs = runtime.context, state["outputs"]
            ids = [id for step in steps for id in outputs.get(step, [])]
            not_asked = [step for step in steps if step not in outputs]
            answers = run.answered(ids)
            result = _trusted(cascade, answers, run, state)
            if result is not None:
                node = f"{state['scope']}/decide"
                recorded = await run.record(result, sender=COORDINATOR, node=node, reply_to=result.sources)
                outcome = [recorded.id]
            elif not_asked:
                return Command(goto=not_asked[0])
            elif answers and cascade.otherwise == "last":
                outcome = [answers[-1].id]
            else:
                trusted = [message.id for message in _relied_on(cascade, answers, run, state)]
                outcome = await decide("majority", trusted or ids, run, state, quorum_of="answered")
            return Command(update={"outcome": outcome}, goto=END)

        graph.node("decide", conclude, goes_to=(*steps[1:], END))
        graph.begin(steps[0])
        graph.edge(*steps, end="decide")


LEAST_PROVEN = 0.1
"""The lowest proven accuracy of a member whose agreement with others says anything."""


def _relied_on(cascade: Cascade, answers: list[Message], run: RunContext, state: State) -> list[Message]:
    """Return the answers that can be relied on, where any agent of the cascade was measured for the task's label.

    They are those of agents that were measured and are often enough right: two of which nothing is known, or of which
    it is known that they are wrong, may have agreed to lie. Those on probation have proven nothing yet.
    """
    label = run.task(state["task"]).label
    names = {run.agent(name, label).name for name in agents_of(cascade)}
    names = names - run.network.probation or names
    proven = {name: run.network[name].card.proven(label) for name in names}
    if any(score is not None for score in proven.values()):
        names = {name for name, score in proven.items() if score is not None and score >= LEAST_PROVEN}
    return [message for message in answers if run.backers(message) <= names]


def _trusted(cascade: Cascade, answers: list[Message], run: RunContext, state: State) -> Result | None:
    """Return the answer that is good enough to stop at, if there is one."""
    if not answers:
        return None
    if cascade.until == "confidence":
        last = answers[-1]
        confidence = run.confidence(last)
        if confidence is None or confidence < cascade.sure:
            return None
        return Result(
            answer=answer_of(last.body) or "",
            decision=f"confidence of at least {cascade.sure:g}",
            sources=(last.id,),
            support={last.sender: confidence},
            approved=approval([last]),
        )
    answers = _relied_on(cascade, answers, run, state)
    if not answers:
        return None
    texts = [answer_of(message.body) or "" for message in answers]
    equal, support = plurality(texts)
    if len(equal) < cascade.agree:
        return None
    return Result(
        answer=texts[equal[0]],
        decision=f"agreement of {cascade.agree}",
        sources=tuple(answers[index].id for index in equal),
        support=support,
        approved=approval([answers[index] for index in equal]),
    )


COMBINATOR = CascadeCombinator()
