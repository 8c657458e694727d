"""From trials to rows: what is counted, what is paired, and what is left out."""

from __future__ import annotations

import pytest

from agentnet.contracts.evaluations import SELECTION
from agentnet.evals.report.headline import headline
from agentnet.evals.summary import summarise
from agentnet.evals.sweeps import system, together
from agentnet.evals.systems import BEST, SAMPLES
from agentnet.evals.tables import ALL
from tests.evals.made import RIGHT, items, record, trial, usage

WRONG = "8"
VOTE = system("vote", together(["ann", "bob"], "vote"))


def answered(name: str, answers: str, **more: object) -> list[object]:
    """A trial for each letter: r(ight), w(rong), - (no answer), x (a model could not be asked)."""
    found = []
    for place, letter in enumerate(answers):
        made = trial(name, f"i{place}", {"r": RIGHT, "w": WRONG}.get(letter))
        lost = {"status": "error", "score": None} if letter == "x" else {}
        found.append(made.model_copy(update=lost | more))
    return found


def test_the_best_member_in_advance_is_not_the_best_after_the_fact() -> None:
    trials = [*answered("ann", "rrww"), *answered("bob", "rrrr"), *answered("vote", "rrrw")]
    summary = summarise(record([VOTE]), trials, items(4))
    assert summary.chosen == {"sums": "ann"}
    assert [row.system for row in summary.rows] == [BEST, "ann", "bob", "vote"]
    best, vote = summary.row("sums", BEST), summary.row("sums", "vote")
    assert best.accuracy.estimate == 0.5
    (against,) = vote.comparisons
    assert against.baseline == BEST
    assert against.gain.estimate == pytest.approx(0.25)


def test_without_an_answer_an_item_is_wrong_and_without_a_model_it_is_not_counted() -> None:
    trials = [*answered("ann", "rrrr"), *answered("vote", "r-xr")]
    vote = summarise(record([VOTE]), trials, items(4)).row("sums", "vote")
    assert (vote.trials, vote.failures, vote.items) == (4, 1, 3)
    assert vote.accuracy.estimate == pytest.approx(2 / 3)
    assert vote.answered == pytest.approx(2 / 3)
    (against,) = vote.comparisons
    assert against.gain.estimate == pytest.approx(-1 / 3)  # on the three items that both have


def test_equal_budget_baselines_take_about_the_tokens_of_the_system() -> None:
    drawn = [
        trial(SAMPLES, f"i{place}", WRONG, *(("ann", 0, answer) for answer in (WRONG, RIGHT, RIGHT, WRONG, WRONG)))
        for place in range(2)
    ]
    pool = system(SAMPLES, together(["ann", "bob"], "vote")).model_copy(
        update={"kind": "samples", "datasets": ("sums",)}
    )
    trials = [*answered("ann", "ww"), *answered("bob", "ww"), *answered("vote", "ww", usage=usage(31)), *drawn]
    summary = summarise(record([VOTE, pool]), trials, items(2))
    baseline = summary.row("sums", f"{SAMPLES} ×3")
    assert baseline.accuracy.estimate == 1.0
    assert baseline.prompt_tokens + baseline.completion_tokens == 30
    vote = summary.row("sums", "vote")
    assert [against.baseline for against in vote.comparisons] == [BEST, f"{SAMPLES} ×3"]
    assert vote.comparisons[1].tokens == pytest.approx(30 / 31)


def test_a_rows_over_everything_needs_every_dataset() -> None:
    made = record(
        [VOTE.model_copy(update={"datasets": ("sums",)})],
        datasets=[{"from": "zoo", "family": "math", "name": name, "items": 1} for name in ("sums", "riddles")],
    )
    more = [one.model_copy(update={"dataset": "riddles"}) for one in answered("ann", "ww")]
    asked = [*items(2), *items(2, "riddles", "riddles")]
    summary = summarise(made, [*answered("ann", "rr"), *more, *answered("vote", "rr")], asked)
    assert summary.row(ALL, "ann").accuracy.estimate == 0.5
    assert summary.row(ALL, "vote") is None
    assert summary.grid["ann"] == (1.0, 1.0, 0.0, 0.0)


def test_p_values_are_corrected_for_the_number_of_comparisons() -> None:
    many = [VOTE, *(VOTE.model_copy(update={"name": f"vote {n}"}) for n in range(4))]
    trials = [*answered("ann", "w" * 12)]
    for one in many:
        trials += answered(one.name, "r" * 8 + "w" * 4)
    summary = summarise(record(many), trials, items(12))
    against = summary.row("sums", "vote").comparisons[0]
    assert against.p == pytest.approx(2 / 2**8)
    assert against.corrected_p == pytest.approx(5 * against.p)


def test_epochs_of_one_item_are_one_item() -> None:
    trials = [*answered("ann", "rw"), *answered("ann", "rr", epoch=1)]
    row = summarise(record(), trials, items(2)).row("sums", "ann")
    assert (row.items, row.trials) == (2, 4)
    assert row.accuracy.estimate == 0.75
    assert summarise(record(), trials, items(2)).grid["ann"] == (1.0, 0.5)


def test_the_path_to_fix_in_advance_is_the_best_on_the_selection_split() -> None:
    paths = [system(f"serial {n}", together(["ann", "bob"], "vote"), group="serial", path=[str(n)]) for n in range(3)]
    trials = [*answered("ann", "rr")]
    for place, selected in enumerate(("wr", "rr", "ww")):
        trials += answered(f"serial {place}", selected, split=SELECTION)
    for place, tested in enumerate(("rr", "ww", "rw")):
        trials += answered(f"serial {place}", tested)
    assert summarise(record(paths), trials, items(2)).fixed == {"sums": {"serial": "serial 1"}}


def test_a_system_that_could_never_be_asked_is_told_of_though_it_has_no_row() -> None:
    lost = [trial("ann", f"i{place}", None, status="error", score=None, detail="no key") for place in range(2)]
    summary = summarise(record([VOTE]), [*lost, *answered("bob", "rr"), *answered("vote", "rr")], items(2))
    assert summary.row("sums", "ann") is None
    (ann,) = summary.incomplete
    assert (ann.system, ann.failures, ann.trials) == ("ann", 2, 2)
    said = headline(summary)
    assert "2 trials have no score, because a model could not be asked; they are left out." in said
    assert "ann could not be asked at all and is in no table: no key" in said


def test_a_vote_without_one_of_its_members_is_scored_and_told_of() -> None:
    votes = [*answered("vote", "r"), trial("vote", "i1", missing=("bob",))]
    summary = summarise(record([VOTE]), [*answered("ann", "rr"), *votes], items(2))
    assert summary.row("sums", "vote").failures == 0
    assert summary.as_json()["incomplete"][0]["missing"] == ("bob",)
    assert "Scored without bob, which could not be asked or dropped out: vote on 1 of 2 trials." in headline(summary)
