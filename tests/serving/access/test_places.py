"""Places for runs: how many go on, how many wait, and who is refused."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from agentnet.serving.access.places import Places
from agentnet.serving.app import Problem


async def enter(places: Places, stack: AsyncExitStack, caller: str, most: int = 64) -> None:
    await stack.enter_async_context(places.place(caller, most))


async def until_waiting(places: Places, number: int) -> None:
    while places.waiting < number:
        await asyncio.sleep(0)


async def test_so_many_go_on_and_the_next_waits_for_its_turn() -> None:
    places, order = Places(2), list[str]()

    async def run(caller: str) -> None:
        async with places.place(caller, 64):
            order.append(caller)

    async with AsyncExitStack() as first:
        async with AsyncExitStack() as second:
            await enter(places, first, "a")
            await enter(places, second, "b")
            waiting = [asyncio.create_task(run(caller)) for caller in "cde"]
            await until_waiting(places, 3)
            assert order == []
        await asyncio.gather(*waiting)
    assert order == ["c", "d", "e"]
    assert (places.taken, places.waiting) == (0, 0)


async def test_a_caller_with_a_full_quota_keeps_nobody_else_waiting() -> None:
    places = Places(4)
    async with AsyncExitStack() as stack:
        await enter(places, stack, "a", 1)
        waiting = asyncio.create_task(enter(places, AsyncExitStack(), "a", 1))
        await until_waiting(places, 1)
        await enter(places, stack, "b", 1)
        with pytest.raises(Problem, match="all 1 places of this key are taken, and as many wait already") as refused:
            await enter(places, stack, "a", 1)
        assert (refused.value.status, refused.value.again) == (429, 2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert places.waiting == 0


async def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    places = Places(1, waiting=1)
    async with AsyncExitStack() as stack:
        await enter(places, stack, "a")
        waiting = asyncio.create_task(enter(places, stack, "b"))
        await until_waiting(places, 1)
        with pytest.raises(Problem, match="all 1 places of this server are taken, and the queue is full") as refused:
            await enter(places, stack, "c")
        assert refused.value.response().headers["retry-after"] == "2"
        waiting.cancel()


async def test_waiting_has_an_end() -> None:
    places = Places(1, seconds=0.01)
    async with AsyncExitStack() as stack:
        await enter(places, stack, "a")
        with pytest.raises(Problem, match=r"none got free within 0\.01 s"):
            await enter(places, stack, "b")
    async with places.place("b", 1):
        assert places.taken == 1


async def test_one_who_leaves_in_the_moment_of_their_turn_takes_no_place_along() -> None:
    places = Places(1)
    first = AsyncExitStack()
    await enter(places, first, "a")
    waiting = asyncio.create_task(enter(places, AsyncExitStack(), "b"))
    await until_waiting(places, 1)
    await first.aclose()  # the place is given to the one who waits …
    waiting.cancel()  # … and leaves before it knows
    await asyncio.gather(waiting, return_exceptions=True)
    assert places.taken == 0


async def test_a_place_that_is_given_up_is_taken_again_in_its_turn() -> None:
    places = Places(1)
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(places.place("a", 1))
        place.give_up()
        place.give_up()  # it has none to give
        assert places.taken == 0
        other = AsyncExitStack()
        await enter(places, other, "b")
        again = asyncio.create_task(place.take())
        await until_waiting(places, 1)
        await other.aclose()
        await again
        assert places.taken == 1
        place.give_up()
    assert places.taken == 0
