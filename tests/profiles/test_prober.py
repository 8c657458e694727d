"""Canaries in live traffic: what members see of them, and what comes of their answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from agentnet.contracts.bodies import Task
from agentnet.contracts.cards import Measured
from agentnet.contracts.profiles import Seat
from agentnet.errors import ModelUnavailable, StoreError
from agentnet.models.base import ChatMessage, Request
from agentnet.profiles.questions import digest
from tests.profiles.working import Truth, at_work, team
from tests.scripted import agent, requests, spec

VOTE = {"parallel": {"branches": ["ann", "bob", "cal"]}}
PROVEN = {"math": Measured(accuracy=0.9, items=100), "symbols": Measured(accuracy=0.9, items=100)}


def form(request: Request, truth: Truth) -> object:
    """What a member sees of a request, apart from the question and the seed."""
    prompt = request.messages[-1]["content"]
    question = max((known for known in truth.answers if known in prompt), key=len)
    (message,) = request.messages
    shown: ChatMessage = {"role": message["role"], "content": prompt.replace(question, "?")}
    return replace(request, messages=(shown,), sampling=request.sampling.model_copy(update={"seed": None}))


async def test_a_canary_looks_like_any_other_turn_and_no_question_comes_twice() -> None:
    truth = Truth()
    ann = agent("ann", truth.knows("math", "symbols"))
    async with at_work(truth, team(ann), members="all", share=1.0) as work:
        for label in ("math", "symbols") * 20:
            await work.ask({"ask": {"agent": "ann"}}, label)
    seen = requests(ann)
    assert len(seen) == 80
    first = form(seen[0], truth)
    assert all(form(request, truth) == first for request in seen)
    assert len({request.messages[-1]["content"] for request in seen}) == 80
    assert max(request.sampling.seed or 0 for request in seen) < 2**32
    assert len({request.sampling.seed for request in seen}) > 40


async def test_canaries_come_beside_one_turn_in_so_many() -> None:
    truth = Truth()
    ann = agent("ann", truth.knows("math", "symbols"), measured=PROVEN)
    async with at_work(truth, team(ann), members="all", share=0.1) as work:
        for _ in range(300):
            await work.ask({"ask": {"agent": "ann"}})
        (profile,) = work.profiled.seats("ann")
    assert 15 <= profile.canaries <= 45
    assert profile.calls == pytest.approx(300 + profile.canaries, rel=0.01)


@pytest.mark.parametrize(("members", "asked"), [("joined", 0), ("none", 0), ("all", 20)])
async def test_the_members_of_the_file_are_asked_only_if_its_owner_says_so(members: str, asked: int) -> None:
    truth = Truth()
    ann = agent("ann", truth.knows("math"))
    async with at_work(truth, team(ann), members=members, share=1.0) as work:
        for _ in range(20):
            await work.ask({"ask": {"agent": "ann"}})
        assert sum(profile.canaries for profile in work.profiled.seats("ann")) == asked
        assert work.profiled.seats("ann")[0].seconds.count == 20 + asked


async def test_a_specialist_is_used_for_its_label_after_thirty_canaries_and_no_longer_when_it_has_left() -> None:
    truth = Truth()
    weak = {label: Measured(accuracy=0.4, items=100) for label in ("facts", "math", "symbols")}
    ann = agent("ann", truth.knows(), measured=weak)
    dan = agent("dan", truth.knows("math"), claims={"symbols": 1.0})
    members = team(ann, dan, joined=["dan"])
    labels = ("facts", "math", "symbols", "reading", "compound")
    best = {"ask": {"agent": "@best"}}
    async with at_work(truth, members, labels=labels, newcomers=1.0) as work:
        assert work.profiled.snapshot().probation == {"dan"}
        assert (await work.ask(best)).messages[-1].sender == "ann"
        while "dan" in work.profiled.snapshot().probation:
            await work.ask({"parallel": {"branches": ["ann", "dan"]}})
        (profile,) = work.profiled.seats("dan")
        assert 6 <= profile.canaries <= 30
        assert (await work.ask(best)).messages[-1].sender == "dan"
        assert (await work.ask(best, "symbols")).messages[-1].sender == "ann"
        assert [event.after for event in await work.store.events()] == ["probation", "active"]
        left = team(ann)
        work.profiled._members = left
        assert (await work.ask(best)).messages[-1].sender == "ann"


async def test_a_liar_with_a_good_card_is_expelled_and_weighs_nothing() -> None:
    truth = Truth()
    honest = agent("cal", truth.knows("math", "symbols"), measured=PROVEN)
    liars = [agent(name, truth.knows(), measured=PROVEN) for name in ("ann", "bob")]
    async with at_work(truth, team(*liars, honest), members="all", share=0.5) as work:
        assert (await work.ask(VOTE)).answer == "wrong"
        for _ in range(40):
            await work.ask(VOTE)
        outcome = await work.ask(VOTE)
        assert outcome.answer == truth.find(outcome.messages[0].body.text)[1]  # type: ignore[union-attr]
        assert work.profiled.snapshot().probation == {"ann", "bob"}
        events = [event for event in await work.store.events() if event.after == "expelled"]
        assert Counter(event.seat.member for event in events) == {"ann": 1, "bob": 1}
        assert all(event.data["asked"] <= 15 for event in events)  # type: ignore[operator]
        asked = len(requests(liars[0]))
        await work.ask({"ask": {"agent": "@solver"}})
        assert len(requests(liars[0])) == asked


async def test_a_member_that_cannot_be_asked_has_failed_and_proven_nothing() -> None:
    def away(_: Request) -> str:
        raise ModelUnavailable("the server is down")

    truth = Truth()
    async with at_work(truth, team(agent("ann", away)), members="all", share=1.0) as work:
        for _ in range(5):
            await work.ask({"ask": {"agent": "ann"}})
        (profile,) = work.profiled.seats("ann")
        assert (round(profile.failures), round(profile.calls), profile.labels) == (5, 5, {})


async def test_a_store_that_fails_loses_canaries_and_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> None:
        raise StoreError("disk full")

    truth = Truth()
    async with at_work(truth, team(agent("ann", truth.knows("math"))), members="all", share=1.0) as work:
        monkeypatch.setattr(work.store, "record", full)
        monkeypatch.setattr(work.store, "asked", full)
        assert (await work.ask({"ask": {"agent": "ann"}})).status == "done"


async def test_closing_waits_for_what_was_asked() -> None:
    truth = Truth()

    async def slow(request: Request) -> str:
        await asyncio.sleep(0.05)
        return truth.knows("math", "symbols")(request)

    ann = agent("ann", slow)
    async with at_work(truth, team(ann), members="all", share=1.0) as work:
        item = truth.generate("math")
        await work.coordinator.run(Task(text=item.question), spec({"ask": {"agent": "ann"}}))
        while len(requests(ann)) < 2:
            await asyncio.sleep(0.001)
        await work.prober.close()
        (profile,) = work.profiled.seats("ann")
        assert profile.canaries == 1


async def test_a_canary_waits_as_long_as_between_turns_and_is_dropped_when_all_is_closed() -> None:
    truth = Truth()
    ann = agent("ann", truth.knows("math"))
    async with at_work(truth, team(ann), wait=60.0, members="all", share=1.0) as work:
        item = truth.generate("math")
        await work.coordinator.run(Task(text=item.question), spec({"ask": {"agent": "ann"}}))
        await work.prober.close()
        (profile,) = work.profiled.seats("ann")
        assert (profile.canaries, profile.seconds.count, len(requests(ann))) == (0, 1, 1)


async def test_a_question_that_a_user_confirmed_is_a_canary_for_others() -> None:
    truth = Truth()
    ann = agent("ann", truth.knows("math", "symbols"))
    bob = agent("bob", truth.knows("math", "symbols"))
    async with at_work(truth, team(ann, bob), labels=(), members="all", share=1.0) as work:
        item = truth.generate("math")
        question = digest(item.question)
        await work.store.add_question(question, run="r", label="math", text=item.question, answer=item.answer)
        await work.store.reserve(work.profiled.seat("ann") or Seat(member="ann"), question)
        for _ in range(3):
            await work.ask({"parallel": {"branches": ["ann", "bob"]}}, "symbols")
        assert not any(item.question in request.messages[-1]["content"] for request in requests(ann))
        assert sum(item.question in request.messages[-1]["content"] for request in requests(bob)) == 1
