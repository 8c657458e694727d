"""Repeated learning on recorded answers."""

from __future__ import annotations

from pathlib import Path

from agentnet.policy.learning.deriving import Reply
from benchmarks.learning import Recorded, copies, recorded, tried, used
from benchmarks.learning_report import Frontier, drawn, written
from tests.policy.learning.made import drawn as evidence
from tests.policy.learning.made import learned

ANSWERS = {label: {"ann": 0.85, "bob": 0.6, "cal": 0.6} for label in ("sums", "plans")}


def made() -> Recorded:
    rows = evidence(ANSWERS, 150, 0, {"ann": 50.0, "bob": 10.0, "cal": 20.0})
    return recorded([Reply(f"{row.score}", row) for row in rows], (), ["ann", "bob", "cal"])


def test_votes_and_cascades_are_tried_beside_members() -> None:
    names = [candidate.name for candidate in made().candidates]
    assert names == ["ann", "bob", "cal", "vote of ann, bob, cal", "cascade bob, cal, ann"]


def test_a_round_looks_at_questions_that_it_did_not_learn_from() -> None:
    round = tried(made(), 100, 0)
    assert round.questions == 200
    assert round.default == round.best == "ann"


def test_copies_of_one_member_are_that_member() -> None:
    round = tried(copies(made(), "bob"), 100, 1)
    assert round.gain == 0
    assert round.expense == 1


def test_a_question_of_a_label_without_a_choice_gets_the_default() -> None:
    policy = learned(evidence({"sums": {"ann": 0.9, "vote": 0.9}, "plans": {"ann": 0.1, "vote": 0.9}}, 100, 0))
    assert [used(policy, label) for label in ("sums", "plans", "else")] == ["ann", "vote", "ann"]


def test_the_report_has_every_round_and_the_frontier(tmp_path: Path) -> None:
    frontier = [Frontier(epsilon, (tried(made(), 100, 0, epsilon=epsilon),)) for epsilon in (0.01, 0.1)]
    written("made", "splits", 100, 5, {"splits": frontier}, tmp_path)
    report = (tmp_path / "report.md").read_text()
    assert "| 1 points | +0.00" in report
    assert "tolerated loss 1 points:" in report
    assert (tmp_path / "frontier.svg").read_text() == drawn(frontier)
