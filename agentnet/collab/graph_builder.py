"""The graph of one expression while it is built: a LangGraph builder whose children are turns or nested graphs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agentnet.collab.context import RunContext
from agentnet.collab.state import State, initial_state
from agentnet.contracts.protocols import Ask, Expression

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

Graph = CompiledStateGraph[State, RunContext, State, State]
Node = Callable[[State, Runtime[RunContext]], Awaitable[Any]]
Visible = Callable[[State, str, RunContext], list[str]]
"""From the state and the name of a child's node to the ids of the messages that the child may read."""


def inherited(state: State, _node: str, _run: RunContext) -> list[str]:
    """Return what the expression itself may read: its children read the same."""
    return state["visible"]


def cumulative(state: State, _node: str, _run: RunContext) -> list[str]:
    """Return what the expression itself may read, and all that was said in it so far."""
    return state["visible"] + [id for ids in state["outputs"].values() for id in ids]


class GraphBuilder:
    """Nodes and edges of one expression, under the combinator's name.

    `own_nodes` are the names of the combinator's own nodes. `compile_part` compiles a nested expression into a graph of
    its own. With `confidence`, the children that are turns measure how sure their agents are.
    """

    def __init__(
        self,
        name: str,
        *,
        own_nodes: Collection[str],
        compile_part: Callable[[Expression], Graph],
        confidence: bool = False,
    ) -> None:
        self._name = name
        self._own_nodes = frozenset(own_nodes)
        self._compile_part = compile_part
        self._confidence = confidence
        self._graph: StateGraph[State, RunContext, State, State] = StateGraph(State, context_schema=RunContext)

    def children(self, parts: Sequence[Expression], visible: Visible = inherited, *, ends: bool = False) -> list[str]:
        """Add a node for each child and return their names; call it once.

        `visible` says what each may read. With `ends`, a child's outputs become the expression's outcome; a child
        without an answer leaves an answer before it in place.
        """
        nodes = node_names(parts, self._own_nodes)
        for name, part in zip(nodes, parts, strict=True):
            if isinstance(part, Ask):
                self._add(name, self._turn(name, part, visible, ends))
            else:
                self._add(name, self._nested(name, part, visible, ends))
        return nodes

    def node(self, name: str, node: Node, goes_to: tuple[str, ...] = ()) -> str:
        """Add one of the combinator's own nodes. `goes_to` names the targets of a node that returns `Command`."""
        assert name in self._own_nodes, f"{self._name}: declare {name!r} in `own_nodes`"
        self._add(name, node, goes_to)
        return name

    def begin(self, *nodes: str) -> None:
        """Begin with some nodes, all at once."""
        for node in nodes:
            self._graph.add_edge(START, node)

    def edge(self, *starts: str, end: str) -> None:
        """Add edges to `end`, which runs once after all of the nodes that ran in the same super-step.

        LangGraph's own join of several nodes is not for us: its checkpoint shares a set with the running graph, which
        may change before it is written, and a run that is resumed from it continues too early.
        """
        for start in starts:
            self._graph.add_edge(start, end)

    def branch(self, start: str, choose: Callable[[State], str | list[str]], targets: Sequence[str]) -> None:
        """Add a conditional edge: `choose` names one or more of `targets`."""

        async def chosen(state: State) -> str | list[str]:  # a plain function would be sent to a thread
            return choose(state)

        self._graph.add_conditional_edges(start, chosen, list(targets))

    def end(self, node: str) -> None:
        """End after a node."""
        self._graph.add_edge(node, END)

    def compile(self, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
        """Return the graph, ready to run."""
        return self._graph.compile(checkpointer=checkpointer, name=self._name)

    def _add(self, name: str, node: Node, goes_to: tuple[str, ...] = ()) -> None:
        self._graph.add_node(name, node, destinations=goes_to or None)  # type: ignore[call-overload]

    def _turn(self, name: str, ask: Ask, visible: Visible, ends: bool) -> Node:
        """Return the node of a child that asks one agent."""
        confidence = self._confidence

        async def turn(state: State, runtime: Runtime[RunContext]) -> State:
            run = runtime.context
            readable = run.readable(visible(state, name, run))
            role = ask.role or ("revise" if readable else "solve")
            branch = state.get("branch", name)
            message = await run.ask(
                run.agent(ask.agent, run.task(state["task"]).label),
                role,
                node=f"{state['scope']}/{branch}",
                round=state.get("round", 0),
                task=state["task"],
                view=readable,
                sampling=ask.sampling,
                format=ask.format,
                confidence=confidence,
            )
            return _after_child(run, state, branch, [message.id], ends)

        return turn

    def _nested(self, name: str, part: Expression, visible: Visible, ends: bool) -> Node:
        """Return the node of a child that is a graph of its own."""
        graph = self._compile_part(part)

        async def nested(state: State, runtime: Runtime[RunContext]) -> State:
            run = runtime.context
            branch = state.get("branch", name)
            scope = f"{state['scope']}/{branch}.{state.get('round', 0)}"
            inner = initial_state(scope, state["task"], visible(state, name, run))
            final = await graph.ainvoke(inner, context=run)
            return _after_child(run, state, branch, final["outcome"], ends)

        return nested


def _after_child(run: RunContext, state: State, branch: str, ids: list[str], ends: bool) -> State:
    """Return the update of the state after a child has ended with some messages."""
    update: State = {"outputs": {branch: ids}}
    if ends:
        answered_before = run.answered(state.get("outcome", []))
        update["outcome"] = state["outcome"] if answered_before and not run.answered(ids) else ids
    return update


def node_names(parts: Sequence[Expression], own_nodes: Collection[str]) -> list[str]:
    """Return the names of children's nodes: their agent or combinator, numbered where that is not unique.

    The names of `own_nodes` and of the state's keys are taken.
    """
    taken = {*own_nodes, *State.__annotations__}
    names = [part.agent.removeprefix("@") if isinstance(part, Ask) else part.kind for part in parts]
    plain = {name for name in names if names.count(name) == 1} - taken
    nodes: list[str] = []
    for position, name in enumerate(names, start=1):
        node = name if name in plain else f"{name}-{position}"
        while name not in plain and (node in plain or node in nodes):
            node += "-"
        nodes.append(node)
    return nodes
