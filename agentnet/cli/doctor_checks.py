"""The checks of ``agentnet doctor``. They load no weights and do not open the store."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentnet.errors import AgentNetError
from agentnet.redaction import redacted
from agentnet.settings import CONFIG, SERVER_VARIABLES, Settings

if TYPE_CHECKING:
    from agentnet.contracts.model_specs import LlamaSpec
    from agentnet.models.llama.ledger import Ledger
    from agentnet.models.llama.offload import Offload


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `well` is None for plain information; `numbers` are for programs."""

    topic: str
    name: str
    value: str
    note: str = ""
    well: bool | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Return all findings, in display order."""
    network = settings.network.value
    return [*_software(), *_machine(network), *_llama(), *_memory(network), *_zoo(), *_settings(settings)]


def own_version() -> str:
    """Return the installed version of AgentNet."""
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


def _machine(network: str) -> Iterator[Finding]:
    from agentnet.models.devices import cores, memory

    yield Finding("machine", "cores", str(cores()), "usable by this process")
    total, free = memory()
    yield Finding(
        "machine",
        "memory",
        f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free" if free is not None and total else "unknown",
        numbers={"total_bytes": total, "free_bytes": free},
    )
    yield _threads(network)


def _threads(network: str) -> Finding:
    """Return how the local models of a network share the cores."""
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
        yield Finding("llama.cpp", f"{device.kind} {device.name}", device.description, free, numbers=asdict(device))


def _memory(network: str) -> Iterator[Finding]:
    """Yield the memory plan of each local model of a network, without loading it."""
    from agentnet.models.devices import memory
    from agentnet.models.llama.ledger import Ledger
    from agentnet.network import find_network

    try:
        members, base = find_network(network)
    except AgentNetError:
        return  # the finding on threads reports it
    ledger = Ledger(lambda: memory()[1], lambda: 0)
    local = {agent.model.model_dump_json(): agent.model for agent in members.agents if agent.model.kind == "llama"}
    loaded: dict[Hashable, Offload] = {}
    for spec in local.values():
        try:
            yield _plan(spec, base, ledger, loaded)
        except AgentNetError as error:
            yield Finding("memory", spec.path, "no plan", str(error), well=False)


def _plan(spec: LlamaSpec, base: Path, ledger: Ledger, loaded: dict[Hashable, Offload]) -> Finding:
    """Return the plan of one model. `loaded` has the weights of those before it, which later ones share."""
    from agentnet.models.backends import present_file
    from agentnet.models.gguf import read_header
    from agentnet.models.llama.loading import reserve_memory, usable_devices
    from agentnet.models.llama.plan import amount
    from agentnet.models.llama.weights import weights_key

    path = present_file(spec, base)
    if path is None:
        return Finding("memory", spec.path, "unknown", "not fetched yet")
    header = read_header(path)
    devices = usable_devices(spec)[0]
    key = weights_key(path, spec, devices)
    plan = reserve_memory(header, spec, devices, ledger=ledger, loaded=loaded.get(key)).plan
    if plan.fits:
        loaded.setdefault(key, plan.offload)
    free = "" if plan.free is None else f"of {amount(plan.free)} free"
    note = ", ".join(part for part in (free, plan.offloaded) if part) if plan.fits else f"does not fit: {plan.advice}"
    return Finding("memory", spec.path, f"{plan} = {amount(plan.total)}", note, well=plan.fits, numbers=plan.as_json())


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
    for name in ("home", "store", "network", "protocol", "nodes"):
        setting = getattr(settings, name)
        yield Finding("settings", name, redacted(setting.value), f"from {setting.origin}")
    yield Finding("settings", "checkpoints", str(settings.checkpoints))
    names = ("HOME", "STORE", "NETWORK", "PROTOCOL", "TRIAL")
    for variable in (CONFIG, *(f"AGENTNET_{name}" for name in names)):
        yield Finding("environment", variable, "set" if os.environ.get(variable) else "not set")
    for variable in SERVER_VARIABLES:
        yield Finding("environment", variable, "set" if os.environ.get(variable) else "not set")
