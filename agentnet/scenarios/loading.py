"""Finding scenarios: shipped ones by name, one's own by file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from agentnet import resources
from agentnet.collab.library import find_protocol
from agentnet.collab.inline import protocol_from
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.errors import BadInput, ScenarioError
from agentnet.network import find_network
from agentnet.scenarios.spec import ScenarioSpec
from agentnet.yaml_files import read_yaml


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario with everything that its file refers to, read."""

    spec: ScenarioSpec
    path: Path
    protocol: ProtocolSpec
    network: NetworkSpec
    network_base: Path
    """Folder that relative paths in the network start from."""


def shipped_scenarios() -> dict[str, ScenarioSpec]:
    """The scenarios that travel with AgentNet, by name."""
    return {name: read_yaml(path, ScenarioSpec, ScenarioError) for name, path in resources.named("scenarios").items()}


def find_scenario(reference: str, *, network: str | None = None, protocol: str | None = None) -> Scenario:
    """The scenario of a shipped name or a YAML file; `network` and `protocol` replace what it says.

    Raises `ScenarioError`, `ProtocolError` or `NetworkError`: one line that names the file.
    """
    path = _find(reference)
    spec = read_yaml(path, ScenarioSpec, ScenarioError)
    found, base = find_network(network) if network else find_network(spec.network, beside=path.parent)
    return Scenario(spec, path, _protocol(spec, path, protocol), found, base)


def _find(reference: str) -> Path:
    shipped = resources.named("scenarios")
    if reference in shipped:
        return shipped[reference]
    path = Path(reference).expanduser()
    if path.is_file():
        return path
    close = difflib.get_close_matches(reference, shipped, n=1)
    meant = f", did you mean {close[0]!r}?" if close else ""
    raise ScenarioError(f"no scenario {reference!r}{meant} (known: {', '.join(shipped)}; or give a YAML file)")


def _protocol(spec: ScenarioSpec, path: Path, instead: str | None) -> ProtocolSpec:
    if instead is not None:
        return find_protocol(instead)
    if isinstance(spec.protocol, str):
        return find_protocol(spec.protocol, beside=path.parent)
    try:
        return protocol_from(spec.protocol, name=spec.name, summary=spec.summary)
    except BadInput as error:
        raise ScenarioError(f"{path}: {error}") from error
