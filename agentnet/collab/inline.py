"""Protocols written in place: in a scenario, on a command line, or taken back from a run's record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from agentnet.collab.library import find_protocol
from agentnet.contracts.base import first_problem
from agentnet.contracts.protocols import ProtocolSpec, TaggedModel
from agentnet.contracts.runs import RunRecord
from agentnet.errors import ProtocolError
from agentnet.files.shipped import shipped_files

INLINE = "inline"


def protocol_from(
    expression: Mapping[str, Any] | TaggedModel, *, name: str = INLINE, summary: str = "written in place"
) -> ProtocolSpec:
    """A protocol around an expression, as data or as combinators. Raises `ProtocolError`."""
    protocol = expression if isinstance(expression, TaggedModel) else dict(expression)
    try:
        return ProtocolSpec.model_validate({"name": name, "summary": summary, "protocol": protocol})
    except ValidationError as error:
        raise ProtocolError(first_problem(error)) from error


def read_protocol(text: str, beside: Path | None = None) -> tuple[ProtocolSpec, str | None]:
    """The protocol that a person names or writes, and its source: a shipped name or a file, None where it is inline.

    An expression is YAML with a mapping at the top: ``{verify: {proposer: scout, verifier: critic}}``.
    """
    if ":" in text and Path(text).suffix.lower() not in (".yaml", ".yml"):
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ProtocolError(f"protocol {text!r} is not YAML: {getattr(error, 'problem', error)}") from error
        if isinstance(value, dict):
            return protocol_from(value), None
    protocol = find_protocol(text, beside)
    if text in shipped_files("protocols"):
        return protocol, text
    path = Path(text).expanduser()
    if beside is not None and (beside / path).is_file():
        path = beside / path
    return protocol, str(path.resolve())


def protocol_of(record: RunRecord) -> ProtocolSpec:
    """The protocol of a run, as its source says now; of an inline one, as it was."""
    if record.protocol_source is not None:
        return find_protocol(record.protocol_source)
    expression = record.protocol["protocol"]
    if isinstance(expression, str):
        expression = {"ask": expression}
    return protocol_from(expression, name=record.protocol_name)
