"""Which layers go to which device, in numbers: each block weighs 100, and 10 more with a token of cache."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.models.llama.footprint import Footprint
from agentnet.models.llama.offload import NOTHING, RESERVE, Demand, Offload, Room, fit, occupy

BLOCKS = 4
MODEL = Footprint(
    blocks=(100,) * BLOCKS,
    embedding=1000,
    output=300,
    tied=False,
    cache=(10.0,) * BLOCKS,
    state=(0,) * BLOCKS,
    vocabulary=10,
    width=1,
    hidden=1,
    heads=1,
    cached_width=1,
)
DEMAND = Demand(cells=5, sequences=1, cache=True, compute=7)


def brief(offload: Offload) -> tuple[int, tuple[int, ...]]:
    return offload.layers, offload.used


def room(free: int | None) -> Room:
    return Room("GPU0", None if free is None else free + RESERVE)


@pytest.mark.parametrize(
    ("free", "layers", "used"),
    [
        (907, 5, 907),
        (906, 4, 757),
        (757, 4, 757),
        (756, 3, 607),
        (307, 1, 307),
        (306, 0, 0),
        (0, 0, 0),
        (10**12, 5, 907),
        (None, 5, 907),
    ],
)
def test_as_many_layers_as_fit_from_the_output_backwards(free: int | None, layers: int, used: int) -> None:
    found = fit(MODEL, DEMAND, [room(free)])
    assert brief(found) == ((layers, (used,)) if layers else (0, ()))


def test_a_cache_in_ram_leaves_room_for_layers() -> None:
    kept = Demand(cells=5, sequences=1, cache=False, compute=7)
    assert brief(fit(MODEL, kept, [room(707)])) == (5, (707,))


def test_a_longer_cache_takes_the_place_of_layers() -> None:
    longer = Demand(cells=50, sequences=1, cache=True, compute=7)
    assert brief(fit(MODEL, longer, [room(907)])) == (2, (907,))


def test_no_more_layers_than_allowed() -> None:
    assert brief(fit(MODEL, DEMAND, [room(10**6)], most=2)) == (2, (457,))
    assert fit(MODEL, DEMAND, [room(10**6)], most=0) == NOTHING


def test_several_devices_share_by_their_free_memory() -> None:
    free = 10**9
    found = fit(MODEL, DEMAND, [Room("GPU0", 4 * free), Room("GPU1", free)])
    assert brief(found) == (5, (4 * 150 + 7, 300 + 7))
    assert found.shares == (4.0 * free, 1.0 * free)


def test_the_shares_can_be_given() -> None:
    rooms = [room(10**6), room(10**6)]
    assert brief(fit(MODEL, DEMAND, rooms, shares=(2, 3))) == (5, (2 * 150 + 7, 2 * 150 + 300 + 7))
    assert brief(fit(MODEL, DEMAND, rooms, shares=(1, 0))) == (5, (4 * 150 + 300 + 7, 0))
    assert brief(fit(MODEL, DEMAND, rooms, shares=(1,))) == (5, (4 * 150 + 300 + 7, 0))


def test_the_fullest_device_decides() -> None:
    assert fit(MODEL, DEMAND, [room(10**6), room(0)], shares=(1, 1)).layers == 1
    assert brief(fit(MODEL, DEMAND, [room(10**6), room(308)], shares=(1, 1))) == (3, (307, 307))


def test_a_given_number_of_layers_is_not_checked() -> None:
    assert brief(occupy(MODEL, DEMAND, [room(0)], 99)) == (5, (907,))
    assert occupy(MODEL, DEMAND, [], 99) == NOTHING


def test_devices_that_tell_nothing_share_equally() -> None:
    assert brief(fit(MODEL, DEMAND, [room(None), room(None)])) == (5, (3 * 150 + 7, 150 + 300 + 7))


@given(
    st.lists(st.integers(0, 2000), min_size=1, max_size=4),
    st.integers(0, 100),
    st.booleans(),
    st.lists(st.floats(0, 10), max_size=5),
)
def test_what_fits_leaves_the_reserve_and_counts_every_layer_once(
    free: list[int], cells: int, cache: bool, shares: list[float]
) -> None:
    demand = Demand(cells=cells, sequences=1, cache=cache, compute=7)
    rooms = [room(each) for each in free]
    found = fit(MODEL, demand, rooms, shares=shares)
    taking = [used for used in found.used if used]
    assert all(used + RESERVE <= (room.free or 0) for room, used in zip(rooms, found.used, strict=False) if used)
    layers = sum(taking) - 7 * len(taking)
    assert layers == (300 + (found.layers - 1) * (100 + (10 * cells if cache else 0)) if found.layers else 0)
