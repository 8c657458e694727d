"""`Profiles`: observations and what they make of profiles are one transaction; outcomes can be taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from agentnet.contracts.profiles import Evidence, Observation, Profile, Seat, StandingEvent
from agentnet.store import Database, Profiles

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEAT = Seat(member="ann", digest="d", node="key")


def observed(right: bool | None = True, **changes: object) -> Observation:
    return Observation.model_validate(
        {"seat": SEAT, "source": "canary", "label": "math", "right": right, "time": NOW, **changes}
    )


class Counting:
    """Counts right and wrong answers; the first one is an event."""

    def add(self, profile: Profile | None, observation: Observation) -> tuple[Profile, Sequence[StandingEvent]]:
        events = []
        if profile is None:
            profile = Profile(seat=observation.seat, since=NOW, updated=NOW)
            events.append(StandingEvent(seat=profile.seat, time=NOW, before=None, after="probation", why="new"))
        return self._by(profile, observation, 1.0), events

    def take_back(self, profile: Profile, observation: Observation) -> Profile:
        return self._by(profile, observation, -1.0)

    def _by(self, profile: Profile, observation: Observation, weight: float) -> Profile:
        label = observation.label or ""
        before = profile.labels.get(label, Evidence(updated=NOW))
        key = "right" if observation.right else "wrong"
        after = before.model_copy(update={key: getattr(before, key) + weight})
        return profile.model_copy(update={"labels": {**profile.labels, label: after}})


async def test_observations_and_their_profile_are_kept(where: str) -> None:
    async with await Database.open(where) as database:
        profiles = Profiles(database)
        changed, events = await profiles.record([observed(), observed(False), observed()], Counting())
        assert [event.after for event in events] == ["probation"]
        assert (changed[0].labels["math"].right, changed[0].labels["math"].wrong) == (2, 1)
    async with await Database.open(where) as database:
        profiles = Profiles(database)
        assert await profiles.all() == changed
        assert [one.right for one in await profiles.observations(SEAT)] == [True, False, True]
        assert await profiles.events() == events


async def test_a_profile_is_parsed_again_only_when_its_record_has_changed() -> None:
    bob = Seat(member="bob")
    async with await Database.open(":memory:") as database:
        profiles = Profiles(database)
        await profiles.record([observed(), observed(seat=bob)], Counting())
        before = await profiles.all()
        assert all(one is other for one, other in zip(before, await profiles.all(), strict=True))
        ((changed,), _) = await profiles.record([observed(seat=bob)], Counting())
        after = await profiles.all()
        assert after[0] is before[0]
        assert after[1] == changed != before[1]


async def test_traffic_changes_the_profile_and_leaves_no_row() -> None:
    async with await Database.open(":memory:") as database:
        profiles = Profiles(database)
        await profiles.record([observed(None, source="traffic")], Counting())
        assert await profiles.observations(SEAT) == []
        assert len(await profiles.all()) == 1


async def test_a_second_report_on_a_run_replaces_the_first(where: str) -> None:
    async with await Database.open(where) as database:
        profiles = Profiles(database)
        await profiles.record([observed(), observed(source="outcome", run="r")], Counting(), instead_of="r")
        (profile,), _ = await profiles.record([observed(False, source="outcome", run="r")], Counting(), instead_of="r")
        assert (profile.labels["math"].right, profile.labels["math"].wrong) == (1, 1)
        assert [one.right for one in await profiles.observations(SEAT)] == [True, False]


async def test_two_processes_lose_no_observation(where: str) -> None:
    async with await Database.open(where) as one, await Database.open(where) as other:
        both = Profiles(one), Profiles(other)
        await asyncio.gather(*(profiles.record([observed()], Counting()) for profiles in both * 10))
        (profile,) = await both[0].all()
        assert profile.labels["math"].right == 20


async def test_a_question_is_reserved_once_for_a_member_under_every_digest(where: str) -> None:
    async with await Database.open(where) as database:
        profiles = Profiles(database)
        assert await profiles.reserve(SEAT, "q")
        assert not await profiles.reserve(SEAT.model_copy(update={"digest": "another"}), "q")
        assert await profiles.reserve(Seat(member="bob", node="key"), "q")
        assert await profiles.asked(SEAT) == {"q"}


async def test_known_questions_are_kept_until_their_run_is_judged_otherwise() -> None:
    async with await Database.open(":memory:") as database:
        profiles = Profiles(database)
        for answer in ("4", "5"):
            await profiles.add_question("q", run="r", label=None, text="2 + 2?", answer=answer)
        assert await profiles.questions() == [("q", None, "2 + 2?", "5")]
        await profiles.drop_question("r")
        assert await profiles.questions() == []


async def test_the_owner_changes_a_standing() -> None:
    def expelled(profile: Profile) -> tuple[Profile, StandingEvent]:
        event = StandingEvent(seat=SEAT, time=NOW, before=profile.standing, after="expelled", why="told to")
        return profile.model_copy(update={"standing": "expelled"}), event

    async with await Database.open(":memory:") as database:
        profiles = Profiles(database)
        assert await profiles.change(SEAT, expelled) is None
        await profiles.record([observed()], Counting())
        assert [await profiles.change(SEAT, expelled)] == await profiles.all()
        assert [event.why for event in await profiles.events()] == ["new", "told to"]
