"""What ``agentnet doctor`` looks at. Nothing here loads a model or opens the store."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from agentnet.settings import CONFIG, SERVER_VARIABLES, Settings

GPU_BUILDS = {
    "Darwin": 'CMAKE_ARGS="-DGGML_METAL=on" pip install --force-reinstall --no-cache-dir llama-cpp-python',
    "": 'CMAKE_ARGS="-DGGML_CUDA=on" pip install --force-reinstall --no-cache-dir llama-cpp-python',
}
"""How to get a llama.cpp that offloads to a GPU, by operating system."""


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
    return [*_software(), *_machine(), *_llama(), *_zoo(), *_settings(settings)]


def _software() -> Iterator[Finding]:
    from importlib.metadata import version

    from agentnet.contracts.messages import SCHEMA_VERSION

    yield Finding("software", "agentnet", version("agentnet-ai"), f"message schema {SCHEMA_VERSION}")
    yield Finding("software", "python", platform.python_version(), platform.platform())
    yield Finding("software", "langgraph", version("langgraph"))


def _machine() -> Iterator[Finding]:
    from agentnet.models.devices import memory, usable_cores

    cores = usable_cores()
    yield Finding("machine", "cores", str(cores), "usable by this process")
    found = memory()
    yield Finding("machine", "memory", f"{found.free / 2**30:.1f} of {found.total / 2**30:.1f} GiB free")


def _llama() -> Iterator[Finding]:
    from agentnet.models.devices import gpus, llama_version, offload_supported

    yield Finding("llama.cpp", "version", llama_version(), well=True)
    if offload_supported():
        yield Finding("llama.cpp", "GPU offload", "supported", well=True)
    else:
        build = GPU_BUILDS.get(platform.system(), GPU_BUILDS[""])
        yield Finding("llama.cpp", "GPU offload", "not in this build", f"for it: {build}")
    for gpu in gpus():
        yield Finding("llama.cpp", gpu.name, gpu.description, f"{gpu.free / 2**30:.1f} GiB free")


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
