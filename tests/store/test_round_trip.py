"""Whatever a message holds comes back as it was."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.contracts.bodies import (
    Body,
    Critique,
    Error,
    Plan,
    Proposal,
    Result,
    Revision,
    Step,
    Task,
    Unknown,
    Verdict,
    Vote,
)
from agentnet.contracts.messages import Message
from agentnet.contracts.usage import Usage
from agentnet.store import Database, Runs

from .samples import run_record

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
some = text.filter(bool)
share = st.floats(0, 1)
count = st.integers(0, 2**40)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))) | st.just(UTC)

bodies: st.SearchStrategy[Body] = st.one_of(
    st.builds(Task, text=some, label=st.none() | text),
    st.builds(
        Plan, steps=st.lists(st.builds(Step, id=st.just(1), label=text, ask=some), min_size=1, max_size=1).map(tuple)
    ),
    st.builds(Proposal, answer=text, text=text),
    st.builds(Critique, text=text),
    st.builds(Revision, answer=text, text=text),
    st.builds(Vote, choice=text, reason=text),
    st.builds(Verdict, verdict=st.sampled_from(["approve", "disapprove"]), reason=text, answer=text, target=text),
    st.builds(
        Result, answer=text, decision=text, sources=st.lists(text).map(tuple), support=st.dictionaries(text, share)
    ),
    st.builds(Error, code=text, detail=text),
)
messages = st.builds(
    Message,
    id=some,
    run=st.just("run-1"),
    sequence=count,
    sender=text,
    recipients=st.lists(text, max_size=3).map(tuple),
    reply_to=st.lists(text, max_size=3).map(tuple),
    node=text,
    round=count,
    time=st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=zones),
    schema_version=st.just("1.0"),
    usage=st.builds(
        Usage,
        calls=count,
        prompt_tokens=count,
        completion_tokens=count,
        reused_tokens=count,
        seconds=st.floats(0, 1e9),
        cost=st.floats(0, 1e9),
    ),
    confidence=st.none() | share,
    signature=st.none() | text,
    body=bodies,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(messages, max_size=8, unique_by=lambda message: message.id))
def test_messages_come_back_as_they_were(said: list[Message]) -> None:
    async def write_and_read() -> tuple[list[Message], Usage]:
        async with await Database.open(":memory:") as database:
            runs = Runs(database)
            await runs.start_run(run_record())
            for message in said:
                await runs.append(message)
            return await runs.messages("run-1"), await runs.usage("run-1")

    kept, usage = asyncio.run(write_and_read())
    assert kept == [message.model_copy(update={"sequence": place}) for place, message in enumerate(said)]
    assert usage.tokens == sum(message.usage.tokens for message in said)


async def test_a_body_of_a_newer_minor_version_is_kept_whole() -> None:
    body = Unknown.model_validate({"kind": "gesture", "hands": [1, 2]})
    from .samples import message

    async with await Database.open(":memory:") as database:
        runs = Runs(database)
        await runs.start_run(run_record())
        stored = await runs.append(message(schema_version="1.9", body=body))
        assert (await runs.messages("run-1"))[0].body == stored.body == body
