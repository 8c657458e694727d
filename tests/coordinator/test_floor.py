"""A protocol's floor: tasks of a label that its agents were measured not to know are refused, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentnet.agents import Agent
from agentnet.contracts.bodies import Task
from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.coordinator import Coordinator, Outcome
from agentnet.network import Network
from agentnet.store import Database, Runs
from tests.scripted import agent, choice, kinds, network, plan, requests, says, spec, verdict

LAW = Task(text="Who is liable?", label="law")


def measured(member: Agent, claims: Mapping[str, float] | None = None, **accuracy: float) -> Agent:
    """An agent with a card that has some measurements."""
    found = {label: Measured(accuracy=share, items=200) for label, share in accuracy.items()}
    card = Card(roles=member.card.roles, claims=dict(claims or {}), measured=found)
    return replace(member, card=card)


def floored(protocol: Any, floor: float = 0.1) -> ProtocolSpec:
    return spec(protocol).model_copy(update={"floor": floor})


def web() -> list[Agent]:
    """Two solvers, of which the better one is right on 6 % of law, and their helpers."""
    return [
        measured(agent("ada", says("=> she")), law=0.06, math=0.9),
        measured(agent("ben", says("=> he")), law=0.01, math=0.2),
        agent("ver", says(verdict("approve")), roles=["verifier"]),
        agent("jim", says(choice("A")), roles=["judge"]),
        agent("pam", says(plan(("math", "1 + 1?"))), roles=["planner"]),
    ]


async def asked(protocol: Any, task: Task = LAW, members: list[Agent] | None = None, floor: float = 0.1) -> Outcome:
    return await Coordinator(network(*(members or web()))).run(task, floored(protocol, floor))


@pytest.mark.parametrize(
    "protocol",
    [
        "@solver",
        "@best",
        {"parallel": ["@solver"]},
        {"parallel": {"branches": ["@solver"], "decide": "judge"}},
        {"serial": ["ben", "ada"]},
        {"debate": ["@solver"]},
        {"cascade": ["@solver"]},
        {"best": {}},
        {"verify": {"proposer": {"parallel": ["@solver"]}}},
        {"serial": [{"ask": {"agent": "@best", "role": "solve"}}, {"ask": {"agent": "@best", "role": "review"}}]},
    ],
)
async def test_a_task_that_its_agents_were_measured_not_to_know_is_refused(protocol: Any) -> None:
    members = web()
    outcome = await asked(protocol, members=members)
    assert outcome.status == "failed"
    assert outcome.detail == (
        "tested does not suit this task: its best agent at law, ada, was right on 6 % of 200 such tasks; "
        "use a protocol that splits tasks, such as delegation"
    )
    assert outcome.usage.calls == 0
    assert not any(requests(member) for member in members)
    assert kinds(outcome.messages) == ["task"]


@pytest.mark.parametrize("task", [Task(text="Who is liable?"), Task(text="2 + 2?", label="math")])
async def test_without_a_label_or_with_one_that_an_agent_knows_it_is_carried_out(task: Task) -> None:
    assert (await asked({"parallel": ["@solver"]}, task)).status == "done"


async def test_without_a_floor_it_is_carried_out() -> None:
    assert (await asked({"parallel": ["@solver"]}, floor=0)).answer == "she"


async def test_what_was_not_measured_may_be_known() -> None:
    unknown = measured(agent("cyd", says("=> it")), claims={"law": 0.01})
    assert (await asked({"parallel": ["@solver"]}, members=[*web(), unknown])).status == "done"


async def test_a_newcomer_on_probation_is_not_asked_and_the_refusal_says_how_it_gets_to_be() -> None:
    cyd = measured(agent("cyd", says("=> it")), claims={"law": 1.0})
    members = [*web(), cyd]
    joined = Network(network(*members).spec, members, joined=frozenset({"cyd"}), probation=frozenset({"cyd"}))
    for protocol in ("@best", {"parallel": ["@solver"]}):
        outcome = await Coordinator(joined).run(LAW, floored(protocol))
        assert outcome.detail.endswith(
            "use a protocol that splits tasks, such as delegation, or have cyd measured (`agentnet measure`): "
            "on probation, and not asked"
        )
    assert (await Coordinator(joined).run(LAW, floored("cyd"))).answer == "it"
    assert (await Coordinator(joined.with_probation(())).run(LAW, floored({"parallel": ["@solver"]}))).status == "done"


async def test_a_planner_may_make_other_tasks_of_it() -> None:
    assert (await asked({"delegate": {}})).answer == "she"


async def test_a_refusal_is_remembered_as_the_end_of_the_run(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "runs.db") as database:
        await Coordinator(network(*web()), store=Runs(database)).run(LAW, floored("@solver"), run="r")
        record = await Runs(database).record("r")
        assert record.status == "failed"
        assert record.detail.startswith("tested does not suit this task: its best agent at law, ada")
