"""`serial`: a chain (AI-ModelNet, serial inference: y = M_K(… M_2(M_1(x)) …))."""

from __future__ import annotations

from itertools import pairwise

from langgraph.runtime import Runtime

from agentnet.collab.base import Binding, Combinator
from agentnet.collab.binding import replace
from agentnet.collab.combinators import yields_one
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import decide
from agentnet.collab.graph_builder import GraphBuilder, cumulative
from agentnet.collab.state import State
from agentnet.contracts.protocols import Serial


class SerialCombinator(Combinator[Serial]):
    """START → step 1 → step 2 → … (→ decide) → END.

    A step that fails is passed over: the next reads what stood before it, and the last answer stands. `decide` is there
    for chains in which that may leave several answers: their majority is the chain's.
    """

    own_nodes = frozenset({"decide"})

    def bind(self, serial: Serial, binder: Binding, path: str) -> Serial:
        return replace(serial, steps=binder.expressions(serial.steps, f"{path}.serial.steps"))

    def yields_one(self, serial: Serial) -> bool:
        return yields_one(serial.steps[-1])

    def comes_to_read(self, serial: Serial, index: int) -> bool:
        return index > 0

    def super_steps(self, serial: Serial) -> int:
        return len(serial.steps)

    def build(self, serial: Serial, graph: GraphBuilder) -> None:
        async def conclude(state: State, runtime: Runtime[RunContext]) -> State:
            outcome = state["outcome"]
            if len(outcome) != 1:
                outcome = await decide("majority", outcome, runtime.context, state)
            return {"outcome": outcome}

        nodes = graph.children(serial.steps, cumulative if serial.see == "all" else _since_last_answer, ends=True)
        if self.yields_one(serial) and not all(yields_one(step) for step in serial.steps):
            nodes.append(graph.node("decide", conclude))
        graph.begin(nodes[0])
        for before, after in pairwise(nodes):
            graph.edge(before, end=after)
        graph.end(nodes[-1])


def _since_last_answer(state: State, node: str, run: RunContext) -> list[str]:
    """Return the last answer and what was said about it since (a critique); before the first answer, everything."""
    outputs = list(state["outputs"].values())
    answered = [index for index, ids in enumerate(outputs) if run.answered(ids)]
    if not answered:
        return cumulative(state, node, run)
    return [id for ids in outputs[answered[-1] :] for id in ids]


COMBINATOR = SerialCombinator()
