"""Runs: seeds, events, limits, and many of them at once on one coordinator."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agentnet.agents import Agent, Need, Reply, Turn
from agentnet.agents.base import OnText
from agentnet.contracts.bodies import Body, Error, Proposal, Task
from agentnet.contracts.cards import Card, Price
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, TextStreamed, TurnStarted
from agentnet.contracts.limits import Limits
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import BadInput, PreflightError, ProtocolError, ResumeError
from agentnet.models.base import Completion, ModelCapabilities, Request, Scores
from agentnet.models.scripted import ScriptedModel, ScriptedScorer
from agentnet.network import Network
from agentnet.store import Database, Runs
from tests.scripted import agent, from_the_prompt, network, plan, requests, says, spec, verdict, weighs

TASK = Task(text="What is 17 × 23?")
DEBATE = spec({"debate": {"members": ["@solver"], "rounds": 3, "stop": "never"}})


def trio(**options: Any) -> Network:
    return network(*(agent(name, from_the_prompt, **options) for name in ("ada", "ben", "cyd")))


def said(outcome: Outcome) -> dict[str, Body]:
    """What was said, whatever the order and the clock."""
    return {message.id: message.body for message in outcome.messages}


# a member that breaks


@pytest.mark.parametrize(
    "fault",
    [
        OverflowError("too large"),
        ValueError("not\na number"),
        RecursionError(),
        KeyError("content"),
        OSError(5, "gone"),
    ],
)
async def test_whatever_a_member_raises_ends_its_own_turn_and_nothing_else(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Request) -> str:
        raise fault

    web = network(agent("ada", says("=> 7")), agent("ben", broken), agent("cyd", says("=> 7")))
    outcome = await Coordinator(web).run(
        TASK, spec({"parallel": {"branches": ["ada", "ben", "cyd"], "decide": "majority"}})
    )
    assert (outcome.status, outcome.answer) == ("done", "7")
    (error,) = (message for message in outcome.messages if isinstance(message.body, Error))
    assert error.sender == "ben"
    assert isinstance(error.body, Error)
    assert error.body.detail.startswith(f"ben failed in its turn ({type(fault).__name__}")
    assert "\n" not in error.body.detail
    assert any("ben failed" in message for message in caplog.messages)


@pytest.mark.parametrize("usage", [Usage(), Usage(completion_tokens=10**400)])
async def test_a_reply_that_cannot_be_recorded_is_its_senders_failure(usage: Usage) -> None:
    class Odd(Agent):
        name, card = "odd", Card()

        async def take(self, turn: Turn, on_text: OnText | None = None) -> Reply:
            return Reply(Proposal(answer="7", text="\ud800" if not usage.tokens else "7"), usage)

        def with_card(self, card: Card) -> Agent:
            return self

        def can(self, need: Need) -> str | None:
            return None

    ada = agent("ada", says("=> 7"))
    members = network(ada, agent("odd", says("-"))).spec
    async with await Database.open(":memory:") as database:
        outcome = await Coordinator(Network(members, [ada, Odd()]), store=Runs(database)).run(
            TASK, spec({"parallel": {"branches": ["ada", "odd"], "decide": "majority"}})
        )
    assert [message.sender for message in outcome.messages if isinstance(message.body, Error)] == ["odd"]
    assert outcome.answer == "7"


# seeds


async def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    one, same, other = [await Coordinator(trio()).run(TASK, DEBATE, run="r", seed=seed) for seed in (1, 1, 2)]
    assert said(one) == said(same)
    assert said(one) != said(other)
    assert one.answer == same.answer


async def test_every_turn_has_a_seed_of_its_own() -> None:
    web = trio()
    await Coordinator(web).run(TASK, DEBATE)
    seeds = [request.sampling.seed for member in web for request in requests(member)]
    assert len(set(seeds)) == len(seeds) == 9


async def test_the_order_in_which_agents_answer_changes_nothing() -> None:
    """Each is held up once by all others: what is said depends on the seed alone."""

    async def run_with(slow: str) -> Outcome:
        others = asyncio.Event()
        left = 2

        def paced(name: str) -> Any:
            async def script(request: Request) -> str:
                nonlocal left
                if name == slow:
                    await others.wait()
                else:
                    left -= 1
                    if left == 0:
                        others.set()
                return from_the_prompt(request)

            return script

        web = network(*(agent(name, paced(name)) for name in ("ada", "ben", "cyd")))
        return await Coordinator(web).run(TASK, DEBATE, seed=3, run="r")

    outcomes = [await run_with(slow) for slow in ("ada", "ben", "cyd")]
    assert said(outcomes[0]) == said(outcomes[1]) == said(outcomes[2])
    assert len({outcome.answer for outcome in outcomes}) == 1


# events


async def test_events_tell_the_run_in_order() -> None:
    events: list[Event] = []
    outcome = await Coordinator(trio()).run(TASK, DEBATE, on_event=events.append)
    assert isinstance(events[0], RunStarted)
    assert events[-1] == RunEnded(run=outcome.run, status="done", answer=outcome.answer, usage=outcome.usage)
    spoken = [event.message for event in events if isinstance(event, MessageSaid)]
    assert tuple(spoken) == outcome.messages
    started = {event.message: place for place, event in enumerate(events) if isinstance(event, TurnStarted)}
    ended = {event.message.id: place for place, event in enumerate(events) if isinstance(event, MessageSaid)}
    assert len(started) == 9
    assert all(place < ended[id] for id, place in started.items())
    asked_again = [place for place, event in enumerate(events) if isinstance(event, TurnStarted) and event.round == 1]
    assert min(asked_again) > max(ended[message.id] for message in spoken[1:4])


async def test_streamed_text_is_the_text_of_the_message() -> None:
    web = network(agent("ada", says("one\ntwo\n=> 3")))
    events = [event async for event in Coordinator(web).stream(TASK, spec("ada"), stream_text=True)]
    streamed = [event for event in events if isinstance(event, TextStreamed)]
    (message,) = [event.message for event in events if isinstance(event, MessageSaid) and event.message.sender == "ada"]
    assert isinstance(message.body, Proposal)
    assert "".join(event.text for event in streamed) == message.body.text
    assert {event.message for event in streamed} == {message.id}
    assert len(streamed) == 3


async def test_a_stream_raises_what_the_run_raises() -> None:
    with pytest.raises(ProtocolError, match="no agent 'eve'"):
        [event async for event in Coordinator(trio()).stream(TASK, spec("eve"))]


async def test_a_stream_that_is_left_stops_the_run() -> None:
    stopped = asyncio.Event()

    async def endless(_: Request) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ""

    stream = Coordinator(network(agent("ada", endless))).stream(TASK, spec("ada"))
    async for event in stream:
        if isinstance(event, TurnStarted):
            break
    await asyncio.sleep(0)
    await stream.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(30):
        await stopped.wait()


# many at once


async def test_runs_side_by_side_on_one_coordinator_do_not_mix() -> None:
    web = trio()
    tasks = [Task(text=f"task {seed}") for seed in range(20)]
    alone = [await Coordinator(web).run(task, DEBATE, seed=seed, run=f"r{seed}") for seed, task in enumerate(tasks)]
    coordinator = Coordinator(web)
    together = await asyncio.gather(
        *(coordinator.run(task, DEBATE, seed=seed, run=f"r{seed}") for seed, task in enumerate(tasks))
    )
    for seed, outcome in enumerate(together):
        assert said(outcome) == said(alone[seed])
        assert {message.run for message in outcome.messages} == {f"r{seed}"}
        assert outcome.usage.calls == 9


# limits


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 8])
async def test_calls_are_never_overshot_by_parallel_branches(calls: int) -> None:
    web = trio()
    outcome = await Coordinator(web).run(TASK, DEBATE, limits=Limits(calls=calls))
    assert outcome.status == "stopped"
    assert sum(len(requests(member)) for member in web) <= calls
    assert f"the limit of {calls} calls is used up; raise limits.calls" in outcome.detail


class Bytes(ScriptedModel):
    """The thirstiest model there can be: every byte is a token, and every reply is as long as it may be."""

    async def generate(self, request: Request) -> Completion:
        completion = await super().generate(request)
        prompt = sum(len(message["content"].encode()) + 8 for message in request.messages)
        return replace(
            completion, usage=Usage(calls=1, prompt_tokens=prompt, completion_tokens=request.sampling.max_tokens)
        )


@pytest.mark.parametrize("tokens", [60, 150, 300, 500])
@pytest.mark.parametrize("text", ["What is 17 × 23?", "数は何ですか。", "?"])
async def test_tokens_are_never_overshot_by_parallel_branches(tokens: int, text: str) -> None:
    members = [replace(member, model=Bytes(from_the_prompt)) for member in trio(max_tokens=40)]
    outcome = await Coordinator(network(*members)).run(Task(text=text), DEBATE, limits=Limits(tokens=tokens))
    assert outcome.usage.tokens <= tokens
    assert outcome.status == "stopped"
    assert "are left; raise limits.tokens to continue" in outcome.detail


class ThirstyScorer(ScriptedScorer):
    """Every byte of the prompt and of all replies is a token."""

    async def score(self, request: Request, continuations: Sequence[str]) -> Scores:
        scores = await super().score(request, continuations)
        prompt = sum(len(message["content"].encode()) + 8 for message in request.messages)
        return replace(
            scores, usage=Usage(calls=1, prompt_tokens=prompt, completion_tokens=len("".join(continuations)))
        )


@pytest.mark.parametrize("tokens", [100, 180, 280, 400])
async def test_tokens_are_never_overshot_by_scores(tokens: int) -> None:
    ada = agent("ada", says("1"), max_tokens=10)
    ver = replace(agent("ver", says("-")), model=ThirstyScorer(says("-"), weighs(approve=0.1, disapprove=0.2)))
    protocol = spec({"verify": {"proposer": "ada", "verifier": "ver", "retries": 9, "by": "score"}})
    outcome = await Coordinator(network(ada, ver)).run(TASK, protocol, limits=Limits(tokens=tokens))
    assert outcome.usage.tokens <= tokens
    assert outcome.status == "stopped"


async def test_a_verdict_that_is_scored_needs_no_room_for_a_written_one() -> None:
    ada, ver = agent("ada", says("1"), max_tokens=10), agent("ver", says("-"), scores=weighs(approve=1, disapprove=0.1))
    protocol = {"proposer": "ada", "verifier": "ver"}
    limits = Limits(tokens=200)
    done = await Coordinator(network(ada, ver)).run(TASK, spec({"verify": {**protocol, "by": "score"}}), limits=limits)
    assert done.status == "done"
    stopped = await Coordinator(network(ada, ver)).run(TASK, spec({"verify": protocol}), limits=limits)
    assert stopped.status == "stopped"


async def test_costs_are_never_overshot() -> None:
    price = Price(prompt=1000, completion=1000)
    outcome = await Coordinator(trio(price=price, max_tokens=50)).run(TASK, DEBATE, limits=Limits(cost=0.12))
    assert 0 < outcome.usage.cost <= 0.12
    assert outcome.status == "stopped"


async def test_time_that_is_over_stops_the_call() -> None:
    async def endless(_: Request) -> str:
        await asyncio.Event().wait()
        return ""

    outcome = await Coordinator(network(agent("ada", endless))).run(TASK, spec("ada"), limits=Limits(seconds=0.05))
    assert outcome.status == "stopped"
    assert outcome.detail == "the limit of 0.05 seconds ran out while ada answered"


async def test_a_limit_that_is_high_enough_changes_nothing() -> None:
    limits = Limits(calls=9, tokens=10**6, seconds=600, cost=1)
    one, other = [await Coordinator(trio()).run(TASK, DEBATE, run="r", limits=some) for some in (limits, None)]
    assert said(one) == said(other)


@pytest.mark.parametrize("calls", range(1, 9))
async def test_the_best_so_far_is_what_was_said_until_the_limit(calls: int) -> None:
    outcome = await Coordinator(trio()).run(TASK, DEBATE, limits=Limits(calls=calls, when_exhausted="best_so_far"))
    assert (outcome.status, outcome.usage.calls) == ("done", calls)
    answers = {message.body.answer for message in outcome.messages if hasattr(message.body, "answer")}
    assert outcome.answer in answers
    assert [message for message in outcome.messages if isinstance(message.body, Error)]


@pytest.mark.parametrize(
    "protocol",
    [
        {"serial": ["ada", "ben", "cyd"]},
        {"serial": [{"parallel": {"branches": ["ada", "ben"], "decide": "all"}}, "cyd"]},
        {"verify": {"proposer": "ada", "verifier": "ben"}},
        {"verify": {"proposer": {"serial": ["ada", "ben"]}, "verifier": "cyd"}},
        {"parallel": {"branches": ["ada", "ben"], "decide": {"synthesize": "cyd"}}},
        {"parallel": {"branches": ["ada", "ben"], "decide": {"judge": "cyd"}}},
        {"cascade": {"steps": ["ada", "ben", "cyd"]}},
    ],
)
async def test_every_protocol_that_has_an_answer_ends_with_its_best_so_far(protocol: Any) -> None:
    for calls in (1, 2):
        limits = Limits(calls=calls, when_exhausted="best_so_far")
        outcome = await Coordinator(trio()).run(TASK, spec(protocol), limits=limits)
        assert (outcome.status, outcome.usage.calls) == ("done", calls)


# before anything runs


async def test_what_an_agent_cannot_do_is_said_before_anything_runs() -> None:
    ada = agent("ada", says("1"), capabilities=ModelCapabilities(context=None, schema=None, logprobs=False))
    web = network(ada, agent("ben", says("1")))
    protocol = spec(
        {
            "serial": [
                {"parallel": {"branches": ["ada", "ben"], "decide": "confidence"}},
                {"ask": {"agent": "ben", "role": "critique"}},
            ]
        }
    )
    with pytest.raises(PreflightError) as caught:
        await Coordinator(web).run(TASK, protocol)
    problems = str(caught.value)
    assert "ada must give its confidence, but ada's model gives no log-probabilities; decide by majority" in problems
    assert "ben is asked to critique, but its prompt pack 'compact' has no template for it" in problems
    assert requests(ada) == []


@pytest.mark.parametrize(
    ("protocol", "role"),
    [
        ({"verify": {"proposer": "ada", "verifier": "ben", "by": "score"}}, "verify"),
        ({"parallel": {"branches": ["ada"], "decide": {"judge": {"agent": "ben", "by": "score"}}}}, "choose"),
        (
            {"serial": ["ada", {"debate": {"members": ["ada"], "decide": {"judge": {"agent": "ben", "by": "score"}}}}]},
            "choose",
        ),
    ],
)
async def test_who_cannot_score_is_not_asked_to(protocol: Any, role: str) -> None:
    ada = agent("ada", says("1"))
    with pytest.raises(PreflightError) as caught:
        await Coordinator(network(ada, agent("ben", says("-")))).run(TASK, spec(protocol))
    assert str(caught.value) == (
        f"ben is asked to {role} by score, but ben's model cannot score replies; "
        f"set `by: reason`, or give ben a model that runs in process"
    )
    assert requests(ada) == []
    able = agent(
        "ben", says("-"), scores=weighs(), capabilities=ModelCapabilities(context=None, schema=False, logprobs=False)
    )
    assert not any("score" in note for note in Coordinator(network(ada, able)).prepare(spec(protocol)).notes)


async def test_the_best_agent_is_checked_whoever_it_will_be() -> None:
    unable = ModelCapabilities(context=None, schema=None, logprobs=False)
    web = network(agent("ada", says("1")), agent("ben", says("1"), capabilities=unable))
    with pytest.raises(PreflightError, match="ben must give its confidence"):
        await Coordinator(web).run(TASK, spec({"parallel": {"branches": ["@best"], "decide": "confidence"}}))


def test_what_will_work_less_well_is_noted() -> None:
    loose = ModelCapabilities(context=None, schema=False, logprobs=None)
    web = network(agent("ada", says("1")), agent("ver", says(verdict("approve")), capabilities=loose))
    prepared = Coordinator(web).prepare(spec({"verify": {"proposer": "ada", "verifier": "ver"}}))
    assert prepared.notes == (
        "ver cannot be held to a schema: a verify reply that does not parse is lost",
        "ver decides for all as verifier, but was never measured at it: its card has no 20 answers under a label such "
        "as `verify`",
    )


def test_a_protocol_is_compiled_once() -> None:
    coordinator = Coordinator(trio())
    again = spec({"debate": {"members": ["@solver"], "stop": "never"}})
    assert coordinator.prepare(DEBATE) is coordinator.prepare(again)
    assert coordinator.prepare(DEBATE) is not coordinator.prepare(spec({"debate": ["@solver"]}))


async def test_two_runs_cannot_have_one_id(tmp_path: Any) -> None:
    async with await Database.open(tmp_path / "store.db") as database:
        runs = Runs(database)
        coordinator = Coordinator(trio(), store=runs)
        await coordinator.run(TASK, spec("ada"), run="r")
        with pytest.raises(BadInput, match="there is a run r already"):
            await coordinator.run(TASK, spec("ada"), run="r")
        with pytest.raises(ResumeError, match=r"run r is over \(done\)"):
            await coordinator.resume(await runs.record("r"), spec("ada"))


async def test_without_a_store_nothing_can_be_resumed(tmp_path: Any) -> None:
    async with await Database.open(tmp_path / "store.db") as database:
        runs = Runs(database)
        await Coordinator(trio(), store=runs).run(TASK, spec("ada"), run="r", limits=Limits(calls=1))
        with pytest.raises(ResumeError, match="resuming a run needs the store that holds it"):
            await Coordinator(trio()).resume(await runs.record("r"), spec("ada"))


async def test_a_long_plan_goes_round_as_often_as_it_must() -> None:
    steps = [("a", f"#{place} more" if place else "start") for place in range(40)]
    web = network(agent("pam", says(plan(*steps)), roles=["planner"]), agent("ada", says("1")))
    outcome = await Coordinator(web).run(TASK, spec({"delegate": {"max_steps": 40}}))
    assert (outcome.status, outcome.usage.calls) == ("done", 41)


async def test_a_sampling_of_the_protocol_replaces_the_agents() -> None:
    ada = agent("ada", says("1"))
    await Coordinator(network(ada)).run(TASK, spec({"ask": {"agent": "ada", "sampling": {"temperature": 0.7}}}))
    sampling = requests(ada)[0].sampling
    assert sampling == Sampling(temperature=0.7, seed=sampling.seed)
