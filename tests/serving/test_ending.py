"""The end of a process that serves: by a signal, or by two."""

from __future__ import annotations

import asyncio

import pytest

from agentnet.serving import process
from agentnet.serving.process import Ending


async def test_a_signal_is_a_wish() -> None:
    with Ending() as ending:
        ending.wish()
        await asyncio.wait_for(ending.wanted.wait(), 10)
        ending.wish()  # the same signal once more, to the group of processes
        await asyncio.sleep(0)
    assert not ending.at_once


async def test_a_second_signal_ends_what_still_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TOGETHER_SECONDS", 0.0)
    reached = False
    with Ending() as ending:
        ending.wish()
        await asyncio.sleep(0.01)
        ending.wish()
        await asyncio.sleep(60)
        reached = True
    assert ending.at_once
    assert not reached
    await asyncio.sleep(0)  # the task itself goes on


async def test_another_cancellation_is_not_held_up() -> None:
    async def work() -> None:
        with Ending():
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
