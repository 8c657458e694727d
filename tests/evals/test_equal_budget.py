"""The best member asked again and again: its first k answers are what a budget of k buys."""

from __future__ import annotations

from agentnet.evals.equal_budget import affordable, repetitions, truncated
from agentnet.evals.sweeps import system, together
from agentnet.evals.systems import CORRECTIONS, SAMPLES
from tests.evals.made import RIGHT, items, trial, usage

WRONG = "8"


def pool(name: str, *answers: str | None) -> object:
    return trial(name, "i0", answers[-1], *(("ann", 0, answer) for answer in answers))


def test_samples_are_decided_by_the_majority_of_the_first_few() -> None:
    drawn = pool(SAMPLES, WRONG, RIGHT, RIGHT, WRONG, WRONG)
    assert [truncated(drawn, k).score for k in range(1, 6)] == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert [truncated(drawn, k).usage.tokens for k in (1, 3)] == [10, 30]
    assert truncated(drawn, 3).usage.calls == 3


def test_of_corrections_the_last_answer_stands() -> None:
    revised = pool(CORRECTIONS, WRONG, RIGHT, WRONG)
    assert [truncated(revised, k).score for k in (1, 2, 3)] == [0.0, 1.0, 0.0]


def test_a_failed_turn_is_passed_over_and_paid_for() -> None:
    assert truncated(pool(CORRECTIONS, RIGHT, None), 2).score == 1.0
    assert truncated(pool(CORRECTIONS, RIGHT, None), 2).usage.tokens == 20
    lost = truncated(pool(SAMPLES, None, RIGHT), 1)
    assert (lost.answer, lost.score) == (None, 0.0)


def test_a_trial_that_could_not_be_made_is_no_wrong_answer_and_costs_nothing() -> None:
    lost = trial(SAMPLES, "i1", None, status="error", score=None, usage=usage(0, 0), messages=0)
    assert truncated(lost, 2).score is None
    assert affordable(30, [pool(SAMPLES, *(RIGHT,) * 8), lost, lost]) == 3


def test_a_budget_buys_the_number_of_answers_that_comes_closest() -> None:
    trials = [pool(SAMPLES, *(RIGHT,) * 8)]
    assert [affordable(tokens, trials) for tokens in (1, 10, 14, 16, 44, 1000)] == [1, 1, 1, 2, 4, 8]


def test_the_dearest_system_decides_how_often_the_best_member_is_asked() -> None:
    vote = system("vote", together(["ann", "bob"], "vote"))
    best = {"sums": "ann"}
    asked = items(2)
    trials = [
        *(trial("ann", item.id, usage=usage(10)) for item in asked),
        *(trial("bob", item.id, usage=usage(100)) for item in asked),
        *(trial("vote", item.id, usage=usage(52)) for item in asked),
    ]
    assert repetitions([vote], best, asked, trials, most=8) == 5
    assert repetitions([vote], best, asked, trials, most=3) == 3
    assert repetitions([], best, asked, trials, most=8) == 1
