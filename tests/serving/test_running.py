"""Runs on behalf of callers: attached and detached, followed, answered, asked for twice, cut and continued."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.events import Event, InputRequested, MessageSaid, RunEnded, RunStarted, TextStreamed
from agentnet.contracts.limits import Limits
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.serving import Caller, Served
from agentnet.errors import BadInput, ProtocolError
from agentnet.models.base import Chunk, Request
from agentnet.models.scripted import ScriptedModel
from agentnet.network import Network
from agentnet.serving import running
from agentnet.serving.access.quotas import Admitted, Quotas
from agentnet.serving.app import Problem
from agentnet.serving.asked import Asked
from agentnet.serving.running import RunService
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.storage import Storage, open_storage
from tests.coordinator.test_people import maria
from tests.scripted import Script, agent, network, requests, says, spec

ANN, BOB = Caller(id="ann", scopes=("ask",)), Caller(id="bob", scopes=("ask",))
OWNER = Caller(id="owner", scopes=("admin",))
PAIR = spec({"parallel": {"branches": ["scout", "atlas"]}}, "pair")


class Gate:
    """A script that answers once it may. `asked` is set when it is waited for."""

    def __init__(self, *, opened: bool = False) -> None:
        self.open, self.asked = asyncio.Event(), asyncio.Event()
        if opened:
            self.open.set()

    async def __call__(self, request: Request) -> str:
        self.asked.set()
        await self.open.wait()
        return "it is => 391"


class Slow(ScriptedModel):
    """Writes the beginning of its reply, and the rest when it may."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.written, self.go = asyncio.Event(), asyncio.Event()

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        completion = await self.generate(request)
        yield Chunk(completion.text[:6])
        self.written.set()
        await self.go.wait()
        yield Chunk(completion.text[6:])
        yield Chunk("", completion)


class Books(Quotas):
    """Quotas that refuse whoever is named, and know callers without keys."""

    refused: tuple[str, ...] = ()

    @asynccontextmanager
    async def admitted(self, caller: Caller, run: str, limits: Limits | None = None) -> AsyncIterator[Admitted]:
        if caller.id in self.refused:
            raise Problem(429, "no more today", "budget", again=60.0)
        async with super().admitted(caller, run, limits) as admitted:
            yield admitted

    async def caller(self, id: str) -> Caller | None:
        return None if id == "revoked" else Caller(id=id, scopes=("ask",))


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(resolve(store=str(tmp_path / "store.db"))) as opened:
        yield opened


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def service(storage: Storage, gate: Gate) -> RunService:
    return served(storage, gate)


def served(storage: Storage, gate: Gate, books: Books | None = None) -> RunService:
    """A server on a network whose second member waits at a gate."""
    members = network(agent("scout", lambda _: "it is => 390"), agent("atlas", gate))
    return RunService(Session(members, storage=storage), books or Books(storage.keys))


def asked(caller: Caller = ANN, protocol: Any = PAIR, *, detached: bool = False, **options: Any) -> Asked:
    how = Served(caller=caller.id, surface="api", detached=detached)
    return Asked("What is 17 * 23?", how, protocol, **options)


async def heard(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


def kinds(events: Iterable[Event]) -> list[str]:
    return [event.kind for event in events]


async def refusal(work: Any) -> int:
    with pytest.raises(Problem) as refused:
        await work
    return refused.value.status


async def test_an_attached_run_tells_everything_from_its_start_to_its_end(service: RunService, gate: Gate) -> None:
    gate.open.set()
    async with service.attached(ANN, asked(stream_text=True)) as run:
        events = await heard(run.events)
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded)
    assert {event.run for event in events} == {run.id}
    assert any(isinstance(event, TextStreamed) for event in events)
    assert service.active == ()
    record = await service.record(ANN, run.id)
    assert (record.status, record.answer, record.served) == ("done", events[-1].answer, asked().served)


async def test_a_caller_that_goes_away_cancels_an_attached_run(service: RunService, gate: Gate) -> None:
    async with service.attached(ANN, asked()) as run:
        await gate.asked.wait()
    assert (await service.record(ANN, run.id)).status == "cancelled"
    assert service.active == ()


async def test_a_request_that_is_cancelled_cancels_its_run(service: RunService, gate: Gate) -> None:
    async def request() -> None:
        async with service.attached(ANN, asked()) as run:
            await heard(run.events)

    task = asyncio.create_task(request())
    await gate.asked.wait()
    (run,) = service.active
    task.cancel()
    await asyncio.wait([task])
    assert (await service.record(ANN, run)).status == "cancelled"


