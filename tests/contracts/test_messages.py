"""Messages: they survive the wire, ids are deterministic, and versions are read as the contract says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts import bodies
from agentnet.contracts.bodies import KINDS, Plan, Step, Task, Unknown, answer_of
from agentnet.contracts.messages import SCHEMA_VERSION, Message, message_id, parse
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput, SchemaVersionError

text = st.text(st.characters(codec="utf-8"), max_size=40)
some_text = text.filter(bool)
amounts = st.floats(min_value=0, max_value=1e9)
counts = st.integers(0, 10**9)
usages = st.builds(
    Usage,
    calls=counts,
    prompt_tokens=counts,
    completion_tokens=counts,
    reused_tokens=counts,
    seconds=amounts,
    cost=amounts,
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 6))
    return Plan(
        steps=tuple(
            Step(
                id=place,
                label=draw(text),
                ask=draw(some_text),
                needs=tuple(sorted(draw(st.sets(st.integers(1, place - 1))))) if place > 1 else (),
            )
            for place in range(1, count + 1)
        )
    )


arguments = st.dictionaries(text, st.none() | st.booleans() | counts | text | st.lists(text, max_size=2), max_size=3)
any_body = st.one_of(
    st.builds(bodies.Task, text=some_text, label=st.none() | text),
    st.builds(
        bodies.Analysis,
        text=some_text,
        label=st.none() | text,
        shares=st.dictionaries(text, st.floats(0, 1), max_size=3),
        use=text,
        why=text,
    ),
    plans(),
    st.builds(bodies.Assignment, step=counts, agent=text, text=text, label=text),
    st.builds(bodies.Proposal, answer=text, text=text),
    st.builds(bodies.Critique, text=text),
    st.builds(bodies.Revision, answer=text, text=text),
    st.builds(bodies.Vote, choice=text, reason=text),
    st.builds(bodies.Grade, grade=text, reason=text, target=text),
    st.builds(
        bodies.Verdict, verdict=st.sampled_from(["approve", "disapprove"]), reason=text, answer=text, target=text
    ),
    st.builds(bodies.Synthesis, answer=text, text=text),
    st.builds(
        bodies.Fusion,
        answer=text,
        text=text,
        members=st.lists(text).map(tuple),
        strategy=text,
        pieces=st.lists(
            st.builds(
                bodies.Piece,
                text=text,
                score=amounts,
                shares=st.dictionaries(text, amounts, max_size=3),
                runner_up=st.none() | text,
            ),
            max_size=3,
        ).map(tuple),
        dropped=st.dictionaries(text, text, max_size=2),
    ),
    st.builds(
        bodies.Result,
        answer=text,
        decision=text,
        sources=st.lists(text).map(tuple),
        support=st.dictionaries(text, amounts, max_size=3),
    ),
    st.builds(
        bodies.ToolCall,
        tool=text,
        arguments=arguments,
        result=text,
        cut=st.booleans(),
        error=text,
        turn=text,
        pending=st.lists(st.builds(bodies.PlannedCall, tool=text, arguments=arguments), max_size=2).map(tuple),
    ),
    st.builds(bodies.Refusal, reason=text),
    st.builds(bodies.Error, code=text, detail=text),
)

messages = st.builds(
    Message,
    id=some_text,
    run=some_text,
    sequence=counts,
    sender=some_text,
    recipients=st.lists(text).map(tuple),
    reply_to=st.lists(text).map(tuple),
    node=text,
    round=st.integers(0, 1000),
    time=st.datetimes(timezones=st.just(UTC)),
    schema_version=st.just(SCHEMA_VERSION),
    usage=usages,
    confidence=st.none() | st.floats(0, 1),
    signature=st.none() | text,
    body=any_body,
)


def wire(**changes: Any) -> dict[str, Any]:
    message = Message(
        id="m1",
        run="r1",
        sequence=0,
        sender="ada",
        node="ask/ada",
        time=datetime(2025, 1, 1, tzinfo=UTC),
        body=Task(text="What is 2 + 2?"),
    )
    return {**json.loads(message.model_dump_json()), **changes}


@given(messages)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert parse(message.model_dump_json()) == message
    assert parse(message.model_dump_json().encode()) == message
    assert parse(json.loads(message.model_dump_json())) == message


def test_every_kind_of_body_is_generated_above() -> None:
    assert set(KINDS) == {
        "task",
        "analysis",
        "plan",
        "assignment",
        "proposal",
        "critique",
        "revision",
        "vote",
        "verdict",
        "synthesis",
        "grade",
        "tool-call",
        "result",
        "refusal",
        "fusion",
        "error",
    }


@given(text, text, st.integers(0, 1000), text)
def test_the_same_turn_has_the_same_id(run: str, node: str, round: int, agent: str) -> None:
    assert message_id(run, node, round, agent) == message_id(run, node, round, agent)
    assert len(message_id(run, node, round, agent)) == 32


def test_the_id_of_a_turn_never_changes() -> None:
    """Stored runs are resumed by these ids: another digest would say everything again."""
    assert message_id("r1", "debate/ada", 2, "ada") == "aa4471c3209988921dbed1c193abc565"


def test_different_turns_have_different_ids() -> None:
    turns = [
        (run, node, round, agent)
        for run in ("r", "r1")
        for node in ("a", "a/b", "1")
        for round in range(12)
        for agent in ("a", "b", "1a")
    ]
    assert len({message_id(*turn) for turn in turns}) == len(turns)


def test_a_kind_of_a_newer_minor_version_is_kept_whole() -> None:
    body = {"kind": "gesture", "hand": "left", "fingers": [1, 2]}
    message = parse(wire(schema_version="1.7", body=body))
    assert isinstance(message.body, Unknown)
    assert message.body.kind == "gesture"
    assert answer_of(message.body) is None
    assert json.loads(message.model_dump_json())["body"] == body
    assert parse(message.model_dump_json()) == message


def test_new_fields_of_a_newer_minor_version_are_tolerated_at_every_depth() -> None:
    plan = {"kind": "plan", "mood": "calm", "steps": [{"id": 1, "label": "x", "ask": "y", "urgent": True}]}
    message = parse(wire(schema_version="1.99", body=plan, colour="red", usage={"calls": 1, "joules": 3}))
    assert message.body == Plan(steps=(Step(id=1, label="x", ask="y"),))
    assert message.usage == Usage(calls=1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"body": {"kind": "gesture"}}, "body.kind: 'gesture' is none of task, analysis, plan"),
        ({"body": {"kind": ["task"]}}, "body"),
        ({"body": {"kind": None}}, "body"),
        ({"body": {}}, "body"),
        ({"body": "hello"}, "body"),
        ({"body": {"kind": "task", "text": "x", "extra": 1}}, "body.task.extra"),
        ({"colour": "red"}, "colour"),
        ({"sequence": -1}, "sequence"),
        ({"sequence": "0"}, "sequence"),
        ({"time": "yesterday"}, "time"),
        ({"schema_version": "one"}, "'one' is not of the form major.minor"),
        ({"schema_version": None}, "is not of the form major.minor"),
    ],
)
def test_what_is_no_message_of_this_version_is_refused_in_one_line(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(wire(**change))
    assert str(caught.value).startswith("not a message: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", ["", "null", "[]", "3", "{", b"\xff", "[" * 100_000])
def test_what_is_no_json_object_is_refused(data: str | bytes) -> None:
    with pytest.raises(BadInput, match="not a message"):
        parse(data)


@pytest.mark.parametrize("version", ["2.0", "2.1", "10.0"])
def test_a_newer_major_version_is_refused_with_what_to_do(version: str) -> None:
    with pytest.raises(SchemaVersionError, match=f"schema {version} is newer.*update agentnet-ai"):
        parse(wire(schema_version=version))


@given(st.lists(usages, max_size=5))
def test_usage_adds_up(parts: list[Usage]) -> None:
    total = sum(parts, Usage())
    assert total.calls == sum(part.calls for part in parts)
    assert total.tokens == sum(part.prompt_tokens + part.completion_tokens for part in parts)


def test_a_message_cannot_be_changed() -> None:
    message = parse(wire())
    with pytest.raises(ValueError, match="frozen"):
        message.sequence = 3  # type: ignore[misc]


def test_the_time_keeps_its_zone() -> None:
    assert parse(wire(time="2025-01-01T12:00:00+02:00")).time.utcoffset() == timedelta(hours=2)
