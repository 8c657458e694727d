"""Protocols written in place: in a scenario, on a command line, or taken back from a run's record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agentnet.collab.library import find_protocol, protocol_file, spec_in, unknown_protocol
from agentnet.contracts.base import first_problem
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.tagged import TaggedModel
from agentnet.errors import ProtocolError
from agentnet.files.shipped import shipped_files
from agentnet.files.yaml import NotYaml, load_yaml

INLINE = "inline"


def protocol_from(
    expression: Mapping[str, Any] | TaggedModel | str, *, name: str = INLINE, summary: str = "written in place"
) -> ProtocolSpec:
    """Return a protocol around an expression: data, combinators, or the agent to ask. Raises `ProtocolError`."""
    protocol = expression if isinstance(expression, TaggedModel | str) else dict(expression)
    try:
        return ProtocolSpec.model_validate({"name": name, "summary": summary, "protocol": protocol})
    except ValidationError as error:
        raise ProtocolError(first_problem(error)) from error


def read_protocol(
    text: str, beside: Path | None = None, *, agents: Collection[str] = ()
) -> tuple[ProtocolSpec, str | None]:
    """Return the protocol that a text names or writes, and its source: a shipped name or a file, else None.

    An expression is YAML with a mapping at the top, ``{verify: {proposer: scout, verifier: critic}}``, or the agent to
    ask: a selector such as ``@solver``, or the name of one of the `agents`. A shipped name goes before a file (looked
    up in `beside` first), and a file before an agent. Raises `ProtocolError`.
    """
    if (expression := _mapping(text)) is not None:
        return protocol_from(expression), None
    path = protocol_file(text, beside)
    if path is not None:
        source = text if text in shipped_files("protocols") else str(path.resolve())
        return spec_in(path), source
    if text.startswith("@") or text in agents:
        return protocol_from(text), None
    raise unknown_protocol(text, f", an expression, or an agent: {', '.join(agents) or '@solver'}", agents)


def _mapping(text: str) -> dict[str, Any] | None:
    """The expression that a text writes out, None where it names something."""
    if ":" not in text or text.startswith("@") or Path(text).suffix.lower() in (".yaml", ".yml"):
        return None
    try:
        value = load_yaml(text)
    except NotYaml as error:
        raise ProtocolError(f"protocol {text[:200]!r}{error}") from error
    return value if isinstance(value, dict) else None


def protocol_of(record: RunRecord) -> ProtocolSpec:
    """Return the protocol of a run, as its source says now; of an inline one, as it was."""
    if record.protocol_source is not None:
        return find_protocol(record.protocol_source)
    return bound_protocol_of(record)


def bound_protocol_of(record: RunRecord) -> ProtocolSpec:
    """Return the protocol of a run as it was, bound to its members. Raises `ProtocolError` where it cannot be read."""
    return protocol_from(record.protocol["protocol"], name=record.protocol_name)
