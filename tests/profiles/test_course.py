"""The course of a profile and the tests that are under way, against the books that make profiles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from agentnet.contracts.intervals import wilson
from agentnet.contracts.profiles import Canaries, Observation, Profile, Seat, Source, StandingEvent
from agentnet.profiles.books import Books
from agentnet.profiles.course import Point, course_of, thinned
from agentnet.profiles.progress import open_tests

SEAT = Seat(member="poet", digest="p1", node="key")
START = datetime(2030, 1, 1, tzinfo=UTC)
BOOKS = Books(Canaries(), ("math", "facts"))


def answered(*right: bool, label: str = "math", source: Source = "canary", after: int = 0) -> list[Observation]:
    """Answers to one question a minute."""
    return [
        Observation(seat=SEAT, source=source, label=label, right=one, time=START + timedelta(minutes=after + place))
        for place, one in enumerate(right)
    ]


def profile_of(kept: Iterable[Observation]) -> tuple[Profile, list[StandingEvent]]:
    profile, events = None, list[StandingEvent]()
    for observation in kept:
        profile, made = BOOKS.add(profile, observation)
        events += made
    assert profile is not None
    return profile, events


def test_the_last_point_of_a_course_is_what_the_profile_says() -> None:
    kept = [*answered(*[True] * 9, False), *answered(True, False, label="facts", after=20)]
    profile, events = profile_of(kept)
    course = course_of(BOOKS, kept, events)
    for label, evidence in profile.labels.items():
        (points,) = course.labels[label]
        count = evidence.right + evidence.wrong
        found = wilson(evidence.right / count, count)
        assert points[-1].accuracy == pytest.approx(found.estimate)
        assert (points[-1].low, points[-1].high) == pytest.approx((found.low, found.high))
    assert [len(course.labels[label][0]) for label in ("math", "facts")] == [10, 2]
    assert [answer.right for answer in course.answers] == [*[True] * 9, False, True, False]
    assert [period.standing for period in course.periods] == ["probation", "active"]
    assert course.periods[1].time == events[1].time


def test_a_course_begins_anew_where_the_member_did() -> None:
    kept = answered(*[True] * 6, *[False] * 25)
    _, events = profile_of(kept)
    assert [event.after for event in events] == ["probation", "active", "expelled"]
    kept = [observation for observation in kept if observation.time <= events[-1].time]
    back = events[-1].time + timedelta(minutes=1)
    word = StandingEvent(seat=SEAT, time=back, before="expelled", after="probation", why="its owner said so")
    again = answered(True, True, after=60)
    course = course_of(BOOKS, [*kept, *again], [*events, word])
    assert [period.standing for period in course.periods] == ["probation", "active", "expelled", "probation"]
    assert course.periods[-1].why == "its owner said so"
    first, second = course.labels["math"]
    assert len(first) == len(kept)
    assert [point.accuracy for point in second] == [1.0, 1.0]


def test_thinned_points_keep_the_first_and_the_last() -> None:
    points = [Point(START, place / 1000, 0, 1) for place in range(1000)]
    few = thinned(points, 7)
    assert (len(few), few[0], few[-1]) == (7, points[0], points[-1])
    assert thinned(points[:5], 7) == points[:5]


def test_a_test_decides_exactly_when_its_statistic_reaches_its_bound() -> None:
    kept: list[Observation] = []
    for place in range(30):
        kept += answered(True, after=place)
        profile, _ = profile_of(kept)
        floor = [test for test in open_tests(BOOKS, profile) if test.name == "floor"]
        if profile.standing == "active":
            assert place > 3
            break
        assert floor[0].statistic < floor[0].bound == pytest.approx(20)
        assert (floor[0].right, floor[0].asked, floor[0].label) == (place + 1, place + 1, "math")
    assert not [test for test in open_tests(BOOKS, profile) if test.name == "floor"]

    for place in range(30):
        kept += answered(False, after=100 + place)
        profile, _ = profile_of(kept)
        if profile.standing == "expelled":
            break
        expulsion, drift = open_tests(BOOKS, profile)
        assert expulsion.statistic < expulsion.bound == pytest.approx(1000)
        assert drift.statistic < drift.bound == pytest.approx(1e6)
    assert profile.standing == "expelled"
    assert open_tests(BOOKS, profile) == []


def test_a_newcomer_that_is_wrong_everywhere_is_on_the_way_out() -> None:
    kept = [*answered(*[False] * 6), *answered(*[False] * 5, label="facts", after=20)]
    profile, _ = profile_of(kept)
    expulsion = next(test for test in open_tests(BOOKS, profile) if test.name == "expulsion")
    assert 1 < expulsion.statistic < expulsion.bound
    assert (expulsion.right, expulsion.asked) == (0, 11)
