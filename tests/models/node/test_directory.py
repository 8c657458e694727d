"""Replicas: which node of a member is asked, and what is known of nodes that come, go, fail and restart."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts.nodes import Load, NodeRecord, Offer
from agentnet.models.node.choice import OTHERS, Expected, choose
from agentnet.models.node.directory import Directory, Endpoint
from agentnet.models.node.prefixes import BLOCK, BLOCK_TOKENS, HOLDERS, Prefixes, Prompt

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MATH = "math", "digest"
PROMPT = Prompt.of_tokens(range(10 * BLOCK_TOKENS))


def record(key: str, *, digest: str = "digest", beats: int = 0, **changes: Any) -> NodeRecord:
    return NodeRecord(
        **{
            "key": key,
            "name": f"node-{key}",
            "url": f"https://{key}.example",
            "state": "active",
            "offers": (Offer(name="math", digest=digest),),
            "lease": "1",
            "joined": NOW,
            "heard": NOW + timedelta(seconds=5 * beats),
            "until": NOW + timedelta(seconds=15 + 5 * beats),
            **changes,
        }
    )


def directory(*records: NodeRecord) -> Directory:
    made = Directory(seed=1, clock=lambda: 0.0)
    made.update(records)
    return made


def chosen(made: Directory, prompt: Prompt = PROMPT, avoid: tuple[str, ...] = ()) -> Endpoint:
    endpoint = made.choose(*MATH, prompt, avoid=avoid)
    assert endpoint is not None
    return endpoint


def test_nobody_is_asked_where_nobody_serves_the_member() -> None:
    made = directory(record("a", digest="another"), record("b", state="draining"), record("c", state="gone"))
    assert made.choose(*MATH, PROMPT) is None
    assert made.endpoints(*MATH) == ()


def test_nodes_that_wait_for_nothing_share_the_work() -> None:
    made = directory(*(record(key) for key in "abc"))
    keys = Counter(chosen(made, Prompt.of_tokens([number])).key for number in range(60))
    assert set(keys) == {"a", "b", "c"}


def test_the_node_that_read_the_beginning_of_the_prompt_is_asked_again() -> None:
    made = directory(*(record(key) for key in "abcdefgh"))
    first = chosen(made)
    with made.using(first, PROMPT):
        pass
    longer = Prompt.of_tokens(range(12 * BLOCK_TOKENS))
    assert {chosen(made, longer).key for _ in range(20)} == {first.key}


def test_a_node_with_a_queue_is_passed_over_though_it_read_the_prompt() -> None:
    made = directory(record("a", load=Load(running=1, queued=200)), record("b"))
    with made.using(made.endpoints(*MATH)[0], PROMPT):
        pass
    assert chosen(made).key == "b"


def test_own_requests_count_before_a_heartbeat_tells_of_them_and_not_twice_after() -> None:
    made = directory(record("a", load=Load(slots=2)), record("b", load=Load(slots=2)))
    a, b = made.endpoints(*MATH)
    with made.using(a, PROMPT), made.using(a, PROMPT), made.using(b, PROMPT):
        assert {chosen(made, Prompt.of_tokens([n])).key for n in range(20)} == {"b"}
        loaded = Load(slots=2, running=2)
        made.update([record("a", beats=1, load=loaded), record("b", beats=1, load=loaded)])  # one at b is another's
        with made.using(b, PROMPT):
            assert {chosen(made, Prompt.of_tokens([n])).key for n in range(20)} == {"a"}


def test_late_and_failed_nodes_are_asked_last() -> None:
    made = directory(record("a"), record("b", state="suspect"), record("c"))
    made.failed(made.endpoints(*MATH)[0])
    assert [endpoint.key for endpoint in made.endpoints(*MATH)] == ["c", "b", "a"]
    assert chosen(made).key == "c"
    assert chosen(made, avoid=("c",)).key == "b"
    assert chosen(made, avoid=("c", "b")).key == "a"
    assert made.choose(*MATH, PROMPT, avoid=("a", "b", "c")) is None


def test_a_failed_node_is_trusted_again_from_its_next_heartbeat_on() -> None:
    made = directory(record("a"), record("b", state="suspect"))
    made.failed(made.endpoints(*MATH)[0])
    made.update([record("a"), record("b", state="suspect")])
    assert chosen(made).key == "b"
    made.update([record("a", beats=1), record("b", state="suspect")])
    assert chosen(made).key == "a"


def test_the_failure_of_a_process_says_nothing_of_the_one_after_it() -> None:
    made = directory(record("a"))
    (before,) = made.endpoints(*MATH)
    made.update([record("a", lease="2"), record("b", state="suspect")])
    made.failed(before)
    assert chosen(made).key == "a"


@pytest.mark.parametrize("after", [[], [record("a", state="expelled")], [record("a", lease="2")]])
async def test_who_waits_for_a_node_hears_that_it_is_gone(after: list[NodeRecord]) -> None:
    made = directory(record("a"))
    waiting = asyncio.create_task(made.lost(chosen(made)))
    made.update([record("a", beats=1)])
    await asyncio.sleep(0)
    assert not waiting.done()
    made.update(after)
    await asyncio.wait_for(waiting, 5)


async def test_a_node_that_drains_keeps_what_it_has() -> None:
    made = directory(record("a"))
    waiting = asyncio.create_task(made.lost(chosen(made)))
    made.update([record("a", state="draining")])
    await asyncio.sleep(0)
    assert not waiting.done()
    assert made.choose(*MATH, PROMPT) is None
    waiting.cancel()


def test_a_node_that_started_anew_holds_nothing() -> None:
    made = directory(record("a"), *(record(key) for key in "bcdefgh"))
    (a,) = (endpoint for endpoint in made.endpoints(*MATH) if endpoint.key == "a")
    with made.using(a, PROMPT):
        pass
    made.update([record("a", lease="2"), *(record(key) for key in "bcdefgh")])
    assert len({chosen(made).key for _ in range(40)}) > 1


def test_a_request_that_failed_left_nothing_in_the_cache() -> None:
    made = directory(*(record(key) for key in "abcdefgh"))
    with pytest.raises(ConnectionError), made.using(chosen(made), PROMPT):
        raise ConnectionError
    assert len({chosen(made).key for _ in range(40)}) > 1


def expected(node: int) -> Expected:
    return Expected(ahead=node, slots=1, service=1.0, unread=100, prefill=100.0)


def test_a_node_that_holds_the_prompt_is_compared_with_a_few_others() -> None:
    looked_at: list[int] = []

    def noted(node: int) -> Expected:
        looked_at.append(node)
        return expected(node)

    assert choose([1000], range(1, 1001), noted, random.Random(1)) == min(looked_at)
    assert len(looked_at) == OTHERS + 1


@given(st.text(max_size=3 * BLOCK), st.text(max_size=2 * BLOCK), st.text(max_size=2 * BLOCK))
def test_prompts_share_the_blocks_of_their_common_beginning(common: str, one: str, other: str) -> None:
    prompts = [Prompt.of_messages([{"role": "user", "content": common + rest}]) for rest in (one, other)]
    shared = 0
    for first, second in zip(*(prompt.blocks for prompt in prompts), strict=False):
        if first != second:
            break
        shared += 1
    assert shared >= len(common) // BLOCK - 1
    if one == other:
        assert prompts[0] == prompts[1]


def test_what_is_known_of_caches_is_bounded() -> None:
    prefixes = Prefixes(most=4)
    prefixes.add("a", PROMPT)
    assert prefixes.held("a", PROMPT) == 4 * BLOCK_TOKENS
    for number in range(2 * HOLDERS):
        prefixes.add(f"n{number}", PROMPT)
    assert prefixes.holders(PROMPT) == [f"n{number}" for number in reversed(range(HOLDERS, 2 * HOLDERS))]
    for number in range(2 * HOLDERS):
        prefixes.forget(f"n{number}")
    assert prefixes.holders(PROMPT) == []
