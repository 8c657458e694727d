"""Forks: the same protocol goes on from any message as it did, and another one begins with what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agentnet.collab.beginning import in_view
from agentnet.contracts.bodies import Proposal, Result, Task, ToolCall, Vote, answer_of
from agentnet.contracts.events import MessageSaid, RunStarted
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message, message_id
from agentnet.contracts.usage import Usage
from agentnet.coordinator.forking import Beginning
from agentnet.errors import BadInput, PreflightError, ProtocolError
from agentnet.network import Network
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.storage import open_storage
from tests.coordinator.test_resume import DEBATE, PROTOCOLS, TASK, members
from tests.scripted import agent, network, prompts, requests, roles, says, spec
from tests.store.samples import run_record

VOTE = {"parallel": {"branches": ["ada", "ben"], "decide": "majority"}}
"""A protocol whose members read only what was said before it."""


@asynccontextmanager
async def opened(folder: Path, members: Network) -> AsyncIterator[Session]:
    settings = resolve(store=str(folder / "runs.db"), environment={})
    async with open_storage(settings) as storage:
        yield Session(members, settings=settings, storage=storage)


def asked(web: Network) -> int:
    return sum(len(requests(member)) for member in web)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
async def test_the_same_protocol_goes_on_from_every_message_as_it_did(protocol: Any, tmp_path: Path) -> None:
    web = members()
    async with opened(tmp_path, web) as session:
        done = await session.run(TASK, spec(protocol), seed=5)
        record = await session.runs.record(done.run)
        everything = Beginning(record, done.messages, another=False)
        for message in done.messages[:-1]:
            before = asked(web)
            fork = await session.fork(done.run, message.id, seed=5)
            calls = sum(later.usage.calls for later in done.messages[message.sequence + 1 :])
            assert (fork.status, fork.answer) == ("done", done.answer)
            assert asked(web) - before == fork.usage.calls == calls
            same = {copy.id: (copy.body, copy.reply_to) for copy in everything.copied(fork.run)}
            assert {said.id: (said.body, said.reply_to) for said in fork.messages[1:]} == same
            stored = await session.runs.messages(fork.run)
            assert [said.sequence for said in stored] == list(range(len(done.messages)))
            assert (await session.runs.verify(fork.run)).intact
            forked = (await session.runs.record(fork.run)).forked_from
            assert forked is not None
            assert (forked.run, forked.message, forked.copied) == (done.run, message.id, message.sequence)
        assert await session.runs.forks(done.run) == [one.id for one in reversed(await session.runs.latest())][1:]


async def test_a_fork_goes_another_way_with_another_seed(tmp_path: Path) -> None:
    async with opened(tmp_path, members()) as session:
        done = await session.run(TASK, spec(DEBATE), seed=5)
        fork = await session.fork(done.run, 3)
        assert (await session.runs.record(fork.run)).seed == 6
        texts = [[said.body for said in run.messages if isinstance(said.body, Proposal)] for run in (done, fork)]
        assert texts[0] == texts[1]  # what was said before it stands
        last = [[said.body for said in run.messages if said.round == 3] for run in (done, fork)]
        assert last[0] != last[1]


async def test_another_protocol_begins_with_what_was_said(tmp_path: Path) -> None:
    ada, ben = agent("ada", says("first => 1", "second => 2", "third => 3")), agent("ben", says("=> 7", "=> 8", "=> 3"))
    web = network(ada, ben)
    debate = {"debate": {"members": ["ada", "ben"], "rounds": 2, "stop": "never", "decide": "first"}}
    async with opened(tmp_path, web) as session:
        done = await session.run(TASK, spec(debate))
        kinds = [message.body.kind for message in done.messages]
        assert kinds == ["task", "proposal", "proposal", "revision", "revision", "result"]
        events: list[Any] = []
        fork = await session.fork(done.run[:8], 4, spec(VOTE), limits=Limits(calls=2), on_event=events.append)
        assert (fork.answer, fork.usage.calls) == ("3", 2)
        assert roles(ada)[-1] == roles(ben)[-1] == "revise"
        for prompt in (prompts(ada)[-1], prompts(ben)[-1]):
            assert "A: 2\nB: 8\n" in prompt  # of two rounds the last word
        assert isinstance(events[0], RunStarted)
        assert [event.message.sequence for event in events if isinstance(event, MessageSaid)] == list(range(8))
        told = [message.node for message in fork.messages]
        assert told == [
            "task", *["before/debate/ada", "before/debate/ben"] * 2, "parallel/ada", "parallel/ben", "parallel/decide",
        ]  # fmt: skip
        assert [message.usage for message in fork.messages[1:5]] == [Usage()] * 4
        record = await session.runs.record(fork.run)
        assert (record.task, record.limits, record.protocol_name) == (TASK, Limits(calls=2), "tested")

        again = await session.fork(fork.run, fork.messages[-1].id, spec({"ask": {"agent": "ada"}}))
        assert again.messages[1].node == "before/before/debate/ada"
        (own,) = (message for message in again.messages if message.node == "ask/ada")
        shown = {message.id: message.node for message in again.messages}
        assert [shown[id] for id in own.reply_to] == [
            "task", "before/before/debate/ada", "before/before/debate/ben",
            "before/parallel/ada", "before/parallel/ben", "before/parallel/decide",
        ]  # fmt: skip
        assert await session.runs.forks(done.run) == [fork.run, again.run]


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
async def test_a_fork_that_was_cut_goes_on_reading_the_same(protocol: Any, tmp_path: Path) -> None:
    web = members()
    async with opened(tmp_path, web) as session:
        done = await session.run(TASK, spec(DEBATE), seed=5)
        whole = await session.fork(done.run, 5, spec(protocol))
        cut = await session.fork(done.run, 5, spec(protocol), limits=Limits(calls=2))
        assert cut.status == "stopped"
        record = await session.runs.record(cut.run)
        assert record.protocol_source is None
        resumed = await session.resume(record, limits=Limits())
        assert (await session.runs.record(cut.run)).limits == Limits()
        assert (resumed.status, resumed.answer) == ("done", whole.answer)
        assert {(said.node, said.round): answer_of(said.body) for said in resumed.messages} == {
            (said.node, said.round): answer_of(said.body) for said in whole.messages
        }
        assert (await session.runs.verify(cut.run)).intact


async def test_the_steps_of_a_plan_are_no_answers_to_the_task(tmp_path: Path) -> None:
    web = members()
    async with opened(tmp_path, web) as session:
        done = await session.run(TASK, spec(PROTOCOLS["delegated"]), seed=5)
        last = done.messages[-1]
        assert isinstance(last.body, Result)
        assert any(message.node.startswith("delegate/step-") for message in done.messages)
        fork = await session.fork(done.run, last.id, spec(VOTE))
        seen = [message.node for message in fork.messages if message.id in in_view(fork.messages)]
        assert seen == ["before/delegate/merge"]
        early = await session.fork(done.run, last.sequence - 1, spec(VOTE))
        assert in_view(early.messages) == []
        assert early.status == "done"


async def test_decisions_and_calls_name_the_messages_of_the_fork(tmp_path: Path) -> None:
    run = run_record("r")
    node = "serial/ada"

    def said(sequence: int, sender: str, body: Any, **fields: Any) -> Message:
        id = fields.pop("id", message_id("r", fields.get("node", node), 0, sender))
        values = {"node": node, "time": run.created, "usage": Usage(calls=1)} | fields
        return Message(id=id, run="r", sequence=sequence, sender=sender, body=body, **values)

    task = said(0, "user", Task(text="2 + 2?"), node="task")
    calls = [
        said(number, "ada", ToolCall(tool="x/y", turn=message_id("r", node, 0, "ada")),
             id=message_id("r", node, 0, f"ada\x1fcall {number - 1}"))
        for number in (1, 2)
    ]  # fmt: skip
    proposal = said(3, "ada", Proposal(answer="4", text="4"), reply_to=(task.id,), confidence=0.5, served_by="box")
    failed = said(4, "ben", Proposal(answer="5", text="5"), instead_of=proposal.id)
    vote = said(5, "jud", Vote(choice=proposal.id), reply_to=(task.id, proposal.id, failed.id))
    result = said(6, "coordinator", Result(answer="4", decision="judged", sources=(proposal.id, vote.id)))
    messages = (task, *calls, proposal, failed, vote, result)
    for another, prefix in ((False, ""), (True, "before/")):
        copies = Beginning(run, messages, another).copied("f")
        place = f"{prefix}{node}"
        ids = [message_id("f", place, 0, name) for name in ("ada", "ben", "jud")]
        assert [copy.id for copy in copies[:2]] == [message_id("f", place, 0, f"ada\x1fcall {n}") for n in (0, 1)]
        assert [copy.body.turn for copy in copies[:2] if isinstance(copy.body, ToolCall)] == [ids[0]] * 2
        assert [copy.id for copy in copies[2:5]] == ids
        assert (copies[2].confidence, copies[2].served_by, copies[2].time) == (0.5, "box", run.created)
        assert copies[2].reply_to == (message_id("f", "task", 0, "user"),)
        assert copies[3].instead_of == ids[0]
        assert copies[4].body == Vote(choice=ids[0])
        assert copies[4].reply_to[1:] == (ids[0], ids[1])
        assert copies[5].body == Result(answer="4", decision="judged", sources=(ids[0], ids[2]))
        assert {(copy.run, copy.usage) for copy in copies} == {("f", Usage())}


async def test_what_cannot_be_forked_is_refused_before_anything_runs(tmp_path: Path) -> None:
    web = members()
    async with opened(tmp_path, web) as session:
        done = await session.run(TASK, spec(DEBATE), seed=5)
        for message in ("nothing", 999, done.messages[-1].id):
            with pytest.raises(BadInput, match=done.run):
                await session.fork(done.run, message)
        with pytest.raises(BadInput):
            await session.fork("nothing", 1)
        async with opened(tmp_path, network(agent("ada", says("=> 1")))) as smaller:
            with pytest.raises(ProtocolError, match="ben"):
                await smaller.fork(done.run, 1)
            assert (await smaller.fork(done.run, 1, spec({"ask": {"agent": "ada"}}))).answer == "1"
        async with opened(tmp_path, network(agent("kay", says("=> 1"), pack="recorded"))) as other:
            kay = spec({"ask": {"agent": "kay"}})
            assert (await other.run(TASK, kay)).answer == "1"
            with pytest.raises(PreflightError, match="revise"):
                await other.fork(done.run, 1, kay)
        assert len(await session.runs.latest()) == 3