async def test_what_cannot_begin_is_refused_before_anything_is_recorded(service: RunService) -> None:
    with pytest.raises(ProtocolError):
        async with service.attached(ANN, asked(protocol="no-such-protocol")):
            raise AssertionError
    with pytest.raises(BadInput, match="empty"):
        await service.start(ANN, Asked(" ", Served(surface="api"), PAIR))
    assert service.active == ()
    assert await service.session.runs.latest() == []


async def test_a_detached_run_goes_on_by_itself_and_any_number_follow_it(service: RunService, gate: Gate) -> None:
    run = await service.start(ANN, asked(detached=True, stream_text=True))
    await gate.asked.wait()
    followers = [asyncio.create_task(heard(service.follow(ANN, run))) for _ in range(3)]
    left = service.follow(ANN, run)
    await anext(left)
    await left.aclose()  # type: ignore[attr-defined]
    gate.open.set()
    first, *others = [await follower for follower in followers]
    assert isinstance(first[-1], RunEnded)
    assert first[-1].status == "done"
    assert all(events == first for events in others)
    again = await heard(service.follow(ANN, run))  # from the store
    said = [event.message for event in first if isinstance(event, MessageSaid)]
    assert [event.message for event in again if isinstance(event, MessageSaid)] == said
    assert again[-1] == first[-1]


async def test_who_comes_late_gets_what_was_written_and_nothing_that_they_have(storage: Storage) -> None:
    slow = Slow(lambda _: "it is => 391")
    members = network(agent("scout", lambda _: "it is => 390"), replace(agent("atlas", says("")), model=slow))
    service = RunService(Session(members, storage=storage), Books(storage.keys))
    run = await service.start(
        ANN, asked(protocol=spec({"serial": ["scout", "atlas"]}), detached=True, stream_text=True)
    )
    await slow.written.wait()
    late = service.follow(ANN, run)
    events = [await anext(late) for _ in range(5)]
    assert kinds(events) == ["run-started", "message", "message", "turn-started", "text"]
    assert isinstance(events[-1], TextStreamed)
    assert events[-1].text == "it is "
    behind = service.follow(ANN, run, after=1)
    assert kinds([await anext(behind) for _ in range(3)]) == ["run-started", "turn-started", "text"]
    slow.go.set()
    rest = await heard(late)
    assert "".join(event.text for event in rest if isinstance(event, TextStreamed)) == "=> 391"
    assert kinds(await heard(behind))[-1] == "run-ended"


async def test_callers_see_their_own_runs_only(service: RunService, gate: Gate) -> None:
    run = await service.start(ANN, asked(detached=True))
    stranger = "0" * 12
    for id in (run, stranger, run[:6]):
        assert await refusal(service.record(BOB, id)) == 404
        assert await refusal(service.messages(BOB, id)) == 404
        assert await refusal(service.cancel(BOB, id)) == 404
        assert await refusal(service.resume(BOB, id)) == 404
        assert await refusal(service.answer(BOB, id, "391")) == 404
        assert await refusal(service.question(BOB, id)) == 404
        assert await refusal(heard(service.follow(BOB, id))) == 404
    assert service.active == (run,)
    assert (await service.record(OWNER, run)).id == run
    assert await service.cancel(OWNER, run)
    assert (await service.record(ANN, run)).status == "cancelled"
    assert not await service.cancel(ANN, run)


async def test_a_request_with_a_key_starts_one_run_however_often_it_is_sent(service: RunService, gate: Gate) -> None:
    body = {"question": "What is 17 * 23?"}
    (id,) = await service.reserve(ANN, body, key="k1")
    assert await service.reserve(ANN, body, key="k1") == (id,)
    assert await service.reserve(BOB, body, key="k1") != (id,)
    assert await service.reserve(ANN, body, key=None) != (id,)
    assert await refusal(service.reserve(ANN, {"question": "another"}, key="k1")) == 422
    assert await refusal(service.reserve(ANN, body, key="k" * 256)) == 400

    async def request() -> list[Event]:
        async with service.attached(ANN, asked(run=id)) as run:
            assert run.id == id
            return await heard(run.events)

    one, two = asyncio.create_task(request()), asyncio.create_task(request())
    await gate.asked.wait()
    gate.open.set()
    assert (await one)[-1] == (await two)[-1] == (await request())[-1]
    assert len(await service.session.runs.latest()) == 1
    assert len(requests(service.session.network.agents["scout"])) == 1  # type: ignore[arg-type]


