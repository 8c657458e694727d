"""Resumption: whatever moment a process dies at, the run goes on, and nothing is said twice or lost."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentnet.contracts.bodies import Task
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message
from agentnet.coordinator import Coordinator
from agentnet.errors import ResumeError
from agentnet.network import Network
from agentnet.store import Database, Runs, open_checkpointer
from tests.coordinator.killable import Job, carry_out, story
from tests.scripted import agent, from_the_prompt, network, requests, spec, weighs

TASK = Task(text="What is 17 × 23?", label="math")
DEBATE = {"debate": {"members": ["@solver"], "rounds": 4, "stop": "never", "decide": "judge"}}
NESTED = {
    "verify": {
        "proposer": {"serial": [{"debate": {"members": ["ada", "ben"], "rounds": 2, "stop": "never"}}, "cyd"]},
        "verifier": "ver",
        "retries": 3,
    }
}
DELEGATED = {
    "delegate": {
        "planner": "pam",
        "workers": [{"serial": ["ada", {"verify": {"proposer": "ben", "verifier": "ver"}}]}, "cyd"],
    }
}
CASCADE = {"cascade": {"steps": ["ada", {"verify": {"proposer": "ben", "verifier": "ver"}}, "cyd", "ada"], "agree": 4}}
SCORED = {"debate": {"members": ["@solver"], "rounds": 2, "stop": "never", "decide": {"judge": {"by": "score"}}}}
PROTOCOLS = {"debate": DEBATE, "nested": NESTED, "delegated": DELEGATED, "cascade": CASCADE}
KILLS = {"debate": 10, "nested": 5, "delegated": 5, "cascade": 5}


def bodies(messages: list[Message]) -> dict[str, Any]:
    """What was said, whatever the order and the clock."""
    return {
        message.id: (message.sender, message.node, message.round, message.reply_to, message.body)
        for message in messages
    }


@pytest.mark.parametrize("name", PROTOCOLS)
async def test_a_run_that_is_killed_again_and_again_says_everything_once(name: str, tmp_path: Path) -> None:
    rng = random.Random(name)
    undisturbed = Job(tmp_path / "undisturbed", PROTOCOLS[name], TASK, pause=0)
    assert carry_out(undisturbed)
    answer, status, expected = await story(undisturbed.folder)
    assert status == "done"

    runs = kills = 0
    while kills < KILLS[name]:
        job = Job(tmp_path / f"killed-{runs}", PROTOCOLS[name], TASK)
        runs += 1
        while not carry_out(job, kill_after=rng.randint(1, 2 + len(expected)), rng=rng):
            kills += 1
        found_answer, found_status, messages = await story(job.folder)
        assert (found_answer, found_status) == (answer, "done")
        assert [message.sequence for message in messages] == list(range(len(expected)))
        assert bodies(messages) == bodies(expected)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
async def test_a_stopped_run_goes_on_with_higher_limits(protocol: Any, tmp_path: Path) -> None:
    """One call more each time: every turn is taken exactly once, whatever was going on beside it."""
    web = members()
    undisturbed = await Coordinator(web).run(TASK, spec(protocol), run="r", seed=5)
    for member in web:
        requests(member).clear()
    async with await Database.open(tmp_path / "s.db") as database, open_checkpointer(tmp_path / "c.db") as checkpointer:
        runs = Runs(database)
        outcome = await Coordinator(web, store=runs, checkpointer=checkpointer).run(
            TASK, spec(protocol), run="r", seed=5, limits=Limits(calls=1)
        )
        while outcome.status == "stopped":
            calls = outcome.usage.calls + 1
            coordinator = Coordinator(web, store=runs, checkpointer=checkpointer)
            record = await runs.record("r")
            assert record.status == "stopped"
            outcome = await coordinator.resume(record, spec(protocol), limits=Limits(calls=calls))
        assert bodies(await runs.messages("r")) == bodies(list(undisturbed.messages))
        assert (outcome.status, outcome.answer) == ("done", undisturbed.answer)
    assert outcome.usage.calls == undisturbed.usage.calls


@pytest.mark.parametrize("protocol", [*PROTOCOLS.values(), SCORED], ids=[*PROTOCOLS, "scored"])
async def test_without_checkpoints_the_messages_alone_are_enough(protocol: Any, tmp_path: Path) -> None:
    undisturbed = await Coordinator(members()).run(TASK, spec(protocol), run="r", seed=5)
    async with await Database.open(tmp_path / "s.db") as database:
        runs = Runs(database)
        await Coordinator(members(), store=runs).run(TASK, spec(protocol), run="r", seed=5, limits=Limits(calls=4))
        outcome = await Coordinator(members(), store=runs).resume(
            await runs.record("r"), spec(protocol), limits=Limits()
        )
        assert bodies(await runs.messages("r")) == bodies(list(undisturbed.messages))
        assert outcome.answer == undisturbed.answer


async def test_a_run_whose_last_word_was_not_recorded_ends_without_another_call(tmp_path: Path) -> None:
    """The process died between the last checkpoint and the note that the run is done."""
    web = members()
    async with await Database.open(tmp_path / "s.db") as database, open_checkpointer(tmp_path / "c.db") as checkpointer:
        runs = Runs(database)
        coordinator = Coordinator(web, store=runs, checkpointer=checkpointer)
        done = await coordinator.run(TASK, spec(DEBATE), run="r")
        asked = [len(requests(member)) for member in web]
        await runs.finish_run("r", "running", None, "")
        again = await coordinator.resume(await runs.record("r"), spec(DEBATE))
    assert (again.status, again.answer, again.messages) == (done.status, done.answer, done.messages)
    assert [len(requests(member)) for member in web] == asked


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"rounds": 5}, "protocol.debate.rounds was 4 and is 5"),
        ({"members": ["ada", "ben"]}, "protocol.debate.members had 3 parts and has 2"),
        ({"members": ["ada", "cyd", "ben"]}, "protocol.debate.members[1].ask.agent was 'ben' and is 'cyd'"),
        ({"decide": "majority"}, "protocol.debate.decide was"),
        ({"decide": {"judge": {"by": "score"}}}, "protocol.debate.decide.judge.by was 'reason' and is 'score'"),
    ],
)
async def test_a_changed_protocol_is_refused_with_the_difference(
    change: dict[str, Any], difference: str, tmp_path: Path
) -> None:
    async with await Database.open(tmp_path / "s.db") as database, open_checkpointer(tmp_path / "c.db") as checkpointer:
        runs = Runs(database)
        coordinator = Coordinator(members(), store=runs, checkpointer=checkpointer)
        await coordinator.run(TASK, spec(DEBATE), run="r", limits=Limits(calls=4))
        with pytest.raises(ResumeError) as caught:
            await coordinator.resume(await runs.record("r"), spec({"debate": {**DEBATE["debate"], **change}}))
    assert difference in str(caught.value)
    assert "undo the change or start a new run" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"max_tokens": 64}, "agents.ada.sampling.max_tokens was 512 and is 64"),
        ({"pack": "instruct"}, "agents.ada.pack was 'compact' and is 'instruct'"),
    ],
)
async def test_a_changed_agent_is_refused_with_the_difference(
    options: dict[str, Any], difference: str, tmp_path: Path
) -> None:
    async with await Database.open(tmp_path / "s.db") as database:
        runs = Runs(database)
        await Coordinator(members(), store=runs).run(TASK, spec(DEBATE), run="r", limits=Limits(calls=4))
        changed = Coordinator(members(**options), store=runs)
        with pytest.raises(ResumeError) as caught:
            await changed.resume(await runs.record("r"), spec(DEBATE))
    assert difference in str(caught.value)


async def test_a_run_of_another_layout_is_refused_in_one_line(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "s.db") as database:
        runs = Runs(database)
        await Coordinator(members(), store=runs).run(TASK, spec(DEBATE), run="r", limits=Limits(calls=4))
        record = await runs.record("r")
        old = record.model_copy(update={"protocol": {**record.protocol, "layout": 1}})
        with pytest.raises(
            ResumeError, match=r"another version of AgentNet started it \(layout 1, now \d+\); start a new"
        ):
            await Coordinator(members(), store=runs).resume(old, spec(DEBATE))
        assert (await runs.record("r")).status == "stopped"


async def test_a_run_from_before_a_field_was_known_goes_on_with_its_default(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "s.db") as database, open_checkpointer(tmp_path / "c.db") as checkpointer:
        runs = Runs(database)
        coordinator = Coordinator(members(), store=runs, checkpointer=checkpointer)
        await coordinator.run(TASK, spec(DEBATE), run="r", limits=Limits(calls=4))
        record = await runs.record("r")
        plain = json.loads(json.dumps(record.protocol))
        del plain["protocol"]["debate"]["quorum_of"]
        del plain["protocol"]["debate"]["members"][0]["ask"]["format"]
        del plain["agents"]["ada"]["sampling"]["top_p"]
        checkpoints = await checkpointer.aget_tuple({"configurable": {"thread_id": "r"}})
        assert checkpoints is not None
        earlier = "0123456789abcdef"
        await checkpointer.aput(
            {"configurable": {"thread_id": "r", "checkpoint_ns": ""}},
            checkpoints.checkpoint,
            {**checkpoints.metadata, "fingerprint": earlier},
            {},
        )
        old = record.model_copy(update={"protocol": plain, "fingerprint": earlier})
        with pytest.raises(ResumeError, match=r"debate.rounds was 4 and is 5"):
            await coordinator.resume(old, spec({"debate": {**DEBATE["debate"], "rounds": 5}}))
        outcome = await coordinator.resume(old, spec(DEBATE), limits=Limits())
        messages = await runs.messages("r")
    assert outcome.status == "done"
    assert len({message.id for message in messages}) == len(messages)


async def test_an_agent_that_takes_no_part_may_change(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "s.db") as database:
        runs = Runs(database)
        await Coordinator(members(), store=runs).run(
            TASK, spec({"serial": ["ben", "cyd"]}), run="r", limits=Limits(calls=1)
        )
        changed = Coordinator(members(pack="instruct"), store=runs)
        outcome = await changed.resume(await runs.record("r"), spec({"serial": ["ben", "cyd"]}), limits=Limits())
    assert outcome.status == "done"


def members(**changed: Any) -> Network:
    """Agents for every role; `changed` are the options of the first."""
    return network(
        agent("ada", from_the_prompt, claims={"math": 0.9}, **changed),
        agent("ben", from_the_prompt, claims={"math": 0.5}),
        agent("cyd", from_the_prompt),
        agent("ver", from_the_prompt, roles=["verifier"]),
        agent("pam", from_the_prompt, roles=["planner"]),
        agent("jud", from_the_prompt, roles=["judge"], scores=weighs(A=0.2, B=0.7, C=0.1)),
    )


ZOO_DEBATE = {
    "name": "three of the zoo",
    "agents": [
        {
            "name": name,
            "model": {"path": f"zoo:{name}", "threads": 1, "reuse_prefix": False},
            "pack": "compact",
            "sampling": {"temperature": 0.8, "max_tokens": 120},
        }
        for name in ("scout", "math", "facts")
    ],
}


@pytest.mark.slow
async def test_a_debate_of_real_models_survives_ten_kills(tmp_path: Path) -> None:
    """Sampled replies, so that the same final answer means that every seed and every prompt was the same again."""
    network_file = tmp_path / "network.yaml"
    network_file.write_text(yaml.safe_dump(ZOO_DEBATE))
    debate = {"debate": {"members": ["scout", "math", "facts"], "rounds": 6, "stop": "never"}}
    task = Task(text="What is 46 * 7 - 5?", label="math")

    def job(name: str) -> Job:
        return Job(tmp_path / name, debate, task, network=str(network_file), pause=0.02)

    assert carry_out(job("undisturbed"))
    answer, status, expected = await story(job("undisturbed").folder)
    assert (status, len(expected)) == ("done", 1 + 3 * 6 + 1)
    assert len({str(message.body) for message in expected}) > 6, "the replies should differ, or the test shows nothing"

    rng = random.Random(10)
    runs = kills = 0
    while kills < 10:
        disturbed = job(f"killed-{runs}")
        runs += 1
        while not carry_out(disturbed, kill_after=rng.randint(1, len(expected)), rng=rng):
            kills += 1
        found_answer, found_status, messages = await story(disturbed.folder)
        assert (found_answer, found_status) == (answer, "done")
        assert [message.sequence for message in messages] == list(range(len(expected)))
        assert bodies(messages) == bodies(expected)
