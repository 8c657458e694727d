"""The drawing board of one expression: a LangGraph builder whose children are turns or nested graphs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agentnet.collab.context import RunContext
from agentnet.collab.state import State
from agentnet.contracts.protocols import Ask, Expression

Graph = CompiledStateGraph[State, RunContext, State, State]
Node = Callable[[State, Runtime[RunContext]], Awaitable[Any]]
View = Callable[[State, str, RunContext], list[str]]
"""From the state and a child's slot: the ids that the child may read."""

OWN_NODES = frozenset({"assign", "choose", "conclude", "decide", "decode", "dispatch", "merge", "plan", "verifier"})
TAKEN = OWN_NODES | {"trail"} | frozenset(State.__annotations__)
"""Names of own nodes and of places in the state; an agent of such a name gets a number in the graph."""


class GraphBuilder:
    """Nodes and edges of one expression. `build_part` compiles a nested expression into a graph of its own."""

    def __init__(self, name: str, build_part: Callable[[Expression], Graph], *, confidence: bool = False) -> None:
        self.name = name
        self._build_part = build_part
        self._confidence = confidence
        self._graph: StateGraph[State, RunContext, State, State] = StateGraph(State, context_schema=RunContext)

    def node(self, name: str, node: Node, goes_to: tuple[str, ...] = ()) -> str:
        """Add a node of the combinator itself. `goes_to` names the targets of a node that returns `Command`."""
        self._graph.add_node(name, node, destinations=goes_to or None)  # type: ignore[call-overload]
        return name

    def children(self, parts: Sequence[Expression], view: View, *, ends: bool = False) -> list[str]:
        """Add a node for each child; `ends` lets a child's outcome become the expression's own (the last one stays)."""
        slots = slot_names(parts)
        for slot, part in zip(slots, parts, strict=True):
            make = self._turn(slot, part, view, ends) if isinstance(part, Ask) else self._nested(slot, part, view, ends)
            self._graph.add_node(slot, make)  # type: ignore[call-overload]
        return slots

    def edge(self, *starts: str, end: str) -> None:
        """Edges to `end`, which runs once after all of the nodes that ran in the same super-step.

        LangGraph's own join of several nodes is not for us: its checkpoint shares a set with the running graph, which
        may change before it is written, and a run that is resumed from it goes on too early.
        """
        for start in starts:
            self._graph.add_edge(start, end)

    def begin(self, *nodes: str) -> None:
        for node in nodes:
            self._graph.add_edge(START, node)

    def end(self, node: str) -> None:
        self._graph.add_edge(node, END)

    def branch(self, start: str, choose: Callable[[State], str | list[str]], targets: Sequence[str]) -> None:
        """A conditional edge: `choose` names one or more of `targets`."""

        async def chosen(state: State) -> str | list[str]:  # a plain function would be sent to a thread
            return choose(state)

        self._graph.add_conditional_edges(start, chosen, list(targets))

    def build(self, checkpointer: Any = None) -> Graph:
        return self._graph.compile(checkpointer=checkpointer, name=self.name)

    def _turn(self, slot: str, ask: Ask, view: View, ends: bool) -> Node:
        confidence = self._confidence

        async def turn(state: State, runtime: Runtime[RunContext]) -> State:
            run = runtime.context
            seen = run.readable(view(state, slot, run))
            role = ask.role or ("revise" if seen else "solve")
            place = state.get("slot", slot)
            message = await run.ask(
                run.agent(ask.agent, run.task(state["task"]).label),
                role,
                node=f"{state['scope']}/{place}",
                round=state.get("round", 0),
                task=state["task"],
                view=seen,
                sampling=ask.sampling,
                confidence=confidence,
            )
            return _outcome(run, state, place, [message.id], ends)

        return turn

    def _nested(self, slot: str, part: Expression, view: View, ends: bool) -> Node:
        graph = self._build_part(part)

        async def nested(state: State, runtime: Runtime[RunContext]) -> State:
            place = state.get("slot", slot)
            inner: State = {
                "scope": f"{state['scope']}/{place}.{state.get('round', 0)}",
                "task": state["task"],
                "view": view(state, slot, runtime.context),
                "said": {},
                "round": 0,
            }
            out = await graph.ainvoke(inner, context=runtime.context)
            return _outcome(runtime.context, state, place, out["outcome"], ends)

        return nested


def _outcome(run: RunContext, state: State, place: str, ids: list[str], ends: bool) -> State:
    if not ends:
        return {"said": {place: ids}}
    stands = ids if run.answered(ids) or not run.answered(state.get("outcome", [])) else state["outcome"]
    return {"said": {place: ids}, "outcome": stands}


def slot_names(parts: Sequence[Expression]) -> list[str]:
    """What children are called in the graph: by their agent or combinator, numbered where that is not unique."""
    names = [part.agent.removeprefix("@") if isinstance(part, Ask) else part.kind for part in parts]
    plain = {name for name in names if names.count(name) == 1} - TAKEN
    slots: list[str] = []
    for place, name in enumerate(names, start=1):
        slot = name if name in plain else f"{name}-{place}"
        while name not in plain and (slot in plain or slot in slots):
            slot += "-"
        slots.append(slot)
    return slots


def parents_view(state: State, _slot: str, _run: RunContext) -> list[str]:
    """A child that reads exactly what its parent may read."""
    return state["view"]
