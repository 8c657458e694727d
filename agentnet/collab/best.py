"""`best`: one expression out of several, chosen in advance by the cards. The null hypothesis of every collaboration."""

from __future__ import annotations

from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.collab.binding import agents_of
from agentnet.collab.blueprint import Blueprint, parents_view
from agentnet.collab.live import LiveRun
from agentnet.collab.state import State
from agentnet.contracts.protocols import Best, Expression


def draw(best: Best, blueprint: Blueprint) -> None:
    """START → choose → the one with the best card for the task's label → END."""
    slots = blueprint.children(best.among, parents_view, ends=True)

    async def choose(state: State, runtime: Runtime[LiveRun]) -> Command[str]:
        label = runtime.context.task(state["task"]).label
        scores = [fitness(part, runtime.context, label) for part in best.among]
        return Command(goto=slots[scores.index(max(scores))])

    blueprint.node("choose", choose, goes_to=tuple(slots))
    blueprint.begin("choose")
    for slot in slots:
        blueprint.end(slot)


def fitness(part: Expression, run: LiveRun, label: str | None) -> float:
    """How good an expression is expected to be at a label: as good as the best card in it; 0 where nothing is known."""
    return max(run.agent(name, label).card.score(label) or 0.0 for name in agents_of(part))
