"""Compiled protocols: bound to a network, checked, turned into a graph, and fingerprinted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from agentnet.collab.binding import Binder
from agentnet.collab.combinators import agents_of, certain_agents, combinator_of, most_steps
from agentnet.collab.graph_builder import Graph, GraphBuilder
from agentnet.collab.stand_ins import Selected
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.policies import Policy
from agentnet.contracts.protocols import Expression, ProtocolSpec, System
from agentnet.contracts.tagged import TaggedModel
from agentnet.coordinator.preflight import preflight
from agentnet.errors import BadInput, ResumeError
from agentnet.network import Network
from agentnet.redaction import without_secrets

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

LAYOUT = 2
"""Version of the graphs' layout. Increment it when a combinator's nodes or edges or the state's keys change:
checkpoints of another layout are refused."""


@dataclass(frozen=True, slots=True)
class CompiledProtocol:
    """A protocol that is ready to run on a network, any number of times and concurrently."""

    name: str
    expression: Expression
    graph: Graph
    fingerprinted: dict[str, Any]
    """The parts that must not change before an interrupted run is resumed: the bound protocol and its agents."""
    fingerprint: str
    """A digest of `fingerprinted`; every checkpoint carries it."""
    recursion_limit: int
    notes: tuple[str, ...]
    floor: float
    selected: Selected
    """Which agents were bound by selectors, so that others may stand in for them."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        """Return a drawing of the state machine for notebooks; None without the extra `picture`."""
        from agentnet.drawing import for_notebooks

        try:
            return for_notebooks(self.graph)
        except BadInput:
            return None


def compile_protocol(
    protocol: ProtocolSpec,
    network: Network,
    checkpointer: BaseCheckpointSaver[str] | None = None,
    *,
    policy: Policy | None = None,
    reads: bool = False,
) -> CompiledProtocol:
    """Bind, check and compile a protocol, for what a `policy` learned about the network.

    `reads`: something was said before it begins. Raises `ProtocolError` or `PreflightError` before anything runs.
    """
    binder = Binder(network.spec, policy, probation=network.probation)
    expression = binder.bind(protocol.protocol)
    notes = preflight(expression, network, reads=reads)
    same = fingerprinted(expression, network.spec)
    return CompiledProtocol(
        name=protocol.name,
        expression=expression,
        graph=compile_expression(expression, checkpointer),
        fingerprinted=same,
        fingerprint=hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16],
        recursion_limit=most_steps(expression),
        notes=tuple(notes),
        floor=protocol.floor,
        selected=Selected(binder.roles, certain_agents(expression)),
    )


def compile_expression(expression: Expression, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """Return the graph of a bound expression. It holds no state of a run and serves many runs concurrently."""
    return _graph_of(expression, confidence=False).compile(checkpointer)


def _graph_of(expression: Expression, *, confidence: bool) -> GraphBuilder:
    """Return the builder of an expression's graph, filled in; `confidence`: its answers must carry a confidence."""
    combinator = combinator_of(expression)
    confidence = confidence or combinator.weighs_confidence(expression)
    graph = GraphBuilder(
        expression.kind,
        own_nodes=combinator.own_nodes,
        compile_part=lambda part: _graph_of(part, confidence=confidence).compile(),
        confidence=confidence,
    )
    combinator.build(expression, graph)
    return graph


def fingerprinted(expression: Expression, network: NetworkSpec) -> dict[str, Any]:
    """Return plain data that identifies a protocol: all of its fields (defaults too), and its agents' settings."""
    named = set(agents_of(expression))
    agents = {
        agent.name: _settings(agent)
        for agent in network.agents
        if agent.name in named or any(name.startswith("@") for name in named)
    }
    same = {"layout": LAYOUT, "protocol": with_defaults(expression), "agents": agents}
    used = {name for agent in network.agents if agent.name in agents and agent.tools for name in agent.tools.servers}
    if used:
        same["tools"] = {name: network.tools[name].model_dump(mode="json") for name in sorted(used)}
    return same


def _settings(agent: AgentSpec) -> Any:
    return without_secrets(agent.model_dump(mode="json", include={"model", "pack", "sampling", "tools"}))


def with_defaults(value: object) -> Any:
    """Return plain data of a protocol expression, with every default written out."""
    if isinstance(value, TaggedModel):
        return {value.kind: {name: with_defaults(getattr(value, name)) for name in type(value).model_fields}}
    if isinstance(value, System):
        return {"name": value.name, "protocol": with_defaults(value.protocol)}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: with_defaults(part) for key, part in value.items()}
    return [with_defaults(part) for part in value] if isinstance(value, tuple) else value


def check_same(run: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise `ResumeError`, with the first difference, if a run's layout, protocol or agents have changed."""
    if before.get("layout") != now["layout"]:
        raise ResumeError(
            f"run {run} cannot be resumed, another version of AgentNet started it "
            f"(layout {before.get('layout')}, now {now['layout']}); start a new run"
        )
    difference = first_difference(before, now) and first_difference(_brought_up_to_date(before), now)
    if difference is not None:
        raise ResumeError(
            f"run {run} cannot be resumed, its protocol has changed: {difference}; undo the change or start a new run"
        )


def _brought_up_to_date(before: dict[str, Any]) -> dict[str, Any]:
    """Return what an earlier version stored with the defaults of the fields that came since."""
    try:
        protocol = with_defaults(TypeAdapter[Any](Expression).validate_python(before["protocol"]))
        agents = {
            name: _settings(AgentSpec.model_validate({"name": name, **settings}))
            for name, settings in before["agents"].items()
        }
    except ValidationError:
        return before
    return {**before, "protocol": protocol, "agents": agents}


def first_difference(before: object, now: object, path: str = "") -> str | None:
    """Return the first difference of two values of plain data, as one line; None if they are equal."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            here = f"{path}.{key}" if path else str(key)
            if key not in now:
                return f"{here} is gone"
            if key not in before:
                return f"{here} is new"
            difference = first_difference(before[key], now[key], here)
            if difference is not None:
                return difference
        return None
    if isinstance(before, list) and isinstance(now, list):
        for index, (old, new) in enumerate(zip(before, now, strict=False)):
            difference = first_difference(old, new, f"{path}[{index}]")
            if difference is not None:
                return difference
        return None if len(before) == len(now) else f"{path} had {len(before)} parts and has {len(now)}"
    return None if before == now else f"{path} was {before!r} and is {now!r}"
