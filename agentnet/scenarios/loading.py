"""Loading scenarios: shipped ones by name, others by file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agentnet.collab.inline import protocol_from, read_protocol
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.runs import Origin
from agentnet.errors import BadInput, ScenarioError
from agentnet.files.names import suggestion
from agentnet.files.paths import is_file, written_path
from agentnet.files.shipped import shipped_files
from agentnet.files.yaml import read_yaml
from agentnet.network import find_network
from agentnet.network.files import EMBEDDED
from agentnet.scenarios.spec import ScenarioSpec


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario with its protocol and its network, loaded."""

    spec: ScenarioSpec
    path: Path
    protocol: ProtocolSpec
    network: NetworkSpec
    network_base: Path
    """Base folder of relative paths in the network."""
    origin: Origin
    """The sources that a resumed run reads again."""


def shipped_scenarios() -> dict[str, ScenarioSpec]:
    """Return the scenarios that ship with AgentNet, by name."""
    return {name: read_yaml(path, ScenarioSpec, ScenarioError) for name, path in shipped_files("scenarios").items()}


def find_scenario(reference: str, *, network: str | None = None, protocol: str | None = None) -> Scenario:
    """Return the scenario of a shipped name or a YAML file; `network` and `protocol` replace its own.

    Raises `ScenarioError`, `ProtocolError` or `NetworkError`, with the file's name.
    """
    path = _find(reference)
    spec = read_yaml(path, ScenarioSpec, ScenarioError)
    beside = None if network else path.parent
    members, base = find_network(network or spec.network, beside=beside)
    protocol_spec, source = _protocol(spec, path, protocol, [agent.name for agent in members.agents])
    origin = Origin(
        protocol=source, network=_network_source(network or spec.network, beside), scenario=str(path.resolve())
    )
    return Scenario(spec, path, protocol_spec, members, base, origin)


def _find(reference: str) -> Path:
    shipped = shipped_files("scenarios")
    if reference in shipped:
        return shipped[reference]
    path = written_path(reference)
    if is_file(path):
        return path
    raise ScenarioError(
        f"no scenario {reference!r}{suggestion(reference, shipped)} (known: {', '.join(shipped)}; or give a YAML file)"
    )


def _protocol(
    spec: ScenarioSpec, path: Path, replacement: str | None, agents: list[str]
) -> tuple[ProtocolSpec, str | None]:
    if replacement is not None:
        return read_protocol(replacement, agents=agents)
    if isinstance(spec.protocol, str):
        return read_protocol(spec.protocol, beside=path.parent, agents=agents)
    try:
        return protocol_from(spec.protocol, name=spec.name, summary=spec.summary), None
    except BadInput as error:
        raise ScenarioError(f"{path}: {error}") from error


def _network_source(reference: str, beside: Path | None) -> str:
    if reference in EMBEDDED:
        return reference
    path = written_path(reference)
    return str((beside / path if beside is not None and is_file(beside / path) else path).resolve())
