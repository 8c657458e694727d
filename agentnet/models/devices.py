"""What this machine has, as llama.cpp sees it: cores, memory, and devices to compute on."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

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
    """The devices of the installed llama.cpp, the CPU among them; empty where the library cannot be asked."""
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
    """The ggml library that the installed llama-cpp-python brought along and has already loaded."""
    from agentnet.models.llama import backend

    folder = Path(str(backend.library().__file__)).parent / "lib"
    for name in ("libggml.so", "libggml.dylib", "ggml.dll"):
        if (folder / name).is_file():
            library = ctypes.CDLL(str(folder / name))
            return library if hasattr(library, "ggml_backend_dev_count") else None
    return None


def supports_gpu_offload() -> bool:
    """Whether the installed llama.cpp was built for a GPU and finds one."""
    from agentnet.models.llama import backend

    return bool(backend.library().llama_supports_gpu_offload())


def cores() -> int:
    """The cores that this process may use: its affinity, cut by the control group's quota."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:
        allowed = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(allowed, quota) if quota else allowed)


def physical_cores() -> int:
    """The same without hyper-threads, which share one core's arithmetic; `cores()` where the system does not tell."""
    try:
        siblings = {
            Path(f"/sys/devices/system/cpu/cpu{index}/topology/thread_siblings_list").read_text(encoding="ascii")
            for index in os.sched_getaffinity(0)
        }
    except (AttributeError, OSError):
        return cores()
    return max(1, min(cores(), len(siblings)))


def _cgroup_quota() -> int | None:
    """The cores that the control groups of this process allow, rounded up; None where they set no bound."""
    quotas = [found for folder in _cgroup_folders() if (found := _quota(folder)) is not None]
    return min(quotas, default=None)


def _cgroup_folders() -> list[Path]:
    """The process's own control group and those around it (version 2), and the processor's (version 1)."""
    root = Path("/sys/fs/cgroup")
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    inner = root / own
    return [*(folder for folder in (inner, *inner.parents) if folder.is_relative_to(root)), root / "cpu"]


def _quota(folder: Path) -> int | None:
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
            )
        return max(1, -(-int(quota) // int(period))) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # ValueError: "max"
        return None


def memory() -> tuple[int, int]:
    """Total and available memory of the machine in bytes; zeros where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return _sysconf_memory()
    sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)


def _sysconf_memory() -> tuple[int, int]:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0, 0
    return total, 0
