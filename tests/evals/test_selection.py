"""The selection split: what it measures is on every card, and what was stored under its former name is still read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord
from agentnet.evals.selection import best_members, cards_with, measured_members
from agentnet.evals.statistics import share
from agentnet.evals.suite import SuiteSpec
from agentnet.store import Database, Evaluations
from tests.evals.made import items, record, trial

SUITE = {"name": "old", "summary": "old", "datasets": [{"from": "zoo", "family": "math", "items": 1}]}


def test_members_are_measured_with_interval_seed_and_latency() -> None:
    made = record(seed=3)
    trials = [trial("ann", f"i{n}", "7" if n else "8", split=SELECTION, seconds=float(n)) for n in range(5)]
    trials += [trial("bob", "i0", None, split=SELECTION, score=None, status="error")]
    found = measured_members(made, trials, items(5), ["ann", "bob"])
    assert set(found) == {"ann"}  # bob was never asked: nothing is known of it
    ann = found["ann"]["sums"]
    assert (ann.accuracy, ann.items, ann.seed, ann.seconds) == (0.8, 5, 3, 2.0)
    assert ann.interval == pytest.approx((share(4, 5).low, share(4, 5).high))
    assert (ann.suite, ann.measured_at) == ("selection split of made", made.created)


def test_questions_on_one_passage_make_the_interval_wider() -> None:
    trials = [trial("ann", f"i{n}", "7" if n % 2 else "8", split=SELECTION) for n in range(8)]
    apart = measured_members(record(), trials, items(8), ["ann"])["ann"]["sums"]
    passages = [item.model_copy(update={"cluster": f"p{n % 2}"}) for n, item in enumerate(items(8))]
    together = measured_members(record(), trials, passages, ["ann"])["ann"]["sums"]
    assert apart.interval is not None
    assert together.interval is not None
    assert together.interval[0] < apart.interval[0] < apart.interval[1] < together.interval[1]


def test_what_was_measured_decides_who_is_best() -> None:
    trials = [trial("ann", "i0", "8", split=SELECTION), trial("bob", "i0", "7", split=SELECTION)]
    made = record()
    assert best_members(made, ["sums"]) == {"sums": "ann"}  # nothing is known: the first listed
    measured = measured_members(made, trials, items(1), ["ann", "bob"])
    assert best_members(made.model_copy(update={"measured": measured}), ["sums"]) == {"sums": "bob"}
    assert cards_with(made.network, measured)["bob"].measured["sums"].accuracy == 1.0


def test_a_suite_may_use_the_former_name_of_the_split() -> None:
    assert SuiteSpec.model_validate({**SUITE, "calibration": 7}).selection == 7
    assert SuiteSpec.model_validate({**SUITE, "selection": 7}).selection == 7


async def test_an_evaluation_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    made = record(selection=4)
    stored = json.loads(made.model_dump_json())
    stored["suite"]["calibration"] = stored["suite"].pop("selection")
    stored["measured"] = {"ann": {"sums": {"accuracy": 0.5, "items": 4, "suite": "calibration split"}}}
    old = EvaluationRecord.model_validate_json(json.dumps(stored))
    async with await Database.open(tmp_path / "evals.db") as database:
        evaluations = Evaluations(database)
        await evaluations.start(old, {"calibration": items(1), "test": items(2)})
        again = await evaluations.find(old.id)
        assert SuiteSpec.model_validate(again.suite).selection == 4
        assert again.measured["ann"]["sums"].accuracy == 0.5
        assert await evaluations.items(old.id, SELECTION) == items(1)
