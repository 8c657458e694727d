"""Protocols over the API: those that can be asked by name, and those that a caller writes."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Path
from pydantic import ValidationError

from agentnet.collab.inline import protocol_from
from agentnet.collab.library import shipped_protocols
from agentnet.contracts.base import first_problem
from agentnet.contracts.protocols import Ask, ProtocolSpec
from agentnet.coordinator.compiled import with_defaults
from agentnet.errors import BadInput, ProtocolError
from agentnet.files.shipped import shipped_files
from agentnet.files.yaml import NotYaml, line_of, load_yaml
from agentnet.serving.api.asking import At, room
from agentnet.serving.api.shown import Check, Checked, Expression, ProtocolShown
from agentnet.serving.app import Problem
from agentnet.serving.names import Names
from agentnet.serving.reading import MOST_VALUES, is_bounded

router = room("protocols")

FIELD = re.compile(r"\w+([.\[]\w+\]?)*")
"""The path of a field: ``protocol.serial.steps[1]``."""
LONGEST = 64 * 2**10
"""Characters of the longest protocol that a caller writes."""


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
    text = body.protocol if isinstance(body.protocol, str) else None
    try:
        spec = _read(body.protocol) if isinstance(body.protocol, str) else _written(body.protocol)
        compiled = at.session.prepare(spec)
    except BadInput as error:
        return Checked(valid=False, problem=str(error), line=None if text is None else _line(text, error))
    return Checked(
        valid=True,
        problem=None,
        name=compiled.name,
        written=_askable(spec),
        expression=with_defaults(compiled.expression),
        notes=compiled.notes,
    )


def protocol_of(named: Names, protocol: str | Expression) -> str | ProtocolSpec:
    """Return the protocol that a caller names or writes. Raises `Problem`, and `ProtocolError` for what is none."""
    return named.find(protocol).protocol if isinstance(protocol, str) else _written(protocol)


def _askable(spec: ProtocolSpec) -> Expression:
    """Return the expression of a protocol as a caller may ask it: a string would be a name."""
    written = spec.model_dump(mode="json")["protocol"]
    return {Ask.kind: {"agent": written}} if isinstance(written, str) else written


def _shown(named: Names) -> list[ProtocolShown]:
    ready, files = {one.choice.name: one for one in named.ready()}, shipped_files("protocols")
    return [
        ProtocolShown(
            name=name,
            summary=spec.summary,
            description=spec.description,
            calls=spec.calls,
            source=spec.source,
            expression=with_defaults(spec.protocol),
            yaml=files[name].read_text(encoding="utf-8"),
            ready=name in ready,
            problem=named.problem(name),
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
    if len(data) == 1:
        return protocol_from(data["protocol"])
    try:
        return ProtocolSpec.model_validate(data)
    except ValidationError as error:
        raise ProtocolError(first_problem(error)) from error


def _line(text: str, error: BadInput) -> int | None:
    """Return the line of a protocol's text that an error is about: of the field with which its message begins."""
    if isinstance(error.__cause__, NotYaml):
        return error.__cause__.line
    field, colon, _ = str(error).partition(": ")
    return line_of(text, re.findall(r"\w+", field)) if colon and FIELD.fullmatch(field) else None


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise ProtocolError(f"the protocol has more than {LONGEST} characters")
