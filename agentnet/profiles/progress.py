"""How far the sequential tests of a member are: what each compares now, and the bound at which it decides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from agentnet.contracts.profiles import Profile
from agentnet.profiles import sequential
from agentnet.profiles.books import Books


@dataclass(frozen=True, slots=True)
class OpenTest:
    """A test that is under way. It decides once `statistic`, a likelihood ratio, reaches `bound`."""

    name: Literal["floor", "expulsion", "drift"]
    label: str | None
    """The kind of questions that it is about; None for those of all kinds."""
    statistic: float
    bound: float
    right: int
    asked: int
    p0: float | None
    """The accuracy that it compares with; None where each answer has its own."""


def open_tests(books: Books, profile: Profile) -> list[OpenTest]:
    """Return the tests of a member: on probation for each label that was tried, else those of its canaries."""
    rules = books.rules
    if profile.standing == "expelled":
        return []
    if profile.standing == "active":
        watch = profile.watch
        if not watch.canaries:
            return []
        ratio, drift = _ratio(sequential.mixed(watch.ratios)), _ratio(sequential.mixed(watch.sums))
        counts = watch.right, watch.canaries, None
        return [
            OpenTest("expulsion", None, ratio, 1 / rules.expel_error, *counts),
            OpenTest("drift", None, drift, rules.drift_run, *counts),
        ]
    found = []
    for label, evidence in profile.labels.items():
        right, wrong = evidence.tried
        if right + wrong and not evidence.passed:
            ratio = _ratio(sequential.above_floor(right, wrong, rules.floor))
            found.append(OpenTest("floor", label, ratio, 1 / rules.floor_error, right, right + wrong, rules.floor))
    found.sort(key=lambda test: -test.statistic)
    if books.labels:
        tried = [profile.labels[each].tried if each in profile.labels else (0, 0) for each in books.labels]
        against = min(sequential.below_floor(*one, rules.floor) for one in tried)
        right, asked = sum(one[0] for one in tried), sum(map(sum, tried))
        if asked:
            found.append(OpenTest("expulsion", None, _ratio(against), 1 / rules.expel_error, right, asked, rules.floor))
    return found


def _ratio(log: float) -> float:
    return math.exp(max(-700.0, min(log, 700.0)))
