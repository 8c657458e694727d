"""Runs that wait for people keep no place, are put away when it takes long, and lose no word that was accepted."""

from __future__ import annotations

import asyncio

import pytest

from agentnet.contracts.events import InputRequested, RunEnded
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.serving import Caller, KeyLimits
from agentnet.network import Network
from agentnet.serving.access.places import Places
from agentnet.serving.app import Problem
from agentnet.serving.patience import Patience
from agentnet.serving.running import RunService
from agentnet.session import Session
from agentnet.store.storage import Storage
from tests.coordinator.test_people import maria
from tests.scripted import agent, network

from .test_running import ANN, Books, Gate, asked, gate, heard, storage, waiting

__all__ = ["gate", "storage"]
ONE = Caller(id="ann", scopes=("ask",), limits=KeyLimits(runs=1))


def service_of(
    storage: Storage, gate: Gate, *, places: int = 1, patience: Patience | None = None
) -> tuple[RunService, Books]:
    person, scout = maria(), agent("scout", gate)
    spec_of_maria = AgentSpec.model_validate({"name": "maria", "human": "terminal", "card": person.card.model_dump()})
    members = Network(NetworkSpec(name="team", agents=(spec_of_maria, *network(scout).spec.agents)), [person, scout])
    books = Books(storage.keys, Places(places))
    return RunService(Session(members, storage=storage), books, patience=patience), books


async def status(service: RunService, run: str) -> str:
    return (await service.record(ANN, run)).status


async def end(service: RunService, run: str) -> RunEnded:
    last = (await heard(service.follow(ANN, run)))[-1]
    assert isinstance(last, RunEnded)
    return last


async def test_a_run_that_waits_for_a_person_leaves_its_place_to_others(storage: Storage, gate: Gate) -> None:
    service, books = service_of(storage, gate)
    runs = [await service.start(ANN, asked(protocol="maria", detached=True)) for _ in range(3)]
    for run in runs:
        await waiting(service, run)
    assert (books.places.taken, books.places.waiting) == (0, 0)

    working = await service.start(ANN, asked(protocol="scout", detached=True))
    await gate.asked.wait()
    answers = [asyncio.create_task(service.answer(ANN, run, "391")) for run in runs]
    while books.places.waiting < 3:  # the words are there, and wait for the place
        await asyncio.sleep(0)
    assert [await status(service, run) for run in runs] == ["running"] * 3
    assert not any(answer.done() for answer in answers)
    gate.open.set()
    await asyncio.gather(*answers)
    assert [(await end(service, run)).answer for run in [working, *runs]] == ["391"] * 4
    assert books.places.taken == 0


async def test_words_are_accepted_once_they_are_recorded(storage: Storage, gate: Gate) -> None:
    service, books = service_of(storage, gate)
    async with service.running(drain=0):
        run = await service.start(ANN, asked(protocol="maria", detached=True))
        await waiting(service, run)
        await service.start(ANN, asked(protocol="scout", detached=True))
        await gate.asked.wait()
        answer = asyncio.create_task(service.answer(ANN, run, "391"))
        while books.places.waiting < 1:
            await asyncio.sleep(0)
    with pytest.raises(Problem, match="say it again") as refused:
        await answer
    assert (refused.value.status, await status(service, run)) == (503, "interrupted")


async def test_of_a_caller_only_so_many_runs_wait_and_the_oldest_is_put_away(storage: Storage, gate: Gate) -> None:
    service, _ = service_of(storage, gate, places=9)
    runs = [await service.start(ONE, asked(ONE, protocol="maria", detached=True)) for _ in range(2)]
    assert (await end(service, runs[0])).detail == "waits for maria; resume the run to answer"
    await waiting(service, runs[1])
    assert [await status(service, run) for run in runs] == ["interrupted", "running"]
    await service.answer(ONE, runs[1], "390")
    await service.answer(ONE, runs[0], "391")  # it is resumed for that
    assert [(await end(service, run)).answer for run in runs] == ["391", "390"]


async def test_patience_has_an_end(storage: Storage, gate: Gate) -> None:
    service, books = service_of(storage, gate, patience=Patience(0.01))
    run = await service.start(ANN, asked(protocol="maria", detached=True))
    events = await heard(service.follow(ANN, run))
    assert isinstance(events[-2], InputRequested)
    assert (await status(service, run), books.places.taken, service.active) == ("interrupted", 0, ())
