"""Votes and cascades, derived from what members answered alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentnet.contracts.protocols import Ask, Cascade, Expression, Parallel, Weighted
from agentnet.evals.learning import replies_of
from agentnet.evals.loading import Suite
from agentnet.evals.session import resume, start
from agentnet.evals.suite import SuiteSpec
from agentnet.policy.learning.deriving import MOST_DERIVED, Reply, cascades, derived, members_of
from agentnet.policy.learning.evidence import Row
from agentnet.store import Database, Evaluations

ROOT = Path(__file__).parents[3]
VOTE = Parallel(branches=("ann", "bob", "cal"))
CASCADE = Cascade(steps=("ann", "bob", "cal"))


def reply(member: str, answer: str | None, right: bool = False, **more: float) -> Reply:
    return Reply(
        answer, Row(member, "q1", "sums", "q1", float(right), **{"tokens": 10, "seconds": 1, "cost": 0.5, **more})
    )


def test_a_vote_asks_all_and_the_most_frequent_answer_counts() -> None:
    said = [reply("ann", "8"), reply("bob", "7.0", right=True, seconds=3), reply("cal", "7", right=True)]
    (row,) = derived("vote", VOTE, said)
    assert (row.candidate, row.score, row.tokens, row.seconds, row.cost) == ("vote", 1.0, 30, 3, 1.5)


def test_a_cascade_stops_where_two_agree() -> None:
    said = [reply("cal", "9", right=True), reply("ann", "7"), reply("bob", "7")]
    (row,) = derived("cascade", CASCADE, said)
    assert (row.score, row.tokens, row.seconds) == (0.0, 20, 2)


def test_without_agreement_the_last_answer_counts() -> None:
    (row,) = derived("cascade", CASCADE, [reply("ann", "7"), reply("bob", "8"), reply("cal", "9", right=True)])
    assert (row.score, row.tokens) == (1.0, 30)


def test_a_member_without_an_answer_is_passed_over() -> None:
    said = [reply("ann", None), reply("bob", "8"), reply("cal", "8", right=True)]
    assert [row.score for row in derived("cascade", CASCADE, said)] == [0.0]
    assert [row.score for row in derived("vote", VOTE, [reply("ann", None), reply("bob", None), said[2]])] == [0.0]


def test_an_item_that_a_member_could_not_be_asked_is_left_out() -> None:
    failed = Reply(None, Row("cal", "q1", "sums", "q1", None))
    assert list(derived("vote", VOTE, [reply("ann", "7"), reply("bob", "7"), failed])) == []


@pytest.mark.parametrize(
    "expression",
    [
        Ask(agent="ann"),
        Parallel(branches=("ann", "bob"), decide=Weighted()),
        Parallel(branches=("ann", "ann")),
        Parallel(branches=("ann", VOTE)),
        Cascade(steps=("ann", "bob"), until="confidence"),
    ],
)
def test_what_depends_on_more_than_answers_is_not_derived(expression: Expression) -> None:
    assert members_of(expression) is None
    with pytest.raises(ValueError, match="only votes and cascades"):
        next(derived("it", expression, []))


def test_cascades_ask_cheap_members_first() -> None:
    found = dict(cascades(["ann", "bob", "cal", "dan"], {"ann": 9, "bob": 1, "cal": 5, "dan": 3}))
    assert list(found) == [
        "cascade bob, dan, cal",
        "cascade bob, dan, ann",
        "cascade bob, cal, ann",
        "cascade dan, cal, ann",
    ]
    many = [f"m{n}" for n in range(40)]
    assert len(cascades(many, dict.fromkeys(many, 1.0))) == MOST_DERIVED


async def test_derived_rows_are_what_the_coordinator_makes_of_the_same_answers() -> None:
    vote = {"parallel": {"branches": ["mixtral", "ft-6b", "gpt-4"]}}
    cascade = {"cascade": {"steps": ["mixtral", "ft-6b", "gpt-4"]}}
    spec = SuiteSpec.model_validate(
        {
            "name": "derived",
            "summary": "derived",
            "network": str(ROOT / "evals/networks/gsm8k-recorded.yaml"),
            "baselines": ["members"],
            "selection": 0,
            "datasets": [{"from": "gsm8k", "path": "test.jsonl.gz", "prompt": "{{ question }}", "items": 60}],
            "systems": [{"name": "vote", "protocol": vote}, {"name": "cascade", "protocol": cascade}],
        }
    )
    async with await Database.open(":memory:") as database:
        evaluations = Evaluations(database)
        record = await start(Suite(spec, ROOT / "evals/data/gsm8k/suite.yaml"), evaluations)
        await resume(record, evaluations)
        replies = replies_of(await evaluations.trials(record.id), await evaluations.items(record.id, "test"))
    for name in ("vote", "cascade"):
        (system,) = (system for system in record.systems if system.name == name)
        made = {reply.row.item: reply.row for reply in replies if reply.row.candidate == name}
        found = {row.item: row for row in derived(name, system.protocol.protocol, replies)}
        assert made.keys() == found.keys()
        assert len(made) == 60
        for item, row in made.items():
            assert (row.score, row.tokens, row.label) == (found[item].score, found[item].tokens, found[item].label)
            assert found[item].cost == pytest.approx(row.cost)
