"""What ``agentnet doctor`` looks at. Nothing here loads a model or opens the store."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from agentnet.errors import AgentNetError
from agentnet.settings import CONFIG, SERVER_VARIABLES, Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `well` is None for what can be neither well nor ill."""

    topic: str
    name: str
    value: str
    note: str = ""
    well: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which it is shown."""
    return [*_software(), *_machine(settings), *_llama(), *_zoo(), *_settings(settings)]


def own_version() -> str:
    """The installed version of AgentNet."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("agentnet-ai")
    except PackageNotFoundError:
        return "not installed, run from its source"


def _software() -> Iterator[Finding]:
    from importlib.metadata import version

    from agentnet.contracts.messages import SCHEMA_VERSION

    yield Finding("software", "agentnet", own_version(), f"message schema {SCHEMA_VERSION}")
    yield Finding("software", "python", platform.python_version(), platform.platform())
    yield Finding("software", "langgraph", version("langgraph"))


def _machine(settings: Settings) -> Iterator[Finding]:
    from agentnet.models.devices import cores, memory

    yield Finding("machine", "cores", str(cores()), "usable by this process")
    total, free = memory()
    yield Finding("machine", "memory", f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free" if total else "unknown")
    yield _threads(settings.network.value)


def _threads(network: str) -> Finding:
    """How the cores are shared among the local models of the network in force."""
    from agentnet.models.devices import physical_cores
    from agentnet.network import find_network

    try:
        agents = find_network(network)[0].agents
    except AgentNetError as error:
        return Finding("machine", "threads", "no plan", str(error), well=False)
    local = {agent.model.model_dump_json(): agent.model for agent in agents if agent.model.kind == "llama"}
    given = {model.threads for model in local.values()}
    each = f"{physical_cores()}, shared by the models at work" if given == {None} else "as the network file says"
    if len(given) == 1 and given != {None}:
        each = f"{given.pop()} for each model"
    return Finding("machine", "threads", each if local else "none", f"{len(local)} local models in network {network}")


def _llama() -> Iterator[Finding]:
    from importlib.metadata import version

    from agentnet.models.devices import GPU_INSTALL, devices, supports_gpu_offload

    yield Finding("llama.cpp", "llama-cpp-python", version("llama-cpp-python"))
    offload = supports_gpu_offload()
    yield Finding("llama.cpp", "GPU offload", "yes" if offload else "no", "" if offload else GPU_INSTALL)
    for device in devices():
        free = f"{device.free / 2**30:.1f} of {device.total / 2**30:.1f} GiB free" if device.total else ""
        yield Finding("llama.cpp", f"{device.kind} {device.name}", device.description, free)


def _zoo() -> Iterator[Finding]:
    from agentnet.zoo.catalog import path, zoo_cards

    cards = zoo_cards()
    if not cards:
        yield Finding("zoo", "models", "none", "this installation is incomplete: install agentnet-ai again", well=False)
    for name, card in cards.items():
        file = path(name)
        if not file.is_file():
            yield Finding("zoo", name, "missing", str(file), well=False)
            continue
        same = hashlib.sha256(file.read_bytes()).hexdigest() == card.sha256
        note = f"{card.architecture}, {card.tokenizer}" if same else "the checksum differs: install agentnet-ai again"
        yield Finding("zoo", name, f"{file.stat().st_size / 2**20:.1f} MiB", note, well=same)


def _settings(settings: Settings) -> Iterator[Finding]:
    for name in ("home", "store", "network", "protocol"):
        setting = getattr(settings, name)
        yield Finding("settings", name, _without_password(setting.value), f"from {setting.origin}")
    yield Finding("settings", "checkpoints", str(settings.checkpoints))
    for variable in (CONFIG, "AGENTNET_HOME", "AGENTNET_STORE", "AGENTNET_NETWORK", "AGENTNET_PROTOCOL"):
        yield Finding("environment", variable, "set" if os.environ.get(variable) else "not set")
    for variable in SERVER_VARIABLES:
        yield Finding("environment", variable, "set" if os.environ.get(variable) else "not set")


def _without_password(value: str) -> str:
    """A database URL without what stands before the ``@``."""
    scheme, found, rest = value.partition("://")
    return f"{scheme}://…@{rest.rpartition('@')[2]}" if found and "@" in rest else value
