"""`best`: one expression out of several, chosen in advance by the cards. The null hypothesis of every collaboration."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.combinators import agents_of, yields_one
from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.protocols import Best, Expression


class BestCombinator(Combinator[Best]):
    """START → choose → the expression with the best card for the task's label → END."""

    own_nodes = frozenset({"choose"})
    asks_all = False

    def bind(self, best: Best, binder: Binding, path: str) -> Best:
        return replace(best, among=binder.expressions(best.among, f"{path}.best.among"))

    def yields_one(self, best: Best) -> bool:
        return all(yields_one(part) for part in best.among)

    def build(self, best: Best, graph: GraphBuilder) -> None:
        nodes = graph.children(best.among, ends=True)

        async def choose(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            label = runtime.context.task(state["task"]).label
            return Command(goto=nodes[ranking(best.among, runtime.context, label)[0]])

        graph.node("choose", choose, goes_to=tuple(nodes))
        graph.begin("choose")
        for node in nodes:
            graph.end(node)


def ranking(parts: Sequence[Expression], run: RunContext, label: str | None) -> list[int]:
    """Return the indices of expressions, best first.

    An expression ranks as high as the best card in it; of equal ones the first listed comes first.
    """

    def rank(index: int) -> tuple[bool, float, float]:
        return max(run.agent(name, label).card.rank(label) for name in agents_of(parts[index]))

    return sorted(range(len(parts)), key=rank, reverse=True)


COMBINATOR = BestCombinator()
