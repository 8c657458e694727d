"""Policy files: where they are, how they are read and written, and which network they are for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.policies import Policy, PolicyNetwork
from agentnet.errors import PolicyError
from agentnet.files.paths import is_file, written_path
from agentnet.files.shipped import shipped_files
from agentnet.files.yaml import MOST_BYTES, read_yaml
from agentnet.network.files import EMBEDDED, ZOO
from agentnet.network.fingerprints import fingerprint
from agentnet.settings import Settings

ENDING = ".policy.yaml"
NONE, FOUND = "none", "found"
"""Values of the setting `policy` beside a file: no policy, and the one of the network, if there is one."""


def find_policy(network: str | None, settings: Settings) -> Path | None:
    """Return the policy file of a network; None if there is none.

    `network` is ``zoo`` or the network file, None for a network given as data. The setting `policy` names a file, or is
    ``none``. Else it is the file beside the network's, ``team.policy.yaml`` for ``team.yaml``; for an embedded network
    the one in the home folder, or the one that ships. Raises `PolicyError` for a named file that is missing.
    """
    named = settings.policy.value
    if named == NONE:
        return None
    if named != FOUND:
        path = written_path(named)
        if not is_file(path):
            raise PolicyError(
                f"no policy {named!r} (from {settings.policy.origin}): give a file that exists, or `none`"
            )
        return path
    if network is None:
        return None
    own = policy_path(network, settings)
    return own if is_file(own) else shipped_files("policies").get(ZOO if network in EMBEDDED else network)


def policy_path(network: str, settings: Settings) -> Path:
    """Return where the policy of a network file, or of an embedded network, is written.

    Embedded networks have the same members, and share a policy.
    """
    path = Path(ZOO if network in EMBEDDED else network)
    return path.with_name(path.stem + ENDING) if path.suffix else Path(settings.home.value) / f"{path}{ENDING}"


def load_policy(path: Path) -> Policy:
    """Return the policy of a file. Raises `PolicyError` with one line that says what is wrong, and where.

    Files are written as JSON, which is YAML: an analyzer's numbers are read a hundred times as fast.
    """
    try:
        text = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
        return Policy.model_validate_json(text)
    except (OSError, ValidationError):
        return read_yaml(path, Policy, PolicyError)


def save_policy(policy: Policy, path: Path) -> None:
    """Write a policy into a file; one that is there is replaced. Raises `PolicyError`."""
    data = {"version": policy.version, **policy.model_dump(mode="json", exclude_defaults=True)}
    text = json.dumps(data, indent=2, ensure_ascii=False)
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(f"{text}\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be written ({error.strerror})") from error


def policy_network(spec: NetworkSpec) -> PolicyNetwork:
    """Return what a policy says of the network that it was learned on."""
    return PolicyNetwork(name=spec.name, members={member.name: fingerprint(member) for member in spec.agents})


def check_network(policy: Policy, members: Iterable[AgentSpec], where: str) -> None:
    """Raise `PolicyError` if a network is not the one that a policy was learned on.

    Every member that the policy knows must be there, with the same model, pack and sampling. Others may have joined.
    """
    present = {member.name: fingerprint(member) for member in members}
    for name, known in policy.network.members.items():
        if name not in present:
            problem = f"it has no member {name!r}"
        elif present[name] != known:
            problem = f"the model, pack or sampling of {name!r} is another"
        else:
            continue
        raise PolicyError(
            f"{where}: was learned on another network ({policy.network.name!r}): {problem}; learn again with "
            f"`agentnet learn SUITE`, or set the policy to `none`"
        )
