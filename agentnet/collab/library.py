"""The named protocols that travel with AgentNet, and protocol files of one's own."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from agentnet.contracts.protocols import ProtocolSpec
from agentnet.errors import ProtocolError
from agentnet.files.names import suggestion
from agentnet.files.paths import is_file, written_path
from agentnet.files.shipped import shipped_files
from agentnet.files.yaml import read_yaml

MOST_KEPT = 128
"""Protocols that are kept after their files were read."""


def shipped_protocols() -> dict[str, ProtocolSpec]:
    """Return the named protocols, by name."""
    return {name: spec_in(path) for name, path in shipped_files("protocols").items()}


def find_protocol(reference: str, beside: Path | None = None) -> ProtocolSpec:
    """Return the protocol of a shipped name, or of a YAML file, `beside` first. Raises `ProtocolError`."""
    path = protocol_file(reference, beside)
    if path is None:
        raise unknown_protocol(reference)
    return spec_in(path)


def spec_in(path: Path) -> ProtocolSpec:
    """Return the protocol of a file, which is read again only where it changed. Raises `ProtocolError`."""
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0  # reading it says what is wrong
    return _spec_in(path, changed)


@lru_cache(MOST_KEPT)
def _spec_in(path: Path, changed: int) -> ProtocolSpec:
    return read_yaml(path, ProtocolSpec, ProtocolError)


def protocol_file(reference: str, beside: Path | None = None) -> Path | None:
    """Return the file of a shipped name, or else the one at a path, in `beside` first; None where there is neither."""
    if shipped := shipped_files("protocols").get(reference):
        return shipped
    path = written_path(reference)
    if beside is not None and is_file(beside / path):
        return beside / path
    return path if is_file(path) else None


def unknown_protocol(reference: str, instead: str = "", agents: Collection[str] = ()) -> ProtocolError:
    """Return the error for what is no shipped name and no file; `instead` says what else could have been given.

    The suggestion may also be one of the `agents`.
    """
    shipped = shipped_files("protocols")
    return ProtocolError(
        f"no protocol {reference!r}{suggestion(reference, [*shipped, *agents])} "
        f"(known: {', '.join(shipped)}; or give a YAML file{instead})"
    )
