"""The one door: a session asks, streams, resumes and follows, whatever form question and protocol have."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import agentnet
from agentnet import Ask, BadInput, Conversation, Limits, Parallel, ProtocolSpec, ResumeError, Session, Task, Verify
from agentnet.contracts.events import MessageSaid, RunEnded, RunStarted
from agentnet.errors import NetworkError, ProtocolError
from agentnet.session import open_run
from agentnet.settings import resolve

QUESTION = "What is 347 + 285?"
VOTE = """
name: careful
summary: two of them
protocol: {parallel: {branches: [scout, atlas]}}
"""


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    async with agentnet.open("zoo", store=tmp_path / "store.db") as opened:
        yield opened


@pytest.mark.parametrize(
    "question",
    [
        QUESTION,
        Task(text=QUESTION),
        Conversation.of([("user", QUESTION)]),
        [{"role": "user", "content": QUESTION}],
    ],
    ids=["text", "task", "conversation", "chat messages"],
)
async def test_a_question_has_many_forms(session: Session, question: Any) -> None:
    outcome = await session.run(question, "best", label="math")
    assert outcome.answer == "632"
    record = await session.runs.find(outcome.run)
    assert record.task == Task(text=QUESTION, label="math")
    assert (record.protocol_source, record.network_source) == ("best", "zoo")


async def test_a_protocol_has_many_forms(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "careful.yaml"
    path.write_text(VOTE)
    vote = Parallel(branches=(Ask(agent="scout"), Ask(agent="atlas")))
    forms: list[Any] = [
        "{parallel: [scout, atlas]}",
        {"parallel": ["scout", "atlas"]},
        vote,
        ProtocolSpec(name="careful", summary="two of them", protocol=vote),
        path,
        str(path),
    ]
    expressions = [session.prepare(form).expression for form in forms]
    assert all(expression == expressions[0] for expression in expressions)
    assert [(await session.run(QUESTION, form, label="math")).answer for form in forms[:3]] == ["632"] * 3
    assert session.prepare().name == "auto"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("  ", "the question is empty"),
        ([], "the conversation is empty"),
        ([{"role": "tool", "content": "1"}], "a network takes only text"),
        (12, "a text, a task or a conversation, not int"),
        (None, "a text, a task or a conversation, not NoneType"),
        (QUESTION.encode(), "a text, a task or a conversation, not bytes"),
        ({"role": "user", "content": QUESTION}, "a conversation is a list of messages, not dict"),
        ([QUESTION], "is no message: give its role and its content"),
        ([{"role": "user"}], "is no message: give its role and its content"),
        ("what is \ud800?", "the question's text: "),
    ],
)
async def test_what_is_no_question_is_refused(session: Session, question: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        await session.run(question, "best")
    assert await session.runs.latest() == []


@pytest.mark.parametrize("options", [{"seed": "a"}, {"seed": None}, {"limits": 5}, {"run": 5}, {"label": 5}])
async def test_options_of_another_type_are_refused(session: Session, options: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        await session.run(QUESTION, "best", **options)
    assert await session.runs.latest() == []


@pytest.mark.parametrize("network", [5, {}, ["zoo"], (), "x" * 300, "\0", "~nobody-of-that-name/team.yaml"])
async def test_what_is_no_network_is_refused(network: Any, tmp_path: Path) -> None:
    with pytest.raises(NetworkError):
        await agentnet.open(network, store=tmp_path / "store.db").__aenter__()


@pytest.mark.parametrize("protocol", [12, b"best", ["scout"], object, "x" * 300, "\0", "~nobody-of-that-name/p.yaml"])
async def test_what_is_no_protocol_is_refused(session: Session, protocol: Any) -> None:
    with pytest.raises(ProtocolError):
        await session.run(QUESTION, protocol)


async def test_cards_are_of_members(session: Session) -> None:
    with pytest.raises(NetworkError, match="no agent 'nobody' in network 'zoo'"):
        session.with_cards({"nobody": session.network["scout"].card})


async def test_an_unknown_protocol_is_refused(session: Session) -> None:
    with pytest.raises(ProtocolError, match="did you mean 'debate'"):
        await session.run(QUESTION, "debatte")
    with pytest.raises(ProtocolError, match="unknown combinator 'sing'"):
        await session.run(QUESTION, {"sing": ["scout"]})


async def test_events_are_streamed_to_the_last(session: Session) -> None:
    events = [
        event async for event in session.stream(QUESTION, Verify(proposer="math", verifier="critic"), label="math")
    ]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].answer == "632"
    followed = [event async for event in session.follow(events[0].run)]
    assert [e for e in followed if isinstance(e, MessageSaid)] == [e for e in events if isinstance(e, MessageSaid)]


async def test_a_run_is_resumed_by_the_beginning_of_its_id(session: Session) -> None:
    stopped = await session.run(QUESTION, "{serial: [math, atlas]}", label="math", limits=Limits(calls=1))
    assert stopped.status == "stopped"
    resumed = await session.resume(stopped.run[:6], limits=Limits(calls=5))
    assert (resumed.run, resumed.status, resumed.answer) == (stopped.run, "done", "632")
    with pytest.raises(ResumeError, match="is over"):
        await session.resume(stopped.run)


async def test_a_run_is_resumed_in_a_later_session(tmp_path: Path) -> None:
    settings = resolve(store=str(tmp_path / "store.db"))
    async with agentnet.open("zoo", settings=settings) as session:
        stopped = await session.run(QUESTION, "{serial: [math, atlas]}", label="math", limits=Limits(calls=1))
    async with open_run(stopped.run, settings=settings) as (session, record):
        assert (await session.resume(record, limits=Limits(calls=5))).answer == "632"


async def test_closing_a_session_ends_its_runs_and_they_can_be_resumed(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    async with agentnet.open("zoo", store=store) as session:
        started = asyncio.Event()
        work = asyncio.create_task(
            session.run(QUESTION, "vote", label="math", run="r", on_event=lambda _: started.set())
        )
        await started.wait()
    assert (await work).status == "cancelled"
    async with agentnet.open("zoo", store=store) as session:
        assert (await session.resume("r")).answer == "632"


async def test_a_session_that_remembers_nothing_says_so() -> None:
    async with agentnet.open("zoo", remember=False) as session:
        assert (await session.run(QUESTION, Ask(agent="math"))).answer == "632"
        with pytest.raises(ResumeError, match="stores no runs"):
            session.runs


def test_run_blocks_and_needs_nothing_else() -> None:
    outcome = agentnet.run(QUESTION, "best", label="math", network="zoo", remember=False)
    assert outcome.answer == "632"


def test_a_reply_is_held_to_a_json_schema() -> None:
    form = "{type: integer, minimum: 1000, maximum: 9999}"
    outcome = agentnet.run(
        QUESTION, f"{{ask: {{agent: math, format: {{json_schema: {form}}}}}}}", network="zoo", remember=False
    )
    assert 1000 <= int(outcome.answer or "") <= 9999


async def test_run_can_be_called_where_an_event_loop_runs() -> None:
    """As in a notebook."""
    assert agentnet.run(QUESTION, "{ask: math}", network="zoo", remember=False).answer == "632"
    with pytest.raises(NetworkError, match="no network 'nowhere'"):
        agentnet.run(QUESTION, network="nowhere", remember=False)


def test_run_and_the_session_take_the_same_options() -> None:
    """What `Session.run` knows can be said to `agentnet.run`, by name."""
    options = set(inspect.signature(Session.run).parameters) - {"self", "question", "protocol"}
    assert options >= {"label", "seed", "limits", "on_event", "stream_text", "answering"}
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        agentnet.run(QUESTION, network="zoo", remember=False, colour="red")


async def test_the_beginning_of_an_id_names_a_run_to_follow_and_to_cancel(session: Session) -> None:
    await session.run(QUESTION, "scout", run="cafe0001")
    events = [event async for event in session.follow("cafe")]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].run == "cafe0001"

    slow = {"debate": {"members": ["scout", "atlas", "sage"], "rounds": 50, "stop": "never"}}
    active = [asyncio.create_task(session.run(QUESTION, slow, run=f"cafe000{number}")) for number in (2, 3)]
    while len(session.coordinator.running) < 2:
        await asyncio.sleep(0.01)
    with pytest.raises(BadInput, match="2 active runs begin with 'cafe'"):
        await session.cancel("cafe")
    assert await session.cancel("cafe0002")
    await active[0]
    assert await session.cancel("cafe")  # the only active one that is left
    assert {outcome.status for outcome in await asyncio.gather(*active)} == {"cancelled"}
    assert not await session.cancel("cafe")
