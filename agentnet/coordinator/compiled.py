"""Preparing a protocol: bound to a network, checked, compiled, and signed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from agentnet.collab.binding import Binder, agents_of
from agentnet.collab.compiling import compile_expression, most_steps
from agentnet.collab.graph_builder import Graph
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import Expression, ProtocolSpec, TaggedModel
from agentnet.coordinator.preflight import preflight
from agentnet.errors import BadInput, ResumeError
from agentnet.network import Network

LAYOUT = 1
"""Number of the graphs' layout: raised when combinators get other nodes or edges, so that no checkpoint meets them."""


@dataclass(frozen=True, slots=True)
class CompiledProtocol:
    """A protocol that is ready to run on a network, any number of times and at once."""

    name: str
    expression: Expression
    graph: Graph
    fingerprinted: dict[str, Any]
    """What must be the same when an interrupted run is resumed: the bound protocol and the agents in it."""
    fingerprint: str
    """A digest of `fingerprinted`; every checkpoint carries it."""
    recursion_limit: int
    notes: tuple[str, ...]
    floor: float

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        """How notebooks show it: as a drawing of the state machine. None where the extra `picture` is missing."""
        from agentnet.drawing import for_notebooks

        try:
            return for_notebooks(self.graph)
        except BadInput:
            return None


def prepare(protocol: ProtocolSpec, network: Network, checkpointer: Any = None) -> CompiledProtocol:
    """Bind, check and compile a protocol. Raises `ProtocolError` or `PreflightError` before anything runs."""
    expression = Binder(network.spec).bind(protocol.protocol)
    notes = preflight(expression, network)
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
    )


def fingerprinted(expression: Expression, network: NetworkSpec) -> dict[str, Any]:
    """Plain data that says which protocol this is: every field of it (defaults too), and how its agents are set up."""
    named = set(agents_of(expression))
    agents = {
        agent.name: agent.model_dump(mode="json", include={"model", "pack", "sampling"})
        for agent in network.agents
        if agent.name in named or any(name.startswith("@") for name in named)
    }
    return {"layout": LAYOUT, "protocol": explicit(expression), "agents": agents}


def explicit(value: object) -> Any:
    """Plain data of a protocol expression with every default written out."""
    if isinstance(value, TaggedModel):
        return {value.kind: {name: explicit(getattr(value, name)) for name in type(value).model_fields}}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [explicit(part) for part in value] if isinstance(value, tuple) else value


def check_same(run: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise `ResumeError`, naming the first difference, where a run's protocol or agents have changed."""
    difference = _difference(before, now, "")
    if difference:
        raise ResumeError(
            f"run {run} cannot be resumed, its protocol has changed: {difference}; undo the change or start a new run"
        )


def _difference(before: Any, now: Any, place: str) -> str | None:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            here = f"{place}.{key}" if place else str(key)
            if key not in now:
                return f"{here} is gone"
            if key not in before:
                return f"{here} is new"
            if found := _difference(before[key], now[key], here):
                return found
        return None
    if isinstance(before, list) and isinstance(now, list):
        for index, (one, other) in enumerate(zip(before, now, strict=False)):
            if found := _difference(one, other, f"{place}[{index}]"):
                return found
        return None if len(before) == len(now) else f"{place} had {len(before)} parts and has {len(now)}"
    return None if before == now else f"{place} was {before!r} and is {now!r}"
