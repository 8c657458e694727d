"""AgentNet's few settings: from arguments first, then a file, then the environment, then defaults.

The file is ``agentnet.toml`` in the current folder, or the one that ``AGENTNET_CONFIG`` names::

    network = "team.yaml"       # relative to the folder of this file
    protocol = "delegation"
    store = "runs/agentnet.db"
    policy = "none"             # do not use what was learned about the network
    nodes = "192.168.1.0/24"    # networks in which nodes may speak plain HTTP

Every value knows its origin; ``agentnet doctor`` shows it. Keys of servers are never settings: network files name the
environment variable that holds them.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.errors import BadInput
from agentnet.files.names import suggestion
from agentnet.files.paths import is_file, written_path

FILE = "agentnet.toml"
CONFIG = "AGENTNET_CONFIG"
NAMES = ("home", "store", "network", "protocol", "policy", "nodes")
DEFAULTS = {"network": "zoo", "protocol": "auto", "policy": "found", "nodes": "127.0.0.0/8, ::1"}
SERVER_VARIABLES = ("OPENAI_BASE_URL", "OPENAI_API_KEY")
"""Default variables of OpenAI-compatible models. `agentnet doctor` shows only whether they are set: one is a secret."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and its origin: ``argument``, a file's path, a variable's name, or ``default``."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, resolved."""

    home: Setting
    """Folder of the store and the checkpoints, unless `store` is a file elsewhere."""
    store: Setting
    """A file (SQLite), or a database URL."""
    network: Setting
    """``zoo`` or a network file."""
    protocol: Setting
    """The default protocol of ``agentnet ask``."""
    policy: Setting
    """A policy file, ``none``, or ``found``: the network's own, if there is one."""
    nodes: Setting
    """IP networks in which nodes may speak plain HTTP, on any port; elsewhere they need https and public addresses."""

    @property
    def checkpoints(self) -> Path:
        """The checkpoint file: in the folder of a store that is a file, else in the home folder."""
        folder = Path(self.home.value) if "://" in self.store.value else Path(self.store.value).parent
        return folder / "checkpoints.db"


def resolve(
    *,
    home: str | None = None,
    store: str | None = None,
    network: str | None = None,
    protocol: str | None = None,
    policy: str | None = None,
    nodes: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return the settings in force. An argument of None counts as not given.

    Raises `BadInput` for a settings file that is named but missing, is not TOML, or has an unknown setting.
    """
    environment = os.environ if environment is None else environment
    arguments = {
        "home": home,
        "store": store,
        "network": network,
        "protocol": protocol,
        "policy": policy,
        "nodes": nodes,
    }
    written, path = _read_file(environment, folder or Path.cwd())

    def find(name: str, default: str) -> Setting:
        if (given := arguments[name]) is not None:
            return Setting(_expanded(name, given), "argument")
        if name in written:
            return Setting(written[name], str(path))
        if variable := environment.get(f"AGENTNET_{name.upper()}"):
            return Setting(_expanded(name, variable), f"AGENTNET_{name.upper()}")
        return Setting(default, "default")

    data_folder = find("home", str(_data_folder(environment)))
    return Settings(
        home=data_folder,
        store=find("store", str(Path(data_folder.value) / "agentnet.db")),
        network=find("network", DEFAULTS["network"]),
        protocol=find("protocol", DEFAULTS["protocol"]),
        policy=find("policy", DEFAULTS["policy"]),
        nodes=find("nodes", DEFAULTS["nodes"]),
    )


def _expanded(name: str, value: str) -> str:
    """A path with its ``~`` expanded; names and URLs unchanged."""
    return str(written_path(value)) if name in ("home", "store") and "://" not in value else value


def _data_folder(environment: Mapping[str, str]) -> Path:
    """The user's data folder: ``XDG_DATA_HOME`` (Linux, macOS) or ``LOCALAPPDATA`` (Windows) if set."""
    base = environment.get("LOCALAPPDATA" if os.name == "nt" else "XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "agentnet"


def _read_file(environment: Mapping[str, str], folder: Path) -> tuple[dict[str, str], Path]:
    named = environment.get(CONFIG)
    path = written_path(named) if named else folder / FILE
    if not is_file(path):
        if named:
            raise BadInput(f"{CONFIG} names {path}, which is not a file")
        return {}, path
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: is not TOML: {error}") from error
    return {name: _checked(name, value, path) for name, value in data.items()}, path


def _checked(name: str, value: Any, path: Path) -> str:
    """A setting of the file; a relative path starts from the file's folder."""
    if name not in NAMES:
        raise BadInput(f"{path}: unknown setting {name!r}{suggestion(name, NAMES)} (known: {', '.join(NAMES)})")
    if not isinstance(value, str) or not value:
        raise BadInput(f"{path}: {name}: expected a text, found {value!r}")
    if name in ("home", "store") and "://" not in value:
        return str((path.parent / written_path(value)).resolve())
    if is_file(neighbour := path.parent / value):
        return str(neighbour.resolve())
    return value
