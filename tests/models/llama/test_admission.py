"""Sessions that are decoded together, and places for them: who waits, who does not, and what is read once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel, slots
from agentnet.models.tokens import Argmax, TokenSession, hold
from tests.models.llama.conftest import Open

ONE = {"sequences": 1, "reuse_prefix": False}
SAID = 12
ASK = Request(({"role": "user", "content": "Tell me something."},), Sampling(max_tokens=SAID))


async def lock_step(sessions: Sequence[TokenSession], count: int = SAID) -> list[int]:
    """What the first of several sessions would say, said by all."""
    tokens: list[int] = []
    for _ in range(count):
        tokens.append((await asyncio.gather(*(session.step(tokens, Argmax()) for session in sessions)))[0])
    return tokens


async def together(*models: LlamaModel, request: Request = ASK, count: int = SAID) -> list[int]:
    """A text of one session in each model, behind an admission."""
    sessions = [await model.open_session(request) for model in models]
    try:
        async with hold(sessions):
            return await lock_step(sessions, count)
    finally:
        for session in sessions:
            session.close()


async def held(*models: LlamaModel) -> tuple[asyncio.Event, asyncio.Task[None]]:
    """A group that has said something, and then rests in its places until the event is set."""
    inside, end = asyncio.Event(), asyncio.Event()
    sessions = [await model.open_session(ASK) for model in models]

    async def stay() -> None:
        async with hold(sessions):
            await lock_step(sessions, 2)
            inside.set()
            await end.wait()

    task = asyncio.create_task(stay())
    await inside.wait()
    return end, task


async def alone(model: LlamaModel) -> int:
    """Tokens that one text takes."""
    return len((await model.open_session(ASK)).prompt) + SAID - 1


async def settled() -> None:
    """Long enough for whatever can go on without anybody's doing."""
    await asyncio.sleep(0.05)


async def test_what_was_read_stays_with_whose_place_it_is(opened: Open, random_file: Path) -> None:
    model = opened(random_file, **ONE)
    texts = await asyncio.gather(*(together(model) for _ in range(8)))
    assert texts == [texts[0]] * 8
    assert model.stats.evaluated_tokens == 8 * (await alone(model))
    assert model.stats.preempted == 0