async def test_the_last_of_several_requests_that_goes_away_cancels_their_run(service: RunService, gate: Gate) -> None:
    (id,) = await service.reserve(ANN, "the same", key="k")
    async with service.attached(ANN, asked(run=id)):
        async with service.attached(ANN, asked(run=id)):
            await gate.asked.wait()
        assert service.active == (id,)
    assert (await service.record(ANN, id)).status == "cancelled"
    gate.open.set()
    async with service.attached(ANN, asked(run=id)) as run:  # it is wanted again
        events = await heard(run.events)
    assert isinstance(events[0], RunStarted)
    assert events[0].resumed
    assert isinstance(events[-1], RunEnded)
    assert events[-1].status == "done"
    assert [event.message.sequence for event in events if isinstance(event, MessageSaid)] == [0, 1, 2, 3]


@pytest.fixture
async def asking(storage: Storage) -> RunService:
    """A service on a network with a person."""
    return people(storage)


def people(storage: Storage, books: Books | None = None) -> RunService:
    person, scout = maria(), agent("scout", lambda _: "it is => 390")
    spec_of_maria = AgentSpec.model_validate({"name": "maria", "human": "terminal", "card": person.card.model_dump()})
    members = Network(NetworkSpec(name="team", agents=(spec_of_maria, *network(scout).spec.agents)), [person, scout])
    return RunService(Session(members, storage=storage), books or Books(storage.keys))


VERIFIED = spec({"verify": {"proposer": "scout", "verifier": "maria"}})


async def waiting(service: RunService, run: str) -> None:
    events = service.follow(ANN, run)
    async for event in events:
        if isinstance(event, InputRequested):
            break
    await events.aclose()  # type: ignore[attr-defined]


async def test_a_detached_run_waits_for_a_persons_words(asking: RunService) -> None:
    run = await asking.start(ANN, asked(protocol="maria", detached=True))
    await waiting(asking, run)
    question = await asking.question(ANN, run)
    assert question is not None
    assert question.agent == "maria"
    await waiting(asking, run)  # who comes late is told, too
    assert await refusal(asking.answer(ANN, run, "  ")) == 422
    follower = asyncio.create_task(heard(asking.follow(ANN, run)))
    await asyncio.sleep(0)
    await asking.answer(ANN, run, "391")
    assert await refusal(asking.answer(ANN, run, "392")) == 409
    end = (await follower)[-1]
    assert isinstance(end, RunEnded)
    assert (end.status, end.answer) == ("done", "391")
    assert await asking.question(ANN, run) is None
    assert await refusal(asking.answer(ANN, run, "391")) == 409


async def test_a_choice_is_one_of_the_choices(storage: Storage) -> None:
    person, scout = maria("maria", "solver", "verifier"), agent("scout", lambda _: "it is => 391")
    spec_of_maria = AgentSpec.model_validate({"name": "maria", "human": "terminal", "card": person.card.model_dump()})
    members = Network(NetworkSpec(name="team", agents=(spec_of_maria, *network(scout).spec.agents)), [person, scout])
    service = RunService(Session(members, storage=storage), Books(storage.keys))
    run = await service.start(ANN, asked(protocol=VERIFIED, detached=True))
    await waiting(service, run)
    assert await refusal(service.answer(ANN, run, "perhaps")) == 422
    await service.answer(ANN, run, "approve")
    end = (await heard(service.follow(ANN, run)))[-1]
    assert isinstance(end, RunEnded)
    assert (end.answer, end.approved) == ("391", True)


async def test_a_person_answers_a_run_that_was_left_waiting(asking: RunService) -> None:
    async with asking.attached(ANN, asked(protocol="maria")) as run:
        events = await heard(run.events)
    assert kinds(events)[-2:] == ["input-requested", "run-ended"]
    assert (await asking.record(ANN, run.id)).status == "interrupted"
    await asking.answer(ANN, run.id, "391")
    end = (await heard(asking.follow(ANN, run.id)))[-1]
    assert isinstance(end, RunEnded)
    assert end.answer == "391"


