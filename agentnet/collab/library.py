"""The named protocols that travel with AgentNet, and protocol files of one's own."""

from __future__ import annotations

from pathlib import Path

from agentnet.contracts.protocols import ProtocolSpec
from agentnet.errors import ProtocolError
from agentnet.files.names import suggestion
from agentnet.files.shipped import shipped_files
from agentnet.files.yaml import read_yaml


def shipped_protocols() -> dict[str, ProtocolSpec]:
    """The named protocols, by name."""
    return {name: read_yaml(path, ProtocolSpec, ProtocolError) for name, path in shipped_files("protocols").items()}


def find_protocol(reference: str, beside: Path | None = None) -> ProtocolSpec:
    """The protocol of a shipped name, or of a YAML file (looked up in `beside` first)."""
    shipped = shipped_files("protocols")
    if reference in shipped:
        return read_yaml(shipped[reference], ProtocolSpec, ProtocolError)
    path = Path(reference).expanduser()
    if beside is not None and not path.is_absolute() and (beside / path).is_file():
        path = beside / path
    if path.is_file():
        return read_yaml(path, ProtocolSpec, ProtocolError)
    raise ProtocolError(
        f"no protocol {reference!r}{suggestion(reference, shipped)} (known: {', '.join(shipped)}; or give a YAML file)"
    )
