"""The events of a run for several subscribers, fast and slow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.collab.bus import EventBus
from agentnet.contracts.bodies import Proposal
from agentnet.contracts.events import Event, MessageSaid, RunStarted, TextStreamed
from agentnet.contracts.messages import Message

START = RunStarted(run="r", protocol="p")


def piece(text: str, message: str = "m") -> TextStreamed:
    return TextStreamed(run="r", message=message, agent=message, text=text)


def said(id: str, text: str) -> MessageSaid:
    body = Proposal(answer=text, text=text)
    message = Message(id=id, run="r", sequence=0, sender=id, node="n", time=datetime.now(UTC), body=body)
    return MessageSaid(run="r", message=message)


async def all_of(bus: EventBus, *events: Event, backlog: int = 4) -> list[Event]:
    subscription = bus.subscribe(backlog)
    for event in events:
        bus.publish(event)
    bus.close()
    return [event async for event in subscription]


async def test_every_subscriber_gets_every_event_in_order() -> None:
    bus = EventBus()
    one, heard = bus.subscribe(), list[Event]()
    bus.listen(heard.append)
    events = [START, piece("a"), said("m", "a")]
    assert await all_of(bus, *events) == events == heard
    assert [event async for event in one] == events


async def test_a_subscription_waits_for_what_comes() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    waiting = asyncio.create_task(anext(subscription))
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.publish(START)
    assert await waiting == START


async def test_pieces_of_a_slow_reader_are_joined_and_none_is_lost() -> None:
    text = [piece(str(number % 10)) for number in range(1000)]
    events = await all_of(EventBus(), START, *text, said("m", "x"))
    assert len(events) == 6
    streamed = [event for event in events if isinstance(event, TextStreamed)]
    assert "".join(event.text for event in streamed) == "0123456789" * 100
    assert isinstance(events[-1], MessageSaid)


async def test_who_reads_again_gets_single_pieces_again() -> None:
    bus = EventBus()
    subscription = bus.subscribe(backlog=2)
    for letter in "abcd":
        bus.publish(piece(letter))
    assert [(await anext(subscription)).text for _ in range(3)] == ["a", "b", "cd"]  # type: ignore[union-attr]
    bus.publish(piece("e"))
    assert (await anext(subscription)).text == "e"  # type: ignore[union-attr]


async def test_messages_are_never_dropped() -> None:
    messages = [said(f"m{number}", "x") for number in range(100)]
    assert await all_of(EventBus(), *messages) == messages


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.text(min_size=1, max_size=3)), max_size=60),
    st.integers(1, 5),
    st.lists(st.booleans(), max_size=60),
)
def test_whatever_is_read_when_each_reply_keeps_its_text(
    pieces: list[tuple[str, str]], backlog: int, reads: list[bool]
) -> None:
    async def go() -> dict[str, str]:
        bus = EventBus()
        subscription = bus.subscribe(backlog)
        texts = dict.fromkeys("xyz", "")
        for index, (message, text) in enumerate(pieces):
            bus.publish(piece(text, message))
            if index < len(reads) and reads[index]:
                event = await anext(subscription)
                assert isinstance(event, TextStreamed)
                texts[event.message] += event.text
            assert len(subscription) <= backlog + 3
        bus.close()
        async for event in subscription:
            assert isinstance(event, TextStreamed)
            texts[event.message] += event.text
        return texts

    whole = {name: "".join(text for message, text in pieces if message == name) for name in "xyz"}
    assert asyncio.run(go()) == whole


async def test_nothing_is_made_where_nobody_listens() -> None:
    bus = EventBus()
    assert not bus.wanted
    subscription = bus.subscribe()
    assert bus.wanted
    subscription.close()
    assert not bus.wanted
    assert [event async for event in subscription] == []


async def test_a_closed_bus_ends_new_subscriptions_at_once() -> None:
    bus = EventBus()
    bus.close()
    assert [event async for event in bus.subscribe()] == []
