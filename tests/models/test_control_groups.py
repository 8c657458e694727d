"""The limits of a container, from files written as the kernel writes them."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from agentnet.models import control_groups, devices

MIB = 2**20


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A group inside another one."""
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.setattr(control_groups, "folders", lambda _: [inner, tmp_path])
    return inner


def write(folder: Path, **files: object) -> None:
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n", encoding="ascii")


def test_no_groups_set_no_bound(group: Path) -> None:
    assert control_groups.cores() is None
    assert control_groups.memory() is None


@pytest.mark.parametrize(("quota", "cores"), [("max 100000", None), ("150000 100000", 2), ("1000 100000", 1)])
def test_cores_of_version_2(group: Path, quota: str, cores: int | None) -> None:
    write(group, cpu__max=quota)
    assert control_groups.cores() == cores


def test_cores_of_version_1(group: Path) -> None:
    write(group, cpu__cfs_quota_us=300_000, cpu__cfs_period_us=100_000)
    assert control_groups.cores() == 3


def test_memory_of_version_2(group: Path) -> None:
    write(group, memory__max=512 * MIB, memory__current=300 * MIB, memory__stat="anon 5\n")
    assert control_groups.memory() == (512 * MIB, 212 * MIB)


def test_the_page_cache_counts_as_left(group: Path) -> None:
    statistics = f"anon 5\ninactive_file {100 * MIB}\nactive_file {20 * MIB}\nunevictable none\n"
    write(group, memory__max=512 * MIB, memory__current=300 * MIB, memory__stat=statistics)
    assert control_groups.memory() == (512 * MIB, 332 * MIB)


def test_the_limit_that_slows_down_counts_too(group: Path) -> None:
    write(group, memory__max="max", memory__high=100 * MIB, memory__current=30 * MIB)
    assert control_groups.memory() == (100 * MIB, 70 * MIB)


def test_the_tightest_group_counts(group: Path, tmp_path: Path) -> None:
    write(group, memory__max=100 * MIB, memory__current=10 * MIB)
    write(tmp_path, memory__max=200 * MIB, memory__current=170 * MIB)
    assert control_groups.memory() == (200 * MIB, 30 * MIB)


def test_memory_of_version_1(group: Path) -> None:
    statistics = f"inactive_file 0\ntotal_inactive_file {10 * MIB}\ntotal_active_file 0\n"
    write(
        group,
        memory__limit_in_bytes=100 * MIB,
        memory__usage_in_bytes=60 * MIB,
        memory__stat=statistics,
    )
    assert control_groups.memory() == (100 * MIB, 50 * MIB)
    write(group, memory__limit_in_bytes=0x7FFFFFFFFFFFF000)
    assert control_groups.memory() is None


def test_a_full_group_has_nothing_left(group: Path) -> None:
    write(group, memory__max=10, memory__current=20)
    assert control_groups.memory() == (10, 0)


def test_the_machines_memory_is_cut_by_the_groups(group: Path) -> None:
    write(group, memory__max=64 * MIB, memory__current=44 * MIB)
    assert devices.memory() == (64 * MIB, 20 * MIB)


def test_what_this_process_has_touched_grows_with_it() -> None:
    before = devices.touched()
    # Fresh private pages: what the heap has freed may be handed out again.
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        for page in range(0, len(block), mmap.PAGESIZE):
            block[page] = 1
        assert not before or devices.touched() - before >= 48 * MIB
