"""The hardware of this machine: cores, memory, and the devices that llama.cpp can compute on."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from agentnet.models import control_groups

GPU_INSTALL = (
    "for a GPU build: CMAKE_ARGS=\"-DGGML_CUDA=on\" pip install --force-reinstall --no-cache-dir llama-cpp-python "
    "(METAL, VULKAN, HIP and SYCL in place of CUDA for other devices)"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Device:
    """One backend device. Memory is in bytes, as the driver reports it; 0 where it reports none."""

    name: str
    description: str
    kind: str
    free: int
    total: int


_KINDS = {0: "cpu", 1: "gpu", 2: "integrated gpu", 3: "accelerator"}


def devices() -> list[Device]:
    """Return the devices of the installed llama.cpp, the CPU among them; none where the library cannot be asked."""
    ggml = _ggml()
    if ggml is None:
        return []
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    for name in ("name", "description"):
        function = getattr(ggml, f"ggml_backend_dev_{name}")
        function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    size = ctypes.POINTER(ctypes.c_size_t)
    ggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    return [_device(ggml, ggml.ggml_backend_dev_get(index)) for index in range(ggml.ggml_backend_dev_count())]


def _device(ggml: ctypes.CDLL, pointer: int) -> Device:
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    ggml.ggml_backend_dev_memory(pointer, ctypes.byref(free), ctypes.byref(total))
    return Device(
        name=ggml.ggml_backend_dev_name(pointer).decode(errors="replace"),
        description=ggml.ggml_backend_dev_description(pointer).decode(errors="replace"),
        kind=_KINDS.get(ggml.ggml_backend_dev_type(pointer), "other"),
        free=free.value,
        total=total.value,
    )


def _ggml() -> ctypes.CDLL | None:
    """Return the ggml library that the installed llama-cpp-python has loaded; None where it is not found."""
    from agentnet.models.llama import backend

    folder = Path(str(backend.library().__file__)).parent / "lib"
    for name in ("libggml.so", "libggml.dylib", "ggml.dll"):
        if (folder / name).is_file():
            library = ctypes.CDLL(str(folder / name))
            return library if hasattr(library, "ggml_backend_dev_count") else None
    return None


def offload_devices() -> list[Device]:
    """Return the devices that llama.cpp would offload to, in its order: GPUs, or else integrated ones."""
    if not supports_gpu_offload():
        return []
    by_kind = {kind: [device for device in devices() if device.kind == kind] for kind in ("gpu", "integrated gpu")}
    return by_kind["gpu"] or by_kind["integrated gpu"]


def supports_gpu_offload() -> bool:
    """Return whether the installed llama.cpp was built for a GPU and finds one."""
    from agentnet.models.llama import backend

    return bool(backend.library().llama_supports_gpu_offload())


def cores() -> int:
    """Return the cores that this process may use: those of its affinity, at most its control group's quota."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:
        allowed = os.cpu_count() or 1
    quota = control_groups.cores()
    return max(1, min(allowed, quota) if quota else allowed)


def physical_cores() -> int:
    """Return the same without hyper-threads, which share one core's arithmetic; `cores()` where that is unknown."""
    try:
        siblings = {
            Path(f"/sys/devices/system/cpu/cpu{index}/topology/thread_siblings_list").read_text(encoding="ascii")
            for index in os.sched_getaffinity(0)
        }
    except (AttributeError, OSError):
        return cores()
    return max(1, min(cores(), len(siblings)))


def memory() -> tuple[int, int | None]:
    """Return the total and the available memory that this process may use, in bytes; 0 and None where unknown.

    The available memory is the lesser of what the machine and what the process's control groups leave.
    """
    total, available = _machine_memory()
    bound = control_groups.memory()
    if bound is None:
        return total, available
    limit, left = bound
    return min(total or limit, limit), left if available is None else min(available, left)


def touched() -> int:
    """Return the bytes of its own memory that this process has written to; 0 where unknown.

    Mapped files do not count: the system can drop their pages, and calls them available.
    """
    return _sizes(Path("/proc/self/status")).get("RssAnon", 0)


def _machine_memory() -> tuple[int, int | None]:
    sizes = _sizes(Path("/proc/meminfo"))
    return sizes.get("MemTotal") or _total_memory(), sizes.get("MemAvailable")


def _sizes(file: Path) -> dict[str, int]:
    """Return the sizes in a file with lines such as ``MemTotal: 16 kB``, in bytes."""
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return {}
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if len(line) == 3 and line[2] == "kB"}


def _total_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
