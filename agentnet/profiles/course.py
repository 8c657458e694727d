"""The course of a profile: what was known of a seat after each answer, from the observations that are kept of it.

Observations are entered again into the same books, so that every number is the one of that time. Traffic is not kept,
and changes no evidence. The owner's word that readmits a member is no observation: it comes from the changes of its
standing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from agentnet.contracts.intervals import wilson
from agentnet.contracts.profiles import Observation, Profile, Source, Standing, StandingEvent
from agentnet.profiles.books import UNLABELLED, Books


@dataclass(frozen=True, slots=True)
class Point:
    """What was known of the accuracy at a label at a time, with its 95 % interval (Wilson)."""

    time: datetime
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A graded answer."""

    time: datetime
    label: str
    source: Source
    right: bool


@dataclass(frozen=True, slots=True)
class Period:
    """A standing, from its beginning to that of the next one."""

    time: datetime
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True)
class Course:
    """The course of a profile: for each label the points in order of time, a new list with each probation."""

    labels: dict[str, list[list[Point]]]
    answers: list[Answer]
    periods: list[Period]


def course_of(books: Books, kept: Sequence[Observation], events: Sequence[StandingEvent]) -> Course:
    """Return the course of a seat. `kept` are its observations, and `events` its changes of standing, oldest first."""
    course = Course({}, [], [])
    profile: Profile | None = None
    readmissions = [event for event in events if event.before is not None and not event.data]
    for observation in kept:
        while readmissions and profile is not None and readmissions[0].time <= observation.time:
            event = readmissions.pop(0)
            profile, _ = books.readmitted(profile, event.time, event.why)
            _enter(course, Period(event.time, event.after, event.why))
        before = None if profile is None else profile.standing
        profile, _ = books.add(profile, observation)
        if before != profile.standing:
            _enter(course, Period(observation.time, profile.standing, profile.why))
        if observation.right is not None:
            label = observation.label or UNLABELLED
            course.answers.append(Answer(observation.time, label, observation.source, observation.right))
            course.labels.setdefault(label, [[]])[-1].extend(_points(profile, label, observation.time))
    for event in readmissions if profile is not None else ():
        _enter(course, Period(event.time, event.after, event.why))
    return course


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most `most` of the points, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(step * number)] for number in range(most)]


def _enter(course: Course, period: Period) -> None:
    """Note a standing. On probation a member has proven nothing: its lines begin again."""
    course.periods.append(period)
    if period.standing == "probation":
        for pieces in course.labels.values():
            pieces.append([])


def _points(profile: Profile, label: str, time: datetime) -> Iterator[Point]:
    evidence = profile.labels[label]
    count = evidence.right + evidence.wrong
    if count > 0:
        found = wilson(evidence.right / count, count)
        yield Point(time, found.estimate, found.low, found.high)
