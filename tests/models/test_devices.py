"""What the machine has."""

from __future__ import annotations

import os

import pytest

from agentnet.models import devices


def test_the_cpu_is_among_the_devices() -> None:
    found = devices.devices()
    cpu = next(device for device in found if device.kind == "cpu")
    assert cpu.name
    assert cpu.description
    assert 0 <= cpu.free <= cpu.total


def test_offload_goes_with_a_device_to_offload_to() -> None:
    kinds = {device.kind for device in devices.devices()}
    assert devices.supports_gpu_offload() == bool(kinds & {"gpu", "integrated gpu"})


def test_the_install_hint_is_one_line() -> None:
    assert 'CMAKE_ARGS="-DGGML_CUDA=on" pip install' in devices.GPU_INSTALL
    assert "\n" not in devices.GPU_INSTALL


def test_cores_and_memory() -> None:
    assert 1 <= devices.cores() <= (os.cpu_count() or 1)
    total, available = devices.memory()
    assert available is None or 0 < available <= total


@pytest.mark.skipif(devices.supports_gpu_offload(), reason="needs a build without GPU support")
def test_without_a_gpu_there_is_nothing_to_offload_to() -> None:
    assert devices.offload_devices() == []


@pytest.mark.parametrize(
    ("kinds", "offered"),
    [
        (["cpu", "gpu", "gpu"], ["gpu", "gpu"]),
        (["accelerator", "integrated gpu", "cpu"], ["integrated gpu"]),
        (["integrated gpu", "gpu"], ["gpu"]),
    ],
)
def test_integrated_gpus_serve_where_there_are_no_others(
    monkeypatch: pytest.MonkeyPatch, kinds: list[str], offered: list[str]
) -> None:
    made_up = [devices.Device("X", "made up", kind, 1, 1) for kind in kinds]
    monkeypatch.setattr(devices, "devices", lambda: made_up)
    monkeypatch.setattr(devices, "supports_gpu_offload", lambda: True)
    assert [device.kind for device in devices.offload_devices()] == offered


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_cores_obey_the_affinity() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert devices.cores() == 1
    finally:
        os.sched_setaffinity(0, before)
