"""Running an evaluation: nothing is done twice, nothing is lost, and nothing is scored that was not answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord, Trial
from agentnet.contracts.network import NetworkSpec
from agentnet.errors import BadInput, ModelUnavailable, NetworkError, PreflightError, StoreError
from agentnet.evals.grading import Grading
from agentnet.evals.jobs import Progress
from agentnet.evals.running import Evaluation
from agentnet.evals.sweeps import system, together
from agentnet.evals.systems import CORRECTIONS, SAMPLES
from agentnet.models.base import Request
from agentnet.network import Members, Registry
from agentnet.session import Session
from agentnet.store import Database, Evaluations
from tests.evals.made import RIGHT, items, record
from tests.scripted import agent, network

VOTE = system("vote", together(["ann", "bob"], "vote"))
GRADING = Grading("exact", "whole", "same")


@pytest.fixture
async def evaluations(tmp_path: Path) -> AsyncIterator[Evaluations]:
    async with await Database.open(tmp_path / "evals.db") as database:
        yield Evaluations(database)


class Team:
    """Two scripted members; what each says to an item, and how often it was asked."""

    def __init__(self, ann: Any = None, bob: Any = None) -> None:
        self.asked: list[tuple[str, str]] = []
        scripts = {"ann": ann or (lambda _: RIGHT), "bob": bob or (lambda _: "8")}
        self.network = network(*(agent(name, self._counting(name, script)) for name, script in scripts.items()))

    def _counting(self, name: str, script: Any) -> Any:
        async def reply(request: Request) -> str:
            question = request.messages[0]["content"].splitlines()[0]
            self.asked.append((name, question))
            answer = script(question)
            return f"=> {answer}" if answer else ""

        return reply


async def run(evaluations: Evaluations, made: EvaluationRecord, team: Members, **more: Any) -> list[Trial]:
    made = made.model_copy(update={"network": team.snapshot().spec})
    if made.id not in [one.id for one in await evaluations.latest()]:
        await evaluations.start(made, {"test": items(4), SELECTION: more.pop("selection", [])})
    made = await evaluations.find(made.id)
    await Evaluation(made, Session(team), evaluations, {"sums": GRADING}, **more).run()
    return await evaluations.trials(made.id)


async def test_every_system_gets_every_item_and_the_best_member_the_same_budget(evaluations: Evaluations) -> None:
    team = Team()
    seen: list[Progress] = []
    trials = await run(evaluations, record([VOTE]), team.network, on_progress=seen.append)
    by_system = {name: [t for t in trials if t.system == name] for name in {t.system for t in trials}}
    assert {name: len(some) for name, some in by_system.items()} == dict.fromkeys(
        ("ann", "bob", "vote", SAMPLES, CORRECTIONS), 4
    )
    assert {t.score for t in by_system["ann"]} == {1.0}
    assert {t.score for t in by_system["bob"]} == {0.0}
    assert all(len(t.said) == 2 and {one.agent for one in t.said} == {"ann"} for t in by_system[SAMPLES])
    assert [one.score for one in by_system["vote"][0].said] == [1.0, 0.0]
    assert (await evaluations.find("e1")).status == "done"
    assert seen[-1].done == seen[-1].total == 8


async def test_what_is_there_is_not_asked_again(evaluations: Evaluations) -> None:
    team = Team()
    first = await run(evaluations, record([VOTE]), team.network)
    asked = len(team.asked)
    assert await run(evaluations, record([VOTE]), team.network) == first
    assert len(team.asked) == asked


async def test_a_model_that_cannot_be_reached_is_tried_again_and_then_not_scored(
    evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.evals.running.PAUSE", 0.001)
    down = {"2?": 99, "1?": 1}

    def shaky(question: str) -> str:
        if down.get(question, 0):
            down[question] -= 1
            raise ModelUnavailable("the server is down")
        return RIGHT

    team = Team(ann=shaky)
    trials = await run(evaluations, record(members=["ann"]), team.network)
    assert {t.item: t.status for t in trials} == {"i0": "done", "i1": "done", "i2": "error", "i3": "done"}
    lost = next(t for t in trials if t.item == "i2")
    assert (lost.score, lost.answer) == (None, None)
    assert "the server is down" in lost.detail
    assert team.asked.count(("ann", "2?")) == 3
    down.clear()
    trials = await run(evaluations, record(members=["ann"]), team.network)
    assert {t.status for t in trials} == {"done"}
    assert len(trials) == 4


async def test_a_reply_that_is_no_answer_is_wrong_and_not_tried_again(evaluations: Evaluations) -> None:
    team = Team(ann=lambda question: "" if question == "1?" else RIGHT)
    trials = await run(evaluations, record(members=["ann"]), team.network)
    assert {t.item: (t.status, t.score) for t in trials if t.item in ("i0", "i1")} == {
        "i0": ("done", 1.0),
        "i1": ("failed", 0.0),
    }
    assert team.asked.count(("ann", "1?")) == 1


async def test_the_best_member_is_chosen_on_the_selection_split_alone(evaluations: Evaluations) -> None:
    def only_later(question: str) -> str:
        return RIGHT if question.startswith("c") else "8"

    selection = [item.model_copy(update={"id": f"c{n}", "text": f"c{n}?"}) for n, item in enumerate(items(3))]
    team = Team(bob=only_later, ann=lambda question: "8" if question.startswith("c") else RIGHT)
    await run(evaluations, record([VOTE]), team.network, selection=selection)
    made = await evaluations.find("e1")
    assert {name: labels["sums"].accuracy for name, labels in made.measured.items()} == {"ann": 0.0, "bob": 1.0}
    trials = await evaluations.trials("e1")
    repeated = [t for t in trials if t.system == SAMPLES]
    assert repeated
    assert {one.agent for t in repeated for one in t.said} == {"bob"}


async def test_members_that_the_suite_does_not_show_are_not_asked_but_for_the_best(evaluations: Evaluations) -> None:
    team = Team()
    trials = await run(evaluations, record([VOTE], baselines=["best"]), team.network)
    assert {t.system for t in trials} == {"ann", "vote"}


async def test_a_system_that_cannot_run_is_refused_before_anything_is_asked(evaluations: Evaluations) -> None:
    team = Team()
    fused = system("fused", together(["ann", "bob"], "pi"))
    with pytest.raises(PreflightError, match="does not show its next tokens"):
        await run(evaluations, record([fused]), team.network)
    assert team.asked == []


async def test_a_judge_that_is_no_member_is_refused_before_anything_is_asked(evaluations: Evaluations) -> None:
    team = Team()
    made = record(members=["ann"]).model_copy(update={"network": team.network.spec})
    await evaluations.start(made, {"test": items(2)})
    judged = {"sums": Grading("judged", "whole", "same", judge="eve")}
    with pytest.raises(NetworkError, match="no agent 'eve'"):
        await Evaluation(made, Session(team.network), evaluations, judged).run()
    assert team.asked == []


async def test_a_change_of_a_stranger_is_refused_before_anything_is_asked(evaluations: Evaluations) -> None:
    team = Team()
    made = record([VOTE], living={"changes": [{"at": 0.5, "leaves": "eve"}]}, selection=4)
    with pytest.raises(NetworkError, match="no agent 'eve'"):
        await run(evaluations, made, team.network, selection=items(4))
    assert team.asked == []


async def test_epochs_have_seeds_of_their_own_and_systems_share_them(evaluations: Evaluations) -> None:
    seeds: dict[str, set[int]] = {"ann": set(), "bob": set()}

    def noting(name: str) -> Any:
        async def reply(request: Request) -> str:
            seeds[name].add(request.sampling.seed)
            return RIGHT

        return reply

    team = network(agent("ann", noting("ann")), agent("bob", noting("bob")))
    trials = await run(evaluations, record(epochs=3, baselines=["members"]), team)
    assert sorted({t.epoch for t in trials}) == [0, 1, 2]
    assert len(seeds["ann"]) == 4 * 3


async def test_an_evaluation_is_found_by_the_beginning_of_its_id(evaluations: Evaluations) -> None:
    made = record()
    for id in ("ab1", "ab2", "cd"):
        await evaluations.start(made.model_copy(update={"id": id}), {})
    assert (await evaluations.find("c")).id == "cd"
    with pytest.raises(BadInput, match="several evaluations"):
        await evaluations.find("ab")
    with pytest.raises(BadInput, match="no evaluation"):
        await evaluations.find("x")
    with pytest.raises(BadInput, match="there is an evaluation cd already"):
        await evaluations.start(made.model_copy(update={"id": "cd"}), {})


async def test_who_is_missing_from_an_answer_is_remembered(
    evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.evals.running.PAUSE", 0.001)

    def down(_: str) -> str:
        raise ModelUnavailable("the server is down")

    trials = await run(evaluations, record([VOTE], baselines=["best"]), Team(bob=down).network)
    assert {(t.system, t.score, t.missing) for t in trials} == {("ann", 1.0, ()), ("vote", 1.0, ("bob",))}


async def test_a_baseline_that_cannot_be_asked_is_refused_before_anything_is_asked(
    evaluations: Evaluations, tmp_path: Path
) -> None:
    (tmp_path / "said.jsonl").write_text('{"question": "0?", "a": "7"}\n')
    spec = NetworkSpec.model_validate(
        {
            "name": "recorded",
            "agents": [
                {"name": name, "model": {"replay": "said.jsonl", "reply": "a"}, "pack": "recorded"}
                for name in ("ann", "bob")
            ],
        }
    )
    async with Registry.open(spec, tmp_path) as recorded:
        with pytest.raises(BadInput, match=r"the baseline self-correction: .*`baselines: \[members, best\]`"):
            await run(
                evaluations, record([VOTE], baselines=["members", "best", "self-correction"]), recorded.snapshot()
            )
    assert await evaluations.trials("e1") == []


async def test_a_store_that_fails_is_told_as_it_is(evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(evaluations, "record_trial", full)
    with pytest.raises(StoreError, match="the disk is full"):
        await run(evaluations, record([VOTE]), Team().network)
