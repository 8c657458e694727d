"""Token access: what a reading tells, how groups of sessions are let in, and the example of the module's docstring."""

from __future__ import annotations

import asyncio
import pickle
import re
import textwrap
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from agentnet.fusion.loop import FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.strategies import Mean
from agentnet.models import tokens
from agentnet.models.base import Request
from agentnet.models.tokens import Argmax, Reading, Row, TokenStepper, hold

LOGITS = np.array([1.0, 3.0, 2.0, 3.0], np.float32)


def test_a_row_is_a_copy() -> None:
    memory = LOGITS.copy()
    row = Row().of(memory)
    memory[:] = 0
    assert (row.dtype, row.tolist()) == (np.float32, LOGITS.tolist())


@pytest.mark.parametrize(
    ("barred", "token"), [(set(), 1), ({0}, 1), ({1}, 3), ({1, 3}, 2), ({3, 2}, 1), ({1, 2, 3}, 0)]
)
def test_the_greatest_logit_counts_and_the_lowest_token_of_equal_ones(barred: set[int], token: int) -> None:
    memory = LOGITS.copy()
    assert Argmax(frozenset(barred)).of(memory) == token
    assert memory.tolist() == LOGITS.tolist()


@pytest.mark.parametrize("reading", [Row(), Argmax(), Argmax(frozenset({1, 3}))])
def test_a_reading_can_be_sent_to_another_process(reading: Reading[Any]) -> None:
    sent = pickle.loads(pickle.dumps(reading))
    assert sent == reading
    assert np.array_equal(sent.of(LOGITS), reading.of(LOGITS))


async def test_the_example_of_the_docstring_decodes_alone_and_with_others() -> None:
    (example,) = re.findall(r"weights::\n\n(.*)", tokens.__doc__ or "", re.S)
    names: dict[str, Any] = {"np": np}
    exec(textwrap.dedent(example), names)
    model = names["Abab"]()
    assert isinstance(model, TokenStepper)
    request = Request(({"role": "user", "content": "Say it."},))
    sessions = [await model.open_session(request) for _ in range(2)]
    members = [LocalMember(name, session) for name, session in zip(("one", "two"), sessions, strict=True)]
    for choice in (members, [member.by_bytes() for member in members]):
        async with hold(sessions):
            fused = await FusionLoop(choice, Mean(), limit=9).decode()
        assert (fused.text, fused.finish) == ("abab", "stop")


class Door:
    """An admission with room for one group."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.room = asyncio.Lock()
        self.groups: list[list[object]] = []

    @asynccontextmanager
    async def hold(self, sessions: Sequence[object]) -> AsyncIterator[None]:
        async with self.room:
            self.groups.append(list(sessions))
            await asyncio.sleep(0)
            yield


class Waits:
    """What `hold` sees of a session."""

    def __init__(self, admission: Door | None) -> None:
        self.admission = admission


async def test_each_admission_lets_in_its_own_sessions_as_one_group() -> None:
    one, other = Door("a"), Door("b")
    sessions: list[Any] = [Waits(one), Waits(None), Waits(other), Waits(one)]
    async with hold(sessions):
        assert one.groups == [[sessions[0], sessions[3]]]
        assert other.groups == [[sessions[2]]]
        assert one.room.locked()
        assert other.room.locked()
    assert not one.room.locked()
    assert not other.room.locked()


async def test_groups_that_need_several_admissions_do_not_wait_for_each_other() -> None:
    """In whatever order they name their sessions."""
    one, other = Door("a"), Door("b")

    async def text(*doors: Door) -> None:
        sessions: list[Any] = [Waits(door) for door in doors]
        async with hold(sessions):
            await asyncio.sleep(0)

    texts = [text(*doors) for _ in range(10) for doors in ((one, other), (other, one), (one,), (other,))]
    await asyncio.wait_for(asyncio.gather(*texts), 10)
    assert len(one.groups) == len(other.groups) == 30


async def test_a_group_that_is_cancelled_while_it_waits_leaves_no_admission_behind() -> None:
    one, other = Door("a"), Door("b")
    sessions: list[Any] = [Waits(one), Waits(other)]

    async def text() -> None:
        async with hold(sessions):
            raise AssertionError("it was let in")

    for door in (one, other):
        async with door.room:
            waiting = asyncio.create_task(text())
            await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
        assert not one.room.locked()
        assert not other.room.locked()
