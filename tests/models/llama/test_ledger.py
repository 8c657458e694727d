"""Models that load side by side, on a machine whose numbers the test writes down. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentnet.models.devices import Device
from agentnet.models.llama.ledger import Ledger, Planning
from agentnet.models.llama.offload import Offload
from agentnet.models.llama.plan import MemoryPlan


class System:
    """`available` as the system tells it; `touched` by this process."""

    def __init__(self, available: int) -> None:
        self.available: int | None = available
        self.touched = 50

    def touch(self, size: int) -> None:
        self.available = (self.available or 0) - size
        self.touched += size


@pytest.fixture
def system() -> System:
    return System(1000)


@pytest.fixture
def ledger(system: System) -> Ledger:
    return Ledger(lambda: system.available, lambda: system.touched)


def wanting(weights: int, cache: int = 0, gpu: int = 0) -> Planning:
    return lambda free, rooms: MemoryPlan(
        size=1,
        cells=1,
        sequences=1,
        batch=1,
        weights=weights,
        cache=cache,
        compute=0,
        offload=Offload(1, (gpu,)) if gpu else Offload(),
        free=free,
    )


def free(ledger: Ledger) -> int | None:
    reservation = ledger.reserve(wanting(0))
    reservation.release()
    return reservation.plan.free


def test_two_that_load_side_by_side_do_not_count_the_same_memory(ledger: Ledger) -> None:
    assert ledger.reserve(wanting(600)).plan.fits
    second = ledger.reserve(wanting(600)).plan
    assert (second.fits, second.free) == (False, 400)
    assert len(ledger) == 1


def test_what_was_promised_is_free_again_after_its_release(ledger: Ledger) -> None:
    reservation = ledger.reserve(wanting(600))
    reservation.release()
    reservation.release()
    assert free(ledger) == 1000


def test_weights_may_stay_promised_longer_than_their_context(ledger: Ledger) -> None:
    reservation = ledger.reserve(wanting(300, 200))
    weights = reservation.take_weights()
    assert (free(ledger), len(ledger)) == (500, 2)
    reservation.release()
    assert free(ledger) == 700
    weights.release()
    assert (free(ledger), len(ledger)) == (1000, 0)


def test_what_is_touched_is_not_counted_twice(ledger: Ledger, system: System) -> None:
    ledger.reserve(wanting(300, 200))
    system.touch(200)
    assert system.available == 800
    assert free(ledger) == 500


def test_the_weights_of_mapped_files_stay_promised_though_the_system_calls_them_available(
    ledger: Ledger, system: System
) -> None:
    reservation = ledger.reserve(wanting(300, 200))
    system.touch(200)
    reservation.loaded()
    assert free(ledger) == 500


def test_what_the_process_touched_before_does_not_count(ledger: Ledger, system: System) -> None:
    system.touch(100)
    ledger.reserve(wanting(300))
    assert free(ledger) == 600


def test_more_touched_than_promised_adds_nothing(ledger: Ledger, system: System) -> None:
    ledger.reserve(wanting(100))
    system.touch(400)
    assert free(ledger) == 600


def test_a_system_that_says_nothing(ledger: Ledger, system: System) -> None:
    system.available = None
    assert free(ledger) is None
    assert ledger.reserve(wanting(10**15)).plan.fits


@pytest.mark.parametrize(
    ("finish", "left"),
    [
        (lambda reservation: None, 300),
        (lambda reservation: reservation.loaded(), 900),  # the driver's own figure tells it from now on
        (lambda reservation: reservation.release(), 900),
    ],
)
def test_a_devices_memory_is_promised_while_a_model_loads(
    ledger: Ledger, finish: Callable[[object], None], left: int
) -> None:
    device = Device("GPU0", "made up", "gpu", free=900, total=1000)
    seen: list[int | None] = []

    def planning(free: int | None, rooms: object) -> MemoryPlan:
        seen.extend(room.free for room in rooms)  # type: ignore[attr-defined]
        return wanting(0, gpu=600)(free, ())

    finish(ledger.reserve(planning, [device]))
    ledger.reserve(planning, [device])
    assert seen == [900, left]


def test_a_device_that_tells_nothing_has_no_bound(ledger: Ledger) -> None:
    def planning(free: int | None, rooms: object) -> MemoryPlan:
        assert [room.free for room in rooms] == [None]  # type: ignore[attr-defined]
        return wanting(0)(free, ())

    ledger.reserve(planning, [Device("GPU0", "made up", "gpu", free=0, total=0)])
