"""A policy follows evidence, and only evidence."""

from __future__ import annotations

import numpy as np
import pytest

from agentnet.contracts.policies import ALL, Exchange
from agentnet.errors import BadInput
from agentnet.policy.learning.evidence import Row
from tests.policy.learning.made import candidates, drawn, learned, row, used

SUMS = {"ann": 0.7, "bob": 0.6, "vote": 0.7}


def test_the_default_is_the_member_that_is_proven_best() -> None:
    rows = drawn({"sums": {"bob": 0.6, "ann": 0.8, "vote": 0.8}}, 200, 0)
    assert learned(rows).default == "ann"


def test_few_lucky_answers_make_no_default() -> None:
    rows = [row("ann", f"q{n}", right=n % 10 > 0) for n in range(100)] + [row("bob", f"q{n}") for n in range(1, 4)]
    assert learned(rows).default == "ann"


def test_of_equal_members_the_cheaper_is_the_default() -> None:
    rows = [row(name, f"q{n}", tokens=cost) for n in range(50) for name, cost in (("ann", 90), ("bob", 30))]
    assert learned(rows).default == "bob"


def test_a_label_is_switched_where_another_system_is_better_for_certain() -> None:
    policy = learned(
        drawn({"sums": {"ann": 0.8, "bob": 0.6, "vote": 0.8}, "plans": {"ann": 0.2, "bob": 0.1, "vote": 0.9}}, 150, 1)
    )
    assert used(policy) == {"plans": "vote"}
    (choice,) = policy.choices
    assert 0 < choice.gain_low < choice.gain
    assert choice.instead_of == "ann"
    assert 0 < choice.items < 150  # not those that proposed it
    assert "points of accuracy over ann" in choice.why


def test_what_is_better_for_every_kind_is_used_for_every_kind() -> None:
    policy = learned(drawn({label: {"ann": 0.6, "bob": 0.5, "vote": 0.75} for label in "abcd"}, 120, 2))
    assert used(policy)[ALL] == "vote"
    assert policy.default == "ann"


def test_where_nothing_helps_the_default_is_used() -> None:
    switched = sum(
        bool(
            learned(
                drawn({label: dict.fromkeys(("ann", "bob", "vote", "fused"), 0.7) for label in "abc"}, 60, seed)
            ).choices
        )
        for seed in range(20)
    )
    assert switched == 0


def test_shuffled_labels_switch_no_label() -> None:
    rows = drawn({"sums": {"ann": 0.9, "bob": 0.5}, "plans": {"ann": 0.5, "bob": 0.9}}, 100, 3)
    assert set(used(learned(rows))) == {"plans"} or set(used(learned(rows))) == {"sums"}
    items = list(dict.fromkeys(one.item for one in rows))
    for seed in range(5):
        shuffled = dict(
            zip(items, np.random.default_rng(seed).permutation(["sums", "plans"] * 100).tolist(), strict=True)
        )
        assert (
            used(learned([Row(one.candidate, one.item, shuffled[one.item], one.item, one.score) for one in rows])) == {}
        )


@pytest.mark.parametrize("items", [1, 2, 5])
def test_thin_evidence_is_the_default_alone(items: int) -> None:
    rows = [row(name, f"q{n}", right=name == "vote") for n in range(items) for name in ("ann", "vote")]
    policy = learned(rows)
    assert policy.default == "ann"
    assert policy.choices == ()


def test_a_cheaper_system_is_used_where_its_loss_is_proven_to_be_tolerable() -> None:
    accuracies = {"sums": {"ann": 0.9, "bob": 0.6, "cascade": 0.9}}
    tokens = {"ann": 100.0, "bob": 10.0, "cascade": 40.0}
    rows = [
        one if one.candidate != "cascade" else Row("cascade", one.item, "sums", one.item, right[one.item], tokens=40)
        for rows in [drawn(accuracies, 800, 4, tokens)]
        for right in [{other.item: other.score for other in rows if other.candidate == "ann"}]
        for one in rows
    ]
    policy = learned(rows, epsilon=0.02)
    assert policy.default == "ann"
    assert used(policy) == {ALL: "cascade"}
    assert policy.choices[0].gain_low > -0.02
    assert used(learned(rows, epsilon=0.001)) == {}  # 800 questions do not prove so little
    assert used(learned(rows[:300], epsilon=0.02)) == {}  # nor 100 questions this


def test_a_cheaper_system_that_loses_more_is_not_used() -> None:
    tokens = {"ann": 100.0, "bob": 10.0}
    for seed in range(10):
        assert used(learned(drawn({"sums": {"ann": 0.9, "bob": 0.8}}, 300, seed, tokens), epsilon=0.05)) == {}


def test_a_price_on_tokens_makes_a_cheap_member_the_default() -> None:
    rows = drawn({"sums": {"ann": 0.9, "bob": 0.85}}, 200, 5, {"ann": 1000.0, "bob": 10.0})
    assert learned(rows).default == "ann"
    assert learned(rows, exchange=Exchange(token=0.2)).default == "bob"


def test_a_gain_in_price_is_no_gain_where_accuracy_is_lost() -> None:
    rows = drawn({"sums": {"ann": 0.9, "bob": 0.3, "vote": 0.7}}, 300, 6, {"ann": 300.0, "bob": 300.0, "vote": 10.0})
    priced = Exchange(token=1.0)
    assert used(learned(rows, exchange=priced)) == {}
    assert used(learned(rows, exchange=priced, epsilon=1.0)) == {ALL: "vote"}


def test_of_systems_that_are_as_good_the_cheapest_is_used() -> None:
    rows = drawn({"sums": {"ann": 0.5, "bob": 0.4}}, 200, 7)
    rows += [
        row(name, f"sums{n}", "sums", n % 10 > 0, cost)
        for n in range(200)
        for name, cost in (("big", 90), ("small", 20))
    ]
    assert used(learned(rows)) == {ALL: "small"}


def test_questions_of_one_passage_count_once() -> None:
    def evidence(cluster: int) -> list[Row]:
        return [
            Row(name, f"q{n}", "sums", f"p{n // cluster}", float(name == "vote" or n // 10 % 2))
            for n in range(100)
            for name in ("ann", "vote")
        ]

    assert used(learned(evidence(1))) == {ALL: "vote"}
    assert used(learned(evidence(10))) == {}


def test_a_policy_does_not_depend_on_the_order_of_the_candidates() -> None:
    rows = drawn({"sums": SUMS, "plans": {"ann": 0.2, "bob": 0.1, "vote": 0.9}}, 100, 8)
    one, other = (
        learned(rows),
        learned(sorted(rows, key=lambda one: (one.label != "sums", one.item, one.candidate[::-1]))),
    )
    assert (one.default, used(one)) == (other.default, used(other))


def test_evidence_says_what_every_candidate_did() -> None:
    policy = learned([row("ann", "q1"), row("ann", "q2", "plans", False), row("vote", "q1", right=False, tokens=30)])
    found = {(estimate.candidate, estimate.label): estimate for estimate in policy.estimates}
    assert found["ann", ALL].accuracy == 0.5
    assert found["ann", ALL].items == 2
    assert found["vote", "sums"].tokens == 30
    assert ("vote", "plans") not in found


def test_rows_without_a_score_teach_nothing() -> None:
    rows = [Row("ann", "q1", "sums", "q1", None), row("vote", "q1")]
    with pytest.raises(BadInput, match="no member alone has an answer with a score"):
        learned(rows)
    assert [one.name for one in candidates(["ann", "vote"]) if one.member] == ["ann"]
