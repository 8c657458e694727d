"""`Books`: what observations make of a profile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.profiles import Canaries, Observation, Profile, Seat, StandingEvent
from agentnet.profiles.books import Books
from agentnet.profiles.seats import card_of, trusted_from_the_start

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEAT = Seat(member="ann")
KNOWN = Card(measured={"math": Measured(accuracy=0.9, items=100)})


def observed(right: bool | None = True, label: str = "math", source: str = "canary", **changes: object) -> Observation:
    return Observation.model_validate(
        {"seat": SEAT, "source": source, "label": label, "right": right, "time": NOW, **changes}
    )


def books(*labels: str, card: Card | None = None, **rules: object) -> Books:
    made = Books(Canaries.model_validate(rules), labels)
    if card is None:
        return made
    return Books(made.rules, labels, lambda seat, time: trusted_from_the_start(seat, card, time))


def after(rules: Books, found: Iterable[Observation]) -> tuple[Profile, list[StandingEvent]]:
    profile: Profile | None = None
    events: list[StandingEvent] = []
    for observation in found:
        profile, more = rules.add(profile, observation)
        events += more
    assert profile is not None
    return profile, events


def test_a_newcomer_counts_when_it_is_above_the_floor_for_certain() -> None:
    profile, _ = after(books("math"), [observed()] * 5)
    assert profile.standing == "probation"
    profile, events = after(books("math"), [observed()] * 6)
    assert profile.standing == "active"
    assert [(event.before, event.after) for event in events] == [(None, "probation"), ("probation", "active")]
    assert events[-1].data["label"] == "math"
    assert float(events[-1].data["statistic"]) >= float(events[-1].data["bound"]) == 20
    assert profile.labels["math"].owed == pytest.approx(0.65, abs=0.01)


def test_a_specialist_is_not_expelled_for_what_it_cannot_do() -> None:
    canaries = [observed(label == "math", label) for _ in range(6) for label in ("facts", "symbols", "math")]
    profile, _ = after(books("facts", "math", "symbols"), canaries)
    assert profile.standing == "active"
    card = card_of(Card(), [profile])
    assert (card.proven("math") or 0) > 0.6
    assert (card.proven("facts") or 0) < 0.01


def test_a_newcomer_that_is_wrong_everywhere_is_expelled() -> None:
    wrong = [observed(False, label) for _ in range(12) for label in ("facts", "math")]
    profile, events = after(books("facts", "math"), wrong)
    assert profile.standing == "expelled"
    assert events[-1].data["test"] == "sequential"
    assert "right on 0 of 24 canaries" in events[-1].why
    assert after(books(), wrong)[0].standing == "probation"  # nobody knows at what it could be good


@pytest.mark.parametrize("source", ["calibration", "outcome", "traffic"])
def test_only_canaries_expel(source: str) -> None:
    right = None if source == "traffic" else False
    assert after(books("math", card=KNOWN), [observed(right, source=source)] * 50)[0].standing == "active"
    assert after(books("math"), [observed(right, source=source)] * 50)[0].standing == "probation"


def test_calibration_by_the_owner_lets_a_newcomer_in() -> None:
    assert after(books("math"), [observed(source="calibration")] * 6)[0].standing == "active"
    assert after(books("math"), [observed(source="outcome", run="r")] * 60)[0].standing == "probation"


def test_a_member_that_stops_giving_what_it_owes_is_expelled_with_the_test_in_the_event() -> None:
    profile, events = after(books("math", card=KNOWN), [observed(False)] * 5)
    assert profile.standing == "expelled"
    assert {"test", "p0", "p1", "right", "asked", "statistic", "bound"} <= events[-1].data.keys()
    assert events[-1].data["bound"] == pytest.approx(1000)


def test_one_that_changes_after_many_good_answers_is_back_on_probation_and_all_is_forgotten() -> None:
    rules = books("math", card=KNOWN)
    canaries = [observed(index % 8 != 0) for index in range(500)] + [observed(False)] * 8
    profile, events = after(rules, canaries)
    assert (profile.standing, events[-1].data["test"]) == ("probation", "drift")
    assert card_of(KNOWN, [profile]).measured == {}
    assert profile.labels["math"].items == 508
    profile, _ = after(rules, [*canaries, *[observed()] * 6])
    assert profile.standing == "active"
    assert card_of(KNOWN, [profile]).measured["math"].items == 6


def test_an_honest_member_is_suspected_after_some_mistakes_and_asked_more() -> None:
    rules = books("math", card=KNOWN)
    assert rules.share(after(books("math"), [observed()])[0]) == 0.1
    assert rules.share(after(rules, [observed()] * 20)[0]) == 0.05
    suspect, _ = after(rules, [*[observed()] * 20, observed(False), observed(False), observed(False)])
    assert rules.suspected(suspect)
    assert rules.share(suspect) == 0.5
    assert rules.share(after(rules, [observed(False)] * 9)[0]) == 0


def test_older_evidence_counts_less() -> None:
    old = [observed()] * 40
    later = observed(False, time=NOW + timedelta(days=60))
    profile, _ = after(books("math", half_life=30), [*old, later])
    assert profile.labels["math"].right == pytest.approx(10)
    assert (profile.labels["math"].wrong, profile.labels["math"].items) == (1, 41)


def test_a_report_is_taken_back_with_what_is_left_of_it() -> None:
    rules = books("math")
    report = observed(source="outcome", run="r")
    profile, _ = after(rules, [report, observed(False, time=NOW + timedelta(days=30))])
    undone = rules.take_back(profile, report)
    assert (undone.labels["math"].right, undone.labels["math"].wrong, undone.labels["math"].items) == (0, 1, 1)


def test_speeds_failures_and_refusals_are_counted() -> None:
    found = [
        observed(None, source="traffic", reply="failed", seconds=9.0),
        observed(None, source="traffic", reply="refused", seconds=1.0, first_token=0.5, tokens=10),
        observed(True, reply="answered", seconds=2.0, first_token=0.25, tokens=40, cost=0.5),
    ]
    profile, _ = after(books("math"), found)
    assert (profile.calls, profile.failures, profile.refusals, profile.cost) == (3, 1, 1, 0.5)
    assert profile.seconds.values == (1.0, 2.0)
    assert (profile.first_token.median, profile.speed.p95, profile.speed.count) == (0.5, 20.0, 2)


def test_the_owner_readmits_on_probation() -> None:
    rules = books("math", card=KNOWN)
    profile, _ = after(rules, [observed(False)] * 5)
    again, event = rules.readmitted(profile, NOW, "it was mended")
    assert (again.standing, event.before, event.after) == ("probation", "expelled", "probation")
    assert again.revision > profile.revision


def test_networks_are_made_anew_only_when_a_bound_has_moved() -> None:
    rules = books("math", card=KNOWN)
    profile, _ = after(rules, [observed()])
    same, _ = rules.add(profile, observed())
    assert same.revision == profile.revision
    moved, _ = after(rules, [observed()] * 60)
    assert 0 < moved.revision < 10


def test_a_vouched_measurement_stays_where_nothing_was_asked() -> None:
    both = Card(measured={**KNOWN.measured, "facts": Measured(accuracy=0.5, items=30)})
    profile, _ = after(books("math", card=both), [observed(False)] * 3)
    card = card_of(both, [profile])
    assert card.measured["facts"] == both.measured["facts"]
    assert card.measured["math"].items == 103
    assert (card.proven("math") or 1) < (both.proven("math") or 0)
    assert card_of(both, []) is both
