"""Budgets of a day: what a key's runs may use together, and what they are charged for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentnet.agents import Turn
from agentnet.collab.budget import Allowance, Reservation
from agentnet.contracts.bodies import Task
from agentnet.contracts.events import Event, TextStreamed
from agentnet.contracts.limits import Limits
from agentnet.contracts.serving import Caller, KeyLimits, Served
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Outcome
from agentnet.errors import LimitReached
from agentnet.models.base import Chunk, Request
from agentnet.models.scripted import ScriptedModel
from agentnet.serving.access.callers import LOCAL, caller_with
from agentnet.serving.access.quotas import Quotas
from agentnet.serving.app import STRANGER, Problem
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.storage import Storage, open_storage
from tests.scripted import agent, from_the_prompt, network, spec

EACH = spec({"parallel": {"branches": ["one", "two"]}}, "each")


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 23, 30, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(resolve(store=str(tmp_path / "store.db"))) as opened:
        yield opened


@pytest.fixture
def session(storage: Storage) -> Session:
    return Session(network(agent("one", from_the_prompt), agent("two", from_the_prompt)), storage=storage)


async def caller(storage: Storage, **limits: float) -> Caller:
    return caller_with((await storage.keys.create("laptop", limits=KeyLimits.model_validate(limits)))[1])


async def ask(session: Session, quotas: Quotas, caller: Caller, run: str, limits: Limits | None = None) -> Outcome:
    async with quotas.admitted(caller, run, limits) as admitted:
        return await session.run(
            "What is 1 + 1?",
            EACH,
            run=run,
            limits=admitted.limits,
            allowance=admitted.allowance,
            served=Served(caller=caller.id, surface="api"),
        )


async def test_a_run_is_charged_for_its_messages(session: Session, storage: Storage) -> None:
    quotas = Quotas(storage.keys)
    laptop = await caller(storage)
    outcomes = [await ask(session, quotas, laptop, run) for run in ("a", "b")]
    used = await quotas.used(laptop)
    assert (used.runs, used.tokens) == (2, sum(outcome.usage.tokens for outcome in outcomes))
    assert used.tokens > 0
    await quotas.charge("a")
    assert await quotas.used(laptop) == used  # once


async def test_what_this_machines_own_programs_ask_costs_no_key_anything(session: Session, storage: Storage) -> None:
    quotas = Quotas(storage.keys)
    await ask(session, quotas, LOCAL, "a")
    await session.run("What is 1 + 1?", EACH, run="b")
    for run in ("a", "b", "unknown"):
        await quotas.charge(run)
    assert (await quotas.used(LOCAL)).tokens == 0


async def test_a_budget_that_is_used_up_refuses_until_the_next_day(session: Session, storage: Storage) -> None:
    clock = Clock()
    quotas = Quotas(storage.keys, now=clock)
    laptop = await caller(storage)
    need = (await ask(session, quotas, laptop, "a")).usage.tokens
    for limits in (KeyLimits(tokens_per_day=need), KeyLimits(tokens_per_day=need, cost_per_day=1)):
        poor = laptop.model_copy(update={"limits": limits})
        with pytest.raises(Problem, match=f"the budget of key {laptop.id} for 2026-03-01") as refused:
            await ask(session, quotas, poor, "b")
        assert (refused.value.status, refused.value.code, refused.value.again) == (429, "insufficient_quota", 1800)
    clock.now += timedelta(hours=1)
    async with quotas.admitted(poor, "c") as admitted:
        assert admitted.allowance is not None
        assert admitted.allowance.used_tokens == 0


async def test_runs_at_the_same_time_do_not_use_more_than_the_budget(session: Session, storage: Storage) -> None:
    quotas = Quotas(storage.keys)
    need = (await session.run("What is 1 + 1?", EACH)).usage.tokens
    laptop = await caller(storage, tokens_per_day=40 * need)
    outcomes = await asyncio.gather(*(_asked(session, quotas, laptop, f"run{number}") for number in range(60)))
    used = await quotas.used(laptop)
    assert 0 < used.tokens <= 40 * need
    assert used.tokens == sum(outcome.usage.tokens for outcome in outcomes if outcome is not None)
    assert {outcome.status for outcome in outcomes if outcome is not None} == {"done", "stopped"}


async def _asked(session: Session, quotas: Quotas, caller: Caller, run: str) -> Outcome | None:
    try:
        return await ask(session, quotas, caller, run)
    except Problem:
        return None


class Endless(ScriptedModel):
    """Writes three pieces of a reply, and waits."""

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        for word in ("one ", "two ", "three "):
            yield Chunk(word)
        await asyncio.sleep(60)


@pytest.mark.parametrize("by", ["its reader", "its limit", "the server"])
async def test_a_reply_that_was_told_in_part_and_cut_is_charged(storage: Storage, by: str) -> None:
    writer = replace(agent("one", from_the_prompt), model=Endless([]))
    session = Session(network(writer), storage=storage)
    laptop, quotas = await caller(storage, tokens_per_day=10**6), Quotas(storage.keys)
    told = asyncio.Event()

    def heard(event: Event) -> None:
        if isinstance(event, TextStreamed) and event.text == "three ":
            told.set()

    async def run() -> None:
        async with quotas.admitted(laptop, "a", Limits(seconds=0.3) if by == "its limit" else None) as admitted:
            await session.run(
                "What is 1 + 1?",
                spec("one", "alone"),
                run="a",
                limits=admitted.limits,
                allowance=admitted.allowance,
                served=Served(caller=laptop.id, surface="api"),
                stream_text=True,
                on_event=heard,
            )

    work = asyncio.create_task(run())
    await asyncio.wait_for(told.wait(), 10)
    if by == "its reader":
        await session.cancel("a")
    elif by == "the server":
        await session.interrupt("a", "it ends")
    await asyncio.wait_for(work, 10)
    used = await quotas.used(laptop)
    prompt = 0 if by == "the server" else writer.most(Turn("solve", Task(text="What is 1 + 1?"))).prompt_tokens
    assert used.tokens == prompt + (0 if by == "the server" else 3)  # who is resumed takes the turn again
    async with quotas.admitted(laptop, "b") as admitted:
        assert admitted.allowance is not None
        assert admitted.allowance.used_tokens == used.tokens


async def test_another_server_on_the_same_store_uses_the_same_budget(session: Session, storage: Storage) -> None:
    need = (await session.run("What is 1 + 1?", EACH)).usage.tokens
    laptop = await caller(storage, tokens_per_day=1000 * need)
    here, there = Quotas(storage.keys), Quotas(storage.keys)
    spent = sum([(await ask(session, quotas, laptop, run)).usage.tokens for run, quotas in _turns(here, there)])
    for quotas in (here, there):
        async with quotas.admitted(laptop, "new") as admitted:
            assert admitted.allowance is not None
            assert admitted.allowance.used_tokens == spent


def _turns(*quotas: Quotas) -> Sequence[tuple[str, Quotas]]:
    return [(f"run{number}", quotas[number % len(quotas)]) for number in range(6)]


async def test_a_run_that_died_with_its_process_is_charged_before_it_goes_on(
    session: Session, storage: Storage
) -> None:
    laptop = await caller(storage, tokens_per_day=10**6)
    killed = Served(caller=laptop.id, surface="api", detached=True)
    before = (await session.run("What is 1 + 1?", EACH, run="a", served=killed)).usage.tokens
    quotas = Quotas(storage.keys)
    assert (await quotas.used(laptop)).tokens == 0
    async with quotas.admitted(laptop, "a") as admitted:
        assert admitted.allowance is not None
        assert admitted.allowance.used_tokens == before
    assert (await quotas.used(laptop)).tokens == before


async def test_a_run_is_no_longer_than_its_caller_may_have_it(storage: Storage) -> None:
    quotas = Quotas(storage.keys, longest=60)
    for limits, key, seconds in (
        (None, {}, 60),
        (Limits(seconds=5), {}, 5),
        (Limits(seconds=500), {}, 60),
        (Limits(seconds=500), {"seconds": 120}, 120),
        (Limits(seconds=90), {"seconds": 120}, 90),
    ):
        async with quotas.admitted(await caller(storage, **key), "a", limits) as admitted:
            assert admitted.limits.seconds == seconds


async def test_who_may_not_ask_starts_no_run(storage: Storage) -> None:
    quotas = Quotas(storage.keys)
    for found in (STRANGER, Caller(id="x", scopes=("node",)), Caller(id="x", scopes=("metrics",))):
        with pytest.raises(Problem) as refused:
            async with quotas.admitted(found, "a"):
                raise AssertionError("it is let in")
        assert refused.value.status == 403


async def test_runs_are_resumed_for_keys_that_still_count(storage: Storage) -> None:
    quotas = Quotas(storage.keys)
    assert await quotas.caller("") == LOCAL
    laptop = await caller(storage)
    assert await quotas.caller(laptop.id) == laptop
    assert await quotas.caller("") is None
    assert await quotas.caller("unknown") is None
    await storage.keys.revoke(laptop.id)
    assert await quotas.caller(laptop.id) is None


def test_an_allowance_counts_what_running_calls_have_reserved() -> None:
    allowance = Allowance("the day", tokens=100, cost=1.0)
    first = Reservation(60, 0.1)
    allowance.reserve(first)
    with pytest.raises(LimitReached, match="a call may need 60 tokens, 40 of 100 are left of the day"):
        allowance.reserve(Reservation(60, 0.1))
    allowance.settle(first, Usage(calls=1, prompt_tokens=10, completion_tokens=10, cost=0.95))
    with pytest.raises(LimitReached, match=r"a call may cost 0\.1, 0\.05 of 1 is left of the day"):
        allowance.reserve(Reservation(60, 0.1))
    allowance.reserve(Reservation(80, 0.05))
    assert allowance.used_up
