"""Learning a policy from an evaluation: what is tried, with which cards, and what `auto` makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord, Item, System
from agentnet.contracts.policies import ALL
from agentnet.contracts.protocols import Auto, Fuse, ProtocolSpec
from agentnet.errors import BadInput
from agentnet.evals.grading import Grading
from agentnet.evals.learning import candidates_of, expenses, replies_of
from agentnet.evals.loading import Suite
from agentnet.evals.running import Evaluation
from agentnet.evals.selection import halved
from agentnet.evals.session import learn_from
from agentnet.evals.suite import Learning, SuiteSpec
from agentnet.evals.sweeps import system, together
from agentnet.evals.systems import systems_of
from agentnet.models.base import Request
from agentnet.session import Session
from agentnet.store import Database, Evaluations
from tests.evals.made import RIGHT, items, record, trial, usage
from tests.scripted import agent, network

GRADING = Grading("exact", "whole", "same")
WRONG = "8"


@pytest.fixture
async def evaluations(tmp_path: Path) -> AsyncIterator[Evaluations]:
    async with await Database.open(tmp_path / "evals.db") as database:
        yield Evaluations(database)


def candidate(found: System) -> System:
    return found.model_copy(update={"kind": "candidate"})


def questions(label: str, count: int, start: int = 0) -> list[Item]:
    """Items whose text names their label, so that it can be learned from the text."""
    return [
        item.model_copy(
            update={
                "id": f"{label}{n}",
                "text": f"{label} {label} {n + start}?",
                "cluster": f"{label}{n}",
                "label": label,
            }
        )
        for n, item in enumerate(items(count))
    ]


def team(*wrong_on: str) -> Session:
    """`ann` is wrong on some labels, `bob` on all others."""

    def answers(right: bool) -> str:
        return f"=> {RIGHT if right else WRONG}"

    def ann(request: Request) -> str:
        return answers(not any(label in request.messages[0]["content"] for label in wrong_on))

    def bob(request: Request) -> str:
        return answers(any(label in request.messages[0]["content"] for label in wrong_on))

    return Session(network(agent("ann", ann), agent("bob", bob)))


async def begun(
    evaluations: Evaluations, session: Session, systems: Sequence[System], selection: Sequence[Item], **suite: object
) -> EvaluationRecord:
    made = record(systems, learn={"usual": False}, baselines=["members", "best"], **suite)
    made = made.model_copy(update={"network": session.network.spec})
    await evaluations.start(made, {"test": questions("plans", 5, 500), SELECTION: list(selection)})
    return await evaluations.find(made.id)


def evaluation(made: EvaluationRecord, session: Session, evaluations: Evaluations) -> Evaluation:
    return Evaluation(made, session, evaluations, {"sums": GRADING})


async def test_auto_follows_what_the_selection_split_taught(evaluations: Evaluations) -> None:
    session = team("plans")
    auto = System(name="auto", protocol=ProtocolSpec(name="auto", summary="auto", protocol=Auto()), unlabelled=True)
    made = await begun(evaluations, session, [auto], [*questions("sums", 60), *questions("plans", 40)])
    done = await evaluation(made, session, evaluations).run()
    assert done.policy is not None
    assert done.policy.default == "ann"
    assert {choice.label: choice.use for choice in done.policy.choices} == {"plans": "bob"}
    trials = [trial for trial in await evaluations.trials(made.id) if trial.split == "test"]
    assert {trial.score for trial in trials if trial.system == "auto"} == {1.0}
    assert {trial.score for trial in trials if trial.system == "ann"} == {0.0}


async def test_candidates_are_tried_on_the_selection_split_alone(evaluations: Evaluations) -> None:
    session = team("plans")
    vote = candidate(system("vote", together(["ann", "bob"], "vote")))
    made = await begun(evaluations, session, [vote], questions("sums", 6))
    await evaluation(made, session, evaluations).run()
    splits = [trial.split for trial in await evaluations.trials(made.id) if trial.system == "vote"]
    assert splits == [SELECTION] * 6


async def test_learning_asks_nothing_of_the_test_items(evaluations: Evaluations) -> None:
    session = team("plans")
    made = await begun(evaluations, session, [], questions("sums", 6))
    policy = await evaluation(made, session, evaluations).learn()
    assert policy.default == "ann"
    assert policy.analyzer is None  # one label: there is nothing to tell apart
    assert {trial.split for trial in await evaluations.trials(made.id)} == {SELECTION}
    again = await evaluation(await evaluations.find(made.id), session, evaluations).learn()
    assert again == policy


async def test_without_selection_items_nothing_is_learned(evaluations: Evaluations) -> None:
    session = team()
    made = await begun(evaluations, session, [], [])
    with pytest.raises(BadInput, match="set `selection` to more than 0"):
        await evaluation(made, session, evaluations).learn()


async def test_candidates_see_cards_that_do_not_know_their_questions(evaluations: Evaluations) -> None:
    """On each half, the card says what the other half measured: here, the opposite."""
    selection = questions("sums", 40)
    first, second = halved(selection)
    of_first = {item.text for item in first}

    def knows(half: bool) -> object:
        return lambda request: (
            f"=> {RIGHT if (request.messages[0]['content'].splitlines()[0] in of_first) == half else WRONG}"
        )

    session = Session(network(agent("ann", knows(True)), agent("bob", knows(False))))
    weighted = candidate(system("weighted", together(["ann", "bob"], "weighted")))
    made = await begun(evaluations, session, [weighted], selection)
    await evaluation(made, session, evaluations).learn()
    scores = [trial.score for trial in await evaluations.trials(made.id) if trial.system == "weighted"]
    assert scores == [0.0] * len(selection)
    assert len(first) == len(second)


async def test_usual_candidates_that_the_network_cannot_do_are_left_out(evaluations: Evaluations) -> None:
    session = team("plans")
    cannot = candidate(system("together", Fuse(members=("ann", "bob"), level="bytes"), usual=True))
    made = await begun(evaluations, session, [cannot], questions("sums", 6))
    policy = await evaluation(made, session, evaluations).learn()
    assert [one.name for one in policy.candidates] == ["ann", "bob"]


async def test_an_own_candidate_that_the_network_cannot_do_is_refused(evaluations: Evaluations) -> None:
    session = team("plans")
    cannot = candidate(system("together", Fuse(members=("ann", "bob"), level="bytes")))
    made = await begun(evaluations, session, [cannot], questions("sums", 6))
    with pytest.raises(BadInput):
        await evaluation(made, session, evaluations).learn()


async def test_a_stored_evaluation_teaches_by_both_splits(evaluations: Evaluations) -> None:
    session = team("plans")
    made = await begun(evaluations, session, [], questions("sums", 6))
    await evaluation(made, session, evaluations).run()
    policy = await learn_from(made.id, evaluations, Learning())
    estimates = {(one.candidate, one.label): one.items for one in policy.estimates}
    assert estimates["ann", ALL] == 11
    assert policy.analyzer is not None


def test_halves_share_no_cluster_and_no_label_is_missing() -> None:
    mixed = [item.model_copy(update={"cluster": f"p{n // 3}"}) for n, item in enumerate(items(30))]
    one, other = halved([*mixed, *questions("plans", 10)])
    assert not {item.cluster for item in one} & {item.cluster for item in other}
    assert {item.label for item in one} == {item.label for item in other} == {"sums", "plans"}


def test_trials_without_an_item_are_no_evidence() -> None:
    rows = [reply.row for reply in replies_of([trial("ann", "i0"), trial("ann", "elsewhere")], items(1))]
    assert [(row.candidate, row.item, row.score, row.tokens) for row in rows] == [("ann", "sums/i0", 1.0, 10)]


def test_auto_is_no_candidate_of_its_own_policy() -> None:
    auto = System(name="auto", protocol=ProtocolSpec(name="auto", summary="auto", protocol=Auto()))
    made = record([auto, system("vote", together(["ann", "bob"], "vote"))])
    assert [(one.name, one.member) for one in candidates_of(made)] == [("ann", True), ("bob", True), ("vote", False)]


def test_a_suite_that_only_learns_tries_its_systems_as_candidates(tmp_path: Path) -> None:
    spec = SuiteSpec.model_validate(
        {
            "name": "own",
            "summary": "own",
            "network": "zoo",
            "datasets": [{"from": "zoo", "family": "math", "items": 1}],
            "systems": ["auto", {"name": "checked", "protocol": {"verify": {"proposer": "scout"}}}],
        }
    )
    suite = Suite(spec, tmp_path / "own.yaml").learning(epsilon=0.2, delta=None)
    assert suite.spec.learn is not None
    assert (suite.spec.learn.epsilon, suite.spec.learn.delta) == (0.2, 0.1)
    from agentnet.network import find_network

    kinds = {one.name: one.kind for one in systems_of(suite.spec, find_network("zoo")[0], tmp_path)}
    assert kinds["checked"] == "candidate"
    assert kinds["sage"] == "member"
    assert "auto" not in kinds
    assert kinds["generalists together, by bytes"] == "candidate"


def test_what_an_answer_takes_is_money_or_tokens() -> None:
    rows = [reply.row for reply in replies_of([trial("ann", "i0"), trial("bob", "i0", usage=usage(30))], items(1))]
    assert expenses(rows) == {"ann": 10, "bob": 30}
    assert expenses([*rows, replace(rows[0], candidate="cal", cost=0.5)]) == {"ann": 0, "bob": 0, "cal": 0.5}
