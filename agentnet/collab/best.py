"""`best`: one expression out of several, chosen in advance by the cards. The null hypothesis of every collaboration."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.collab.binding import agents_of
from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder, parents_view
from agentnet.collab.state import State
from agentnet.contracts.protocols import Best, Expression


def draw(best: Best, builder: GraphBuilder) -> None:
    """START → choose → the one with the best card for the task's label → END."""
    slots = builder.children(best.among, parents_view, ends=True)

    async def choose(state: State, runtime: Runtime[RunContext]) -> Command[str]:
        label = runtime.context.task(state["task"]).label
        return Command(goto=slots[ranking(best.among, runtime.context, label)[0]])

    builder.node("choose", choose, goes_to=tuple(slots))
    builder.begin("choose")
    for slot in slots:
        builder.end(slot)


def ranking(parts: Sequence[Expression], run: RunContext, label: str | None) -> list[int]:
    """The places of expressions, best first: each is as good as the best card in it; of equals the first listed."""

    def rank(place: int) -> tuple[float, float]:
        return max(run.agent(name, label).card.rank(label) for name in agents_of(parts[place]))

    return sorted(range(len(parts)), key=rank, reverse=True)
