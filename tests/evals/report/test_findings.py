"""What a report says in numbers, on summaries whose truth is known."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts.evaluations import SELECTION, Standings
from agentnet.evals.living import arrivals
from agentnet.evals.mutual import expected_grades
from agentnet.evals.report.findings import (
    comparison_with,
    complementarity,
    decided_on,
    frontier,
    hops,
    online,
    overview,
    pairs,
    paths,
    rounds,
    verdict,
)
from agentnet.evals.report.headline import headline
from agentnet.evals.report.living import changes_of, courses, over_time, profiles_over_time, standings_table
from agentnet.evals.results import Summary
from agentnet.evals.statistics import Interval
from agentnet.evals.suite import Sweep
from agentnet.evals.summary import summarise
from agentnet.evals.sweeps import swept, system
from agentnet.evals.sweeps import together as decided
from agentnet.evals.systems import BEST
from tests.evals.made import items, record, trial, usage

VOTE = system("vote", decided(["ann", "bob"], "vote"))


def answered(name: str, answers: str, tokens: int = 10, **more: object) -> list[object]:
    """A trial for each letter: r(ight) or w(rong)."""
    made = [trial(name, f"i{place}", "7" if letter == "r" else "8") for place, letter in enumerate(answers)]
    return [one.model_copy(update={"usage": usage(tokens), **more}) for one in made]


def summary(systems: dict[str, tuple[str, int]], best: str) -> Summary:
    made = record([VOTE.model_copy(update={"name": name}) for name in systems])
    trials = answered("ann", best)
    for name, (answers, tokens) in systems.items():
        trials += answered(name, answers, tokens)
    return summarise(made, trials, items(len(best)))


def test_the_headline_counts_only_what_survives_the_correction() -> None:
    systems = {"good": ("r" * 20, 30), "lucky": ("r" * 12 + "w" * 8, 30), "bad": ("w" * 20, 30)}
    found = summary(systems, "r" * 10 + "w" * 10)
    assert [verdict(comparison_with(found.row("sums", name), BEST)) for name in ("good", "lucky", "bad")] == [
        "better",
        "open",
        "worse",
    ]
    said = headline(found)
    assert said[0].startswith("1 of 3 systems beat the best single model, chosen in advance, after correction")
    assert said[0].endswith("1 was worse; 1 of 3 differences is within the noise.")
    assert said[1].startswith("good on sums: +50.0 points")


def test_the_headline_says_plainly_that_nothing_was_better() -> None:
    said = headline(summary({"same": ("rrww", 30)}, "rrww"))
    assert said[0].startswith("The one system did not beat the best single model")
    assert said[0].endswith("none was worse; the difference is within the noise.")


def test_an_evaluation_that_is_not_finished_says_so() -> None:
    assert headline(summary({"same": ("rrww", 30)}, "rrww"))[-1] == (
        "The evaluation is not finished: this report covers the trials made so far."
    )


def test_the_frontier_has_what_nothing_cheaper_is_better_than() -> None:
    found = summary({"dear": ("rrrr", 90), "waste": ("rrww", 95), "fair": ("rrrw", 20)}, "rrww")
    rows = [row for row in found.rows if row.kind != "best"]
    assert [row.system for row in frontier(rows, cost=False)] == ["ann", "fair", "dear"]


def test_online_curves_need_every_set_of_members() -> None:
    sweep = Sweep(sweep="subsets", by=("vote",))
    points = swept(sweep, ["ann", "bob"])
    made = record(points)
    right = {"ann is online": "rrww", "bob is online": "rwww", "vote of ann + bob": "rrrw"}
    trials = [*answered("ann", "rrww"), *(one for name, some in right.items() for one in answered(name, some))]
    found = summarise(made, trials, items(4))
    curves = {curve.name: curve for curve in online(found, "sums")}
    assert curves["ann"].accuracy == pytest.approx([rate * 0.5 for rate in (1, 0.9, 0.8, 0.7, 0.6, 0.5)])
    assert curves["vote"].accuracy[0] == 0.75
    assert curves["vote"].accuracy[-1] == pytest.approx(0.25 * (0.5 + 0.25 + 0.75))
    assert curves["best of those online"].accuracy[-1] == pytest.approx(0.25 * (0.5 + 0.25 + 0.5))
    lacking = summarise(made, [one for one in trials if one.system != "bob is online"], items(4))
    assert online(lacking, "sums") == []


def test_the_winner_after_the_fact_is_kept_apart_from_the_path_fixed_in_advance() -> None:
    points = swept(Sweep(sweep="paths", shapes=("serial",)), ["ann", "bob"])
    one, other = (point.name for point in points)
    trials = [
        *answered("ann", "rrww"),
        *answered(one, "rrww"),
        *answered(other, "rrrw"),
        *answered(one, "rr", split=SELECTION),
        *answered(other, "rw", split=SELECTION),
    ]
    (group,) = paths(summarise(record(points), trials, items(4)))
    assert (group.fixed.system, group.after.system) == (one, other)
    assert (group.mean, group.best) == (0.625, 0.5)


def test_rounds_come_in_their_order() -> None:
    points = swept(Sweep(sweep="rounds", rounds=(3, 1, 2)), ["ann", "bob"])
    trials = [one for point in points for one in answered(point.name, "rw")]
    found = summarise(record(points), [*trials, *answered("ann", "rw")], items(2))
    assert [row.facts["rounds"] for row in rounds(found, "sums")] == [1, 2, 3]


def test_online_curves_are_what_enumerating_every_set_of_members_gives() -> None:
    members = ["ann", "bob", "cat"]
    points = swept(Sweep(sweep="subsets", by=("vote",)), members)
    right = {point.name: (3 * place + 2) % 11 for place, point in enumerate(points)}
    trials = [one for name, count in right.items() for one in answered(name, "r" * count + "w" * (10 - count))]
    found = summarise(record(points, members), [*trials, *answered("ann", "r" * 10)], items(10))
    (curve,) = (one for one in online(found, "sums") if one.name == "vote")
    by_set = {frozenset(point.facts["members"]): right[point.name] / 10 for point in points}
    for rate, accuracy in zip((1.0, 0.9, 0.8, 0.7, 0.6, 0.5), curve.accuracy, strict=True):
        whole = 0.0
        for there in itertools.product((False, True), repeat=3):
            some = frozenset(name for name, here in zip(members, there, strict=True) if here)
            whole += math.prod(rate if here else 1 - rate for here in there) * by_set.get(some, 0.0)
        assert accuracy == pytest.approx(whole)


LIKE = summary({"one": ("rrww", 30)}, "rrww").rows[0]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=8))
def test_the_frontier_is_what_no_other_point_dominates(points: list[tuple[int, int]]) -> None:
    rows = [
        replace(LIKE, prompt_tokens=float(tokens), completion_tokens=0.0, accuracy=Interval(right / 4, 0, 1))
        for tokens, right in points
    ]
    found = {(row.tokens, row.accuracy.estimate) for row in frontier(rows, cost=False)}
    every = {(row.tokens, row.accuracy.estimate) for row in rows}
    assert found == {
        (tokens, right)
        for tokens, right in every
        if not any(t <= tokens and r >= right and (t, r) != (tokens, right) for t, r in every)
    }


def test_a_pair_stands_beside_the_better_of_its_two() -> None:
    points = swept(Sweep(sweep="pairs", by=("vote", "gac")), ["ann", "bob"])
    trials = [*answered("ann", "rwww"), *answered("bob", "rrww"), *answered("vote of ann + bob", "rrrw")]
    found = pairs(summarise(record(points), [*trials, *answered("gac of ann + bob", "wwww")], items(4)), "sums")
    assert list(found) == ["vote", "gac"]
    (pair,) = found["vote"]
    assert (pair.row.system, pair.better.system, pair.other.system) == ("vote of ann + bob", "bob", "ann")


def test_what_only_the_system_had_right_and_what_only_it_had_wrong() -> None:
    made = record([VOTE])
    trials = [*answered("ann", "rrwww"), *answered("bob", "rwwwr"), *answered("vote", "wrwrr")]
    (one,) = complementarity(summarise(made, trials, items(5)), "sums")
    assert ([item.id for item in one.gained], [item.id for item in one.lost]) == (["i3"], ["i0"])
    assert complementarity(summarise(made, [*answered("ann", "rw"), *answered("vote", "rw")], items(2)), "sums") == []


def test_one_dataset_needs_no_overview() -> None:
    assert overview(summary({"same": ("rrww", 30)}, "rrww")) == []


def test_a_suite_may_call_its_own_groups_as_the_experiments_are_called() -> None:
    strange = [
        VOTE.model_copy(update={"name": group, "group": group, "facts": facts})
        for group, facts in (
            ("online", {}),
            ("rounds", {"rounds": "two"}),
            ("pairs by hand", {"members": 3}),
            ("", {"path": 1}),
        )
    ]
    strange = [one.model_copy(update={"name": f"s{n}"}) for n, one in enumerate(strange)]
    trials = [one for name in ("ann", *(s.name for s in strange)) for one in answered(name, "rw")]
    found = summarise(record(strange), trials, items(2))
    assert (online(found, "sums"), rounds(found, "sums"), pairs(found, "sums"), paths(found)) == ([], [], {}, [])


def test_the_hops_of_a_route_are_curves_by_how_judges_are_chosen() -> None:
    systems = swept(Sweep(sweep="hops", hops=(2, 1)), ["ann", "bob"])
    trials = [one for each in systems for one in answered(each.name, "rrww")] + answered("ann", "rrrr")
    grades = expected_grades(["ann", "bob"])
    made = record(systems, grades={})
    made = made.model_copy(update={"network": made.network.model_copy(update={"grades": grades})})
    found = hops(summarise(made, trials, items(4)), "sums")
    assert {by: [row.facts["hops"] for row in rows] for by, rows in found.items()} == {
        "C": [1, 2], "C′": [1, 2], "C to the end": [1, 2]
    }  # fmt: skip


def test_decisions_are_counted_by_kind_and_by_what_was_used() -> None:
    asked = [*items(3), *(item.model_copy(update={"id": f"w{n}", "label": "words"}) for n, item in enumerate(items(2)))]
    used = [
        ("i0", "ann", "sums", "7"),
        ("i1", "ann", "sums", "8"),
        ("i2", "bob", None, "7"),
        ("w0", "bob", "sums", "7"),
    ]
    trials = [trial("vote", item, answer, used=system, label=label) for item, system, label, answer in used]
    found = decided_on(summarise(record([VOTE]), [*trials, trial("ann", "i0")], asked), "sums")
    assert [(one.label, one.used, one.items, one.accuracy, one.recognised) for one in found] == [
        ("sums", "ann", 2, 0.5, 1.0), ("sums", "bob", 1, 1.0, 0.0), ("words", "bob", 1, 1.0, 0.0)
    ]  # fmt: skip


def living_summary(count: int = 60) -> Summary:
    """An evaluation whose second half of arrivals is answered wrong, with a member that leaves at that time."""
    changes = [{"at": 0.5, "leaves": "bob"}, {"at": 0.75, "returns": "bob"}]
    made = record([VOTE], living={"changes": changes}, seed=3)
    asked = items(count)
    place = {number: arrived for arrived, number in enumerate(arrivals(asked, 3))}
    trials = [trial("vote", f"i{n}", "7" if place[n] < count / 2 else "8") for n in range(count)]
    standings = (
        Standings(question=0, member="bob", standing="active", proven={"sums": 0.5}),
        Standings(question=30, member="bob", standing="away"),
        Standings(question=45, member="bob", standing="probation", canaries=3, proven={"sums": 0.2}),
    )
    return summarise(made.model_copy(update={"standings": standings, "status": "done"}), trials, asked)


def test_accuracy_over_time_follows_the_order_of_arrival() -> None:
    found = living_summary()
    (course,) = [course for course in courses(found) if course.system == "vote"]
    assert (course.accuracy[0], course.accuracy[-1]) == (1.0, 0.0)
    assert list(course.accuracy) == sorted(course.accuracy, reverse=True)
    assert [(at, change.does) for at, change in changes_of(found)] == [(30, "leaves"), (45, "returns")]
    assert courses(summary({"vote": ("r" * 60, 10)}, "r" * 60)) == []
    unfinished = replace(found, record=found.record.model_copy(update={"status": "running"}))
    assert courses(unfinished) == []


def test_the_profiles_of_members_are_drawn_with_their_standings() -> None:
    drawn = profiles_over_time(living_summary())
    assert drawn.count("<polyline") == 2
    assert {name for name in ("away", "probation") if f"standing {name}" in drawn} == {"away", "probation"}
    assert "bob leaves" in drawn
    assert standings_table(living_summary())[-1] == ("bob", "45", "probation", "3", "sums 20 %")
    assert profiles_over_time(summary({"vote": ("rr", 10)}, "rr")) == ""
    assert "polyline" in over_time(living_summary())
