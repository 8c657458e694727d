"""`Books`: what a profile becomes by one observation more. Pure arithmetic; the store calls it within transactions."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from agentnet.contracts.intervals import beta_lower
from agentnet.contracts.profiles import (
    Canaries,
    Evidence,
    Observation,
    Profile,
    Seat,
    Standing,
    StandingEvent,
    Timing,
    Watch,
)
from agentnet.profiles import sequential

UNLABELLED = "any"
"""The label of questions that have none."""
KEPT = 200
"""The latest values of a quantity that a profile keeps."""
PUBLISHED = 0.02
"""How far a bound has to move before networks are made anew."""
SUSPECTED = 50.0
"""The CUSUM at which a member is asked more canaries. One that gives what it owes is below it 98 % of the time."""
DAY = 86400.0
DEFAULTS = Canaries()

Newcomer = Callable[[Seat, datetime], Profile]
"""Returns the profile of a seat of which nothing was measured here."""


def newcomer(seat: Seat, time: datetime) -> Profile:
    """Return the profile of one that joins: on probation."""
    return Profile(seat=seat, standing="probation", since=time, why="it joined", updated=time)


@dataclass(frozen=True)
class Books:
    """The rules of one network. `labels` are those that canaries can have: a newcomer may be good at any of them."""

    rules: Canaries = DEFAULTS
    labels: Collection[str] = ()
    newcomer: Newcomer = newcomer

    def add(self, profile: Profile | None, observation: Observation) -> tuple[Profile, Sequence[StandingEvent]]:
        """Return a profile with an observation more, and the changes of standing that it makes."""
        events: list[StandingEvent] = []
        if profile is None:
            profile = self.newcomer(observation.seat, observation.time)
            if profile.standing != "active":
                events.append(_event(profile, None, profile.standing, observation.time, profile.why))
        profile = self._counted(profile, observation)
        if observation.right is not None and observation.source != "traffic":
            label = observation.label or UNLABELLED
            evidence = self._more(profile.labels.get(label), observation)
            profile = profile.model_copy(update={"labels": {**profile.labels, label: evidence}})
            profile, changes = self._judged(profile, label, observation)
            profile = _published(profile, label)
            events += changes
        return profile, events

    def take_back(self, profile: Profile, observation: Observation) -> Profile:
        """Return a profile without an outcome that was added to it: with what is left of its weight taken off."""
        label = observation.label or UNLABELLED
        evidence = profile.labels.get(label)
        if evidence is None or observation.right is None or observation.time < profile.since:
            return profile
        left = self._fading(observation.time, evidence.updated)
        key = "right" if observation.right else "wrong"
        less = {key: max(0.0, getattr(evidence, key) - left), "items": max(0, evidence.items - 1)}
        labels = {**profile.labels, label: evidence.model_copy(update=less)}
        return _published(profile.model_copy(update={"labels": labels}), label)

    def readmitted(self, profile: Profile, time: datetime, why: str) -> tuple[Profile, StandingEvent]:
        """Return a profile that begins again on probation, by the owner's word."""
        return self._moved(profile, "probation", time, why)

    def suspected(self, profile: Profile) -> bool:
        """Return whether a test of an active member is on the way to its bound."""
        return profile.standing == "active" and sequential.mixed(profile.watch.sums) >= math.log(SUSPECTED)

    def share(self, profile: Profile) -> float:
        """Return how many canaries a member is asked for each of its turns."""
        if profile.standing == "probation":
            return self.rules.newcomers
        if profile.standing == "expelled":
            return 0.0
        return self.rules.suspects if self.suspected(profile) else self.rules.share

    def _counted(self, profile: Profile, observation: Observation) -> Profile:
        """Count what every question tells: speed, failures, cost."""
        if observation.source in ("card", "outcome"):
            return profile
        fading = self._fading(profile.updated, observation.time)
        failed = observation.reply == "failed"
        more: dict[str, object] = {
            "calls": profile.calls * fading + 1,
            "failures": profile.failures * fading + failed,
            "refusals": profile.refusals * fading + (observation.reply in ("refused", "unreadable")),
            "cost": profile.cost * fading + observation.cost,
            "updated": max(profile.updated, observation.time),
        }
        if not failed and observation.seconds is not None:
            more["seconds"] = _with(profile.seconds, observation.seconds)
            if observation.tokens and observation.seconds > 0:
                more["speed"] = _with(profile.speed, observation.tokens / observation.seconds)
        if not failed and observation.first_token is not None:
            more["first_token"] = _with(profile.first_token, observation.first_token)
        return profile.model_copy(update=more)

    def _more(self, evidence: Evidence | None, observation: Observation) -> Evidence:
        time = observation.time
        evidence = evidence or Evidence(updated=time)
        fading, right, wrong = self._fading(evidence.updated, time), evidence.right, evidence.wrong
        hit, canary = bool(observation.right), observation.source == "canary"
        tests = observation.source in ("canary", "calibration")
        tried = evidence.tried
        return evidence.model_copy(
            update={
                "right": right * fading + hit,
                "wrong": wrong * fading + (not hit),
                "items": evidence.items + 1,
                "canaries": evidence.canaries + canary,
                "tried": (tried[0] + (tests and hit), tried[1] + (tests and not hit)),
                "suite": observation.suite or evidence.suite,
                "seed": observation.seed if observation.suite else evidence.seed,
                "updated": max(evidence.updated, time),
            }
        )

    def _judged(
        self, profile: Profile, label: str, observation: Observation
    ) -> tuple[Profile, Sequence[StandingEvent]]:
        if observation.source == "outcome" or profile.standing == "expelled":
            return profile, ()
        before = profile.labels[label]
        if not before.passed:
            return self._admitted(profile, label, observation)
        if observation.source == "calibration":
            owed = max(before.owed or 0.0, min(before.bound, sequential.MOST_OWED))
            evidence = before.model_copy(update={"owed": owed})
            return profile.model_copy(update={"labels": {**profile.labels, label: evidence}}), ()
        return self._watched(profile, before.owed or 0.0, observation)

    def _admitted(self, profile: Profile, label: str, observation: Observation) -> tuple[Profile, list[StandingEvent]]:
        """Let a member count at a label where it is above the floor; expel one that is below it everywhere."""
        rules, evidence = self.rules, profile.labels[label]
        right, wrong = evidence.tried
        proof = sequential.above_floor(right, wrong, rules.floor)
        if proof >= -math.log(rules.floor_error):
            owed = min(beta_lower(right, wrong), sequential.MOST_OWED)
            passed = evidence.model_copy(update={"passed": True, "owed": owed})
            profile = profile.model_copy(
                update={"labels": {**profile.labels, label: passed}, "revision": profile.revision + 1}
            )
            if profile.standing == "active":
                return profile, []
            why = f"right on {right} of {right + wrong} questions of {label}: above {rules.floor:g} for certain"
            data = _data(
                "floor", p0=rules.floor, right=right, asked=right + wrong, log=proof, bound=1 / rules.floor_error
            )
            profile, event = self._moved(profile, "active", observation.time, why, {"label": label, **data})
            return profile, [event]
        if profile.standing != "probation" or observation.source != "canary" or not self.labels:
            return profile, []
        tried = [profile.labels[each].tried if each in profile.labels else (0, 0) for each in self.labels]
        against = min(sequential.below_floor(*one, rules.floor) for one in tried)
        if against < -math.log(rules.expel_error):
            return profile, []
        right, asked = sum(one[0] for one in tried), sum(map(sum, tried))
        why = f"right on {right} of {asked} canaries: below {rules.floor:g} at every label"
        data = _data("sequential", p0=rules.floor, right=right, asked=asked, log=against, bound=1 / rules.expel_error)
        profile, event = self._moved(profile, "expelled", observation.time, why, data)
        return profile, [event]

    def _watched(self, profile: Profile, owed: float, observation: Observation) -> tuple[Profile, list[StandingEvent]]:
        """Test an active member with a canary of a label at which it owes something."""
        rules, hit = self.rules, bool(observation.right)
        step = sequential.steps(owed, hit)
        watch = Watch(
            ratios=sequential.added(profile.watch.ratios, step),
            sums=sequential.restarted(profile.watch.sums, step),
            canaries=profile.watch.canaries + 1,
            right=profile.watch.right + hit,
        )
        profile = profile.model_copy(update={"watch": watch})
        ratio, drift = sequential.mixed(watch.ratios), sequential.mixed(watch.sums)
        if ratio < -math.log(rules.expel_error) and drift < math.log(rules.drift_run):
            return profile, []
        p0 = min(owed, sequential.MOST_OWED)
        facts = {"p0": p0, "right": watch.right, "asked": watch.canaries}
        if ratio >= -math.log(rules.expel_error):
            p1 = sequential.accused_of(watch.ratios, owed)
            why = (
                f"right on {watch.right} of {watch.canaries} canaries: nearer to {p1:.2f} than to the {p0:.2f} it owes"
            )
            data = _data("sequential", **facts, p1=p1, log=ratio, bound=1 / rules.expel_error)
            profile, event = self._moved(profile, "expelled", observation.time, why, data)
        else:
            p1 = sequential.accused_of(watch.sums, owed)
            why = f"its canaries of late are nearer to {p1:.2f} than to the {p0:.2f} it owes: it has changed"
            data = _data("drift", **facts, p1=p1, log=drift, bound=rules.drift_run)
            profile, event = self._moved(profile, "probation", observation.time, why, data)
        return profile, [event]

    def _moved(
        self,
        profile: Profile,
        after: Standing,
        time: datetime,
        why: str,
        data: dict[str, float | int | str] | None = None,
    ) -> tuple[Profile, StandingEvent]:
        """Return a profile of another standing. One that begins its probation has proven nothing; its tests begin."""
        event = _event(profile, profile.standing, after, time, why, data)
        update: dict[str, object] = {
            "standing": after,
            "since": time,
            "why": why,
            "watch": Watch(),
            "revision": profile.revision + 1,
        }
        if after == "probation":
            update["labels"] = {
                label: Evidence(items=evidence.items, canaries=evidence.canaries, updated=time)
                for label, evidence in profile.labels.items()
            }
        return profile.model_copy(update=update), event

    def _fading(self, before: datetime, now: datetime) -> float:
        """Return what evidence of a time still counts later."""
        days = max(0.0, (now - before).total_seconds() / DAY)
        return float(2 ** (-days / self.rules.half_life))


def _published(profile: Profile, label: str) -> Profile:
    """Return a profile with a new revision if the bound of a label has moved far enough to make networks again."""
    evidence = profile.labels[label]
    bound = evidence.bound
    if abs(bound - evidence.lower) < PUBLISHED:
        return profile
    labels = {**profile.labels, label: evidence.model_copy(update={"lower": bound})}
    return profile.model_copy(update={"labels": labels, "revision": profile.revision + 1})


def _with(timing: Timing, value: float) -> Timing:
    return Timing(values=(*timing.values, value)[-KEPT:], count=timing.count + 1)


def _data(test: str, *, log: float, bound: float, **facts: float) -> dict[str, float | int | str]:
    """Return what an event says of a test: its statistic and the bound are likelihood ratios."""
    return {"test": test, **facts, "statistic": math.exp(min(log, 700.0)), "bound": bound}


def _event(
    profile: Profile,
    before: Standing | None,
    after: Standing,
    time: datetime,
    why: str,
    data: dict[str, float | int | str] | None = None,
) -> StandingEvent:
    return StandingEvent(seat=profile.seat, time=time, before=before, after=after, why=why, data=data or {})
