"""The device that is measured: its free memory as the driver tells it, and the llama-server that is built for it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from agentnet.models import devices
from agentnet.models.devices import GPU_INSTALL, Device
from benchmarks.engine.contestants import LlamaServer
from benchmarks.engine.one_llama import Load
from benchmarks.engine.server_build import build, server_program

SWITCHES = {"CUDA": "CUDA", "ROCm": "HIP", "Vulkan": "VULKAN", "SYCL": "SYCL", "MTL": "METAL", "Metal": "METAL"}
"""How the names of a backend's devices begin, and the CMake switch that builds it: ``-DGGML_CUDA=on``."""


@dataclass(frozen=True)
class Target:
    """The GPUs that llama.cpp offloads to, or the CPU where there are none."""

    gpus: tuple[Device, ...]

    @classmethod
    def chosen(cls, kind: Literal["gpu", "cpu"]) -> Target:
        """Return the target of a kind. Raises `SystemExit` with one line if the machine has another."""
        found = tuple(devices.offload_devices())
        if kind == "gpu" and not found:
            raise SystemExit(
                f"no GPU: the installed llama.cpp offloads to none; {GPU_INSTALL}; "
                "to see this command run without one: --device cpu --small"
            )
        if kind == "cpu" and found:
            raise SystemExit(f"--device cpu is for a machine without a GPU, and this one has {found[0].name}")
        return cls(found)

    def free(self) -> int:
        """Return the bytes that the driver calls free on all devices; on the CPU, what the system calls available."""
        if self.gpus:
            return sum(device.free for device in devices.offload_devices())
        return devices.memory()[1] or 0

    def __str__(self) -> str:
        named = [f"{gpu.name} ({gpu.description}, {gpu.total / 2**30:.1f} GiB)" for gpu in self.gpus] or ["CPU"]
        cores = f"{devices.physical_cores()} cores, {devices.memory()[0] / 2**30:.1f} GiB RAM"
        return f"{', '.join(named)}; {cores}; llama-cpp-python {version('llama_cpp_python')}"

    def build_server(self) -> str:
        """Build llama-server for the GPUs, once. Return why there is none, or nothing."""
        program = server_program(self._server)
        if program.is_file():
            return ""
        if not self.gpus:
            return "llama-server is not built: make bench-server"
        try:
            build(self._server, self._flags())
        except (OSError, subprocess.CalledProcessError) as error:
            return f"llama-server could not be built: {error}"
        return ""

    def server(self) -> type[LlamaServer]:
        """Return the contestant that runs the server of this target."""
        target = self

        class DeviceServer(LlamaServer):
            @classmethod
            def missing(cls) -> str:
                return "" if server_program(target._server).is_file() else "it is not built"

            @classmethod
            def command(cls, load: Load, port: int) -> Sequence[str]:
                layers = "999" if target.gpus else "0"
                return [str(server_program(target._server)), *super().command(load, port)[1:], "--gpu-layers", layers]

        return DeviceServer

    @property
    def _server(self) -> str:
        return "gpu" if self.gpus else ""

    def _flags(self) -> list[Any]:
        """The switches of the devices' backends, and those that llama-cpp-python itself was built with."""
        known = {f"-DGGML_{SWITCHES[key]}=on" for gpu in self.gpus for key in SWITCHES if gpu.name.startswith(key)}
        return [*sorted(known), *shlex.split(os.environ.get("CMAKE_ARGS", ""))]