async def test_what_a_server_interrupts_at_its_end_the_next_one_resumes(storage: Storage, gate: Gate) -> None:
    books = Books(storage.keys)
    first = served(storage, gate, books)
    async with first.attached(ANN, asked()) as request:
        async with first.running(drain=0):
            detached = await first.start(ANN, asked(detached=True))
            lost = await first.start(Caller(id="revoked"), asked(Caller(id="revoked"), detached=True))
            cancelled = await first.start(ANN, asked(detached=True))
            await first.cancel(ANN, cancelled)
            await gate.asked.wait()
        end = (await heard(request.events))[-1]
    assert isinstance(end, RunEnded)
    assert end.status == "interrupted"
    assert first.active == ()
    assert books.places.taken == 0
    assert await refusal(first.start(ANN, asked(detached=True))) == 503

    gate.open.set()
    second = served(storage, gate, books)
    async with second.running():
        end = (await heard(second.follow(ANN, detached)))[-1]
        while end.status == "interrupted":  # type: ignore[union-attr]
            end = (await heard(second.follow(ANN, detached)))[-1]
        assert (await second.record(ANN, detached)).status == "done"
    states = {run: (await second.record(OWNER, run)).status for run in (lost, cancelled, request.id)}
    assert states == {lost: "interrupted", cancelled: "cancelled", request.id: "interrupted"}
    await _resumes(served(storage, gate, books), request.id)
    used = [await storage.runs.usage(run) for run in (detached, cancelled, request.id)]
    assert (await books.used(ANN)).tokens == sum(usage.tokens for usage in used)  # nothing is counted twice
    assert used[0].calls == used[2].calls == 2


async def _to_its_end(service: RunService) -> tuple[str, RunEnded]:
    async with service.attached(ANN, asked()) as run:
        end = (await heard(run.events))[-1]
        assert isinstance(end, RunEnded)
        return run.id, end


async def _resumes(service: RunService, run: str) -> None:
    await service.resume(ANN, run)
    end = (await heard(service.follow(ANN, run)))[-1]
    assert isinstance(end, RunEnded)
    assert end.status == "done"
    assert await refusal(service.resume(ANN, run)) == 409


async def test_a_server_that_ends_lets_runs_finish(storage: Storage, gate: Gate) -> None:
    service = served(storage, gate)
    async with service.running(drain=60):
        run = await service.start(ANN, asked(detached=True))
        await gate.asked.wait()
        asyncio.get_running_loop().call_later(0.05, gate.open.set)
    assert (await service.record(ANN, run)).status == "done"


async def test_a_waiting_person_does_not_hold_up_the_end(asking: RunService, storage: Storage) -> None:
    async with asking.running(drain=60):
        run = await asking.start(ANN, asked(protocol="maria", detached=True))
        await waiting(asking, run)
    assert (await asking.record(ANN, run)).status == "interrupted"
    again = people(storage)
    async with again.running():
        while run not in again.active:
            await asyncio.sleep(0)
        await waiting(again, run)
        await again.answer(ANN, run, "391")
        await heard(again.follow(ANN, run))
    assert (await again.record(ANN, run)).answer == "391"


async def test_nobody_begins_without_a_place(storage: Storage, gate: Gate) -> None:
    books = Books(storage.keys)
    books.refused = ("bob",)
    service = served(storage, gate, books)
    gate.open.set()
    assert await refusal(service.start(BOB, asked(BOB, detached=True))) == 429
    with pytest.raises(Problem):
        async with service.attached(BOB, asked(BOB)):
            raise AssertionError
    await _to_its_end(service)
    assert ((await books.used(ANN)).runs, (await books.used(BOB)).runs) == (1, 0)
    assert (books.places.taken, service.active) == (0, ())


async def test_a_run_that_finds_no_place_at_the_start_is_resumed_later(
    storage: Storage, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = served(storage, gate)
    async with first.running(drain=0):
        runs = [await first.start(ANN, asked(detached=True)) for _ in range(3)]
        await gate.asked.wait()
    gate.open.set()
    monkeypatch.setattr(running, "LONGEST_PAUSE", 0.0)
    books = Books(storage.keys)
    books.refused = ("ann",)
    second = served(storage, gate, books)
    async with second.running():
        await asyncio.sleep(0.05)
        assert {(await second.record(ANN, run)).status for run in runs} == {"interrupted"}
        books.refused = ()
        for run in runs:
            while (await second.record(ANN, run)).status != "done":
                await asyncio.sleep(0.01)
