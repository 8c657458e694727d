"""Protocols over the API: those that can be asked by name, and those that somebody writes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path
from pydantic import ValidationError

from agentnet.collab.inline import protocol_from
from agentnet.collab.library import shipped_protocols
from agentnet.contracts.base import first_problem
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.coordinator.compiled import with_defaults
from agentnet.errors import BadInput, ProtocolError
from agentnet.files.yaml import NotYaml, load_yaml
from agentnet.serving.api.asking import At, room
from agentnet.serving.api.shown import Check, Checked, Expression, ProtocolShown
from agentnet.serving.app import Problem
from agentnet.serving.names import Names
from agentnet.serving.reading import MOST_VALUES, is_bounded

router = room("protocols")

LONGEST = 64 * 2**10
"""Characters of the longest protocol that somebody writes."""


async def _names(at: At) -> Names:
    return at.names


Named = Annotated[Names, Depends(_names)]


@router.get("/protocols")
async def list_protocols(named: Named) -> list[ProtocolShown]:
    """List the protocols that can be asked by name, and which of them the network can run now."""
    return _shown(named)


@router.get("/protocols/{name}")
async def show_protocol(named: Named, name: Annotated[str, Path(max_length=100)]) -> ProtocolShown:
    """Show a protocol in full."""
    for shown in _shown(named):
        if shown.name == name:
            return shown
    raise Problem(404, f"there is no protocol {name!r}", "no-such-protocol")


@router.post("/protocols/check")
async def check(at: At, body: Check) -> Checked:
    """Check a protocol against the network, and bind it to its members, without running it."""
    try:
        spec = _read(body.protocol) if isinstance(body.protocol, str) else _written(body.protocol)
        compiled = at.session.prepare(spec)
    except BadInput as error:
        return Checked(valid=False, problem=str(error))
    return Checked(
        valid=True,
        problem=None,
        name=compiled.name,
        expression=with_defaults(compiled.expression),
        notes=compiled.notes,
    )


def protocol_of(named: Names, protocol: str | Expression) -> str | ProtocolSpec:
    """Return the protocol that a caller names or writes. Raises `Problem`, and `ProtocolError` for what is none."""
    return named.find(protocol).protocol if isinstance(protocol, str) else _written(protocol)


def _shown(named: Names) -> list[ProtocolShown]:
    ready = {one.choice.name: one for one in named.ready()}
    return [
        ProtocolShown(
            name=name,
            summary=spec.summary,
            description=spec.description,
            calls=spec.calls,
            source=spec.source,
            expression=with_defaults(spec.protocol),
            ready=name in ready,
            members=ready[name].members if name in ready else (),
            people=ready[name].people if name in ready else (),
        )
        for name, spec in shipped_protocols().items()
    ]


def _read(text: str) -> ProtocolSpec:
    _check_length(text)
    try:
        value = load_yaml(text)
    except NotYaml as error:
        raise ProtocolError(f"the protocol{error}") from error
    if not isinstance(value, dict):
        raise ProtocolError("a protocol is written as a mapping, such as {verify: {proposer: scout, verifier: critic}}")
    return _written(value)


def _written(data: dict[str, Any]) -> ProtocolSpec:
    """The protocol of an expression, or of what a protocol file holds."""
    if not is_bounded(data):
        raise ProtocolError(f"the protocol has more than {MOST_VALUES} values")
    _check_length(repr(data))
    if "protocol" not in data:
        return protocol_from(data)
    try:
        return ProtocolSpec.model_validate(data)
    except ValidationError as error:
        raise ProtocolError(first_problem(error)) from error


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise ProtocolError(f"the protocol has more than {LONGEST} characters")