async def test_groups_that_need_several_engines_do_not_wait_for_each_other(opened: Open, random_file: Path) -> None:
    """In whatever order they name them, and on several event loops."""
    models = [opened(random_file, **ONE) for _ in range(3)]
    pairs = [(models[one], models[other]) for one in range(3) for other in range(3) if one != other]

    async def all_pairs() -> None:
        await asyncio.wait_for(asyncio.gather(*(together(*pair) for pair in pairs)), 60)

    threads = [threading.Thread(target=asyncio.run, args=(all_pairs(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])
    for model in models:
        assert model.stats.evaluated_tokens == 2 * 4 * (await alone(model))


async def test_a_group_that_is_larger_than_an_engine_shares_all_its_places(opened: Open, random_file: Path) -> None:
    model = opened(random_file, **ONE, context=256, cache_tokens=256)
    groups = [together(*[model] * 9) for _ in range(3)]
    texts = await asyncio.wait_for(asyncio.gather(*groups, together(model)), 60)
    assert texts == [texts[0]] * 4


async def test_as_many_are_let_in_as_there_are_places(opened: Open, random_file: Path) -> None:
    model = opened(random_file, sequences=2)
    ends = [await held(model), await held(model)]
    third = asyncio.create_task(together(model))
    await settled()
    assert not third.done()
    ends[1][0].set()
    await third
    assert not ends[0][1].done()
    ends[0][0].set()
    await asyncio.gather(*(task for _, task in ends))


async def test_nobody_is_overtaken_where_it_waits(opened: Open, random_file: Path) -> None:
    wide, free = opened(random_file, sequences=2), opened(random_file, **ONE)
    end, task = await held(wide)
    order: list[str] = []

    async def note(name: str, *models: LlamaModel) -> None:
        await together(*models)
        order.append(name)

    both = asyncio.create_task(note("both", wide, wide, free))
    await asyncio.sleep(0)
    later = [asyncio.create_task(note(name, model)) for name, model in (("later", wide), ("last", free))]
    elsewhere = opened(random_file, **ONE)
    await note("elsewhere", elsewhere)
    await settled()
    assert order == ["elsewhere"]
    end.set()
    await asyncio.gather(task, both, *later)
    assert order[1] == "both"


async def test_replies_take_turns_with_sessions_and_take_nothing_from_them(opened: Open, random_file: Path) -> None:
    model = opened(random_file, **ONE)
    await model.generate(ASK)
    before = model.stats.evaluated_tokens
    order: list[str] = []

    async def replies() -> None:
        for _ in range(4):
            await model.generate(ASK)
            order.append("reply")

    async def texts() -> None:
        for _ in range(4):
            await together(model)
            order.append("text")

    await asyncio.gather(replies(), texts(), replies(), texts())
    assert model.stats.evaluated_tokens - before == 8 * before + 8 * (await alone(model))
    assert {"reply", "text"} == set(order[:6])


async def test_who_stands_still_does_not_keep_requests_waiting(
    opened: Open, random_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place is lent; another group, which would keep it, goes on waiting."""
    monkeypatch.setattr(slots, "RECLAIM_AFTER", 0.1)
    model = opened(random_file, **ONE)
    lone = await together(model)
    session = await model.open_session(ASK)
    async with hold([session]):
        tokens = await lock_step([session], 5)
        other = asyncio.create_task(together(model))
        await settled()
        await asyncio.wait_for(asyncio.gather(*(model.generate(ASK) for _ in range(3))), 60)
        assert model.stats.preempted == 1
        assert not other.done()
        while len(tokens) < SAID:
            tokens.append(await session.step(tokens, Argmax()))
    session.close()
    assert tokens == await other == lone


async def test_who_waits_may_give_up_and_who_is_inside_too(opened: Open, random_file: Path) -> None:
    first, second = opened(random_file, **ONE), opened(random_file, **ONE)
    _, holder = await held(first)
    waiting = asyncio.create_task(together(second, first))
    replying = asyncio.create_task(first.generate(ASK))
    await settled()
    assert not waiting.done()
    await asyncio.wait_for(second.generate(ASK), 60)  # nothing is held while waiting
    waiting.cancel()
    await asyncio.wait([waiting])
    holder.cancel()
    await asyncio.wait_for(asyncio.gather(replying, together(first, second)), 60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await together(first, count=10**6)
    await asyncio.wait_for(together(first), 60)


async def test_whose_prompts_would_not_fit_beside_others_wait_too(opened: Open, random_file: Path) -> None:
    """There are sequences enough, but not enough cells."""
    model = opened(random_file, sequences=8, reuse_prefix=False, context=256, cache_tokens=256)
    request = Request(({"role": "user", "content": "x" * 100},), Sampling(max_tokens=SAID))
    await asyncio.gather(*(together(model, request=request) for _ in range(6)))
    assert model.stats.preempted == 0
    assert model.stats.evaluated_tokens == 6 * (len((await model.open_session(request)).prompt) + SAID - 1)


async def test_who_came_last_makes_room_where_texts_outgrow_the_cache(opened: Open, random_file: Path) -> None:
    """The first one is never sent back, so that nobody reads its prompt at every step."""
    model = opened(random_file, sequences=4, reuse_prefix=False, context=256, cache_tokens=256)
    await together(model, count=150)
    steps = model.stats.steps
    await asyncio.wait_for(asyncio.gather(*(together(model, count=150) for _ in range(4))), 120)
    assert 0 < model.stats.preempted < 20
    assert model.stats.steps - steps < 4 * steps + 40


async def test_a_reply_that_outgrows_the_cache_makes_room_for_sessions(opened: Open, random_file: Path) -> None:
    model = opened(random_file, sequences=4, reuse_prefix=False, context=256, cache_tokens=256)
    request = Request(ASK.messages, Sampling(max_tokens=150))
    lone = (await model.generate(request)).text
    found = await asyncio.wait_for(asyncio.gather(model.generate(request), together(model, count=150)), 120)
    assert found[0].text == lone


async def test_an_engine_that_is_closed_is_not_waited_for(opened: Open, random_file: Path) -> None:
    model, other = opened(random_file, **ONE), opened(random_file, **ONE)
    sessions = [await model.open_session(ASK), await other.open_session(ASK)]
    await model.close()
    async with asyncio.timeout(60), hold(sessions):
        assert isinstance(await sessions[1].step([], Argmax()), int)


async def test_a_session_with_a_place_outlives_a_failing_step(
    opened: Open, random_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agentnet.models.llama import backend

    model = opened(random_file, **ONE)
    lone = await together(model)
    llama = backend.library()
    real, left = llama.llama_decode, 1

    def decode(*arguments: Any) -> int:
        nonlocal left
        left -= 1
        return -3 if left >= 0 else int(real(*arguments))

    monkeypatch.setattr(llama, "llama_decode", decode)
    texts = await asyncio.wait_for(asyncio.gather(together(model), together(model), model.generate(ASK)), 60)
    assert texts[:2] == [lone, lone]
