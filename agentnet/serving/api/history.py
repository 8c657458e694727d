"""The network's past over the API: what happened to its nodes and members, and how profiles came to be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from agentnet.contracts.base import finite
from agentnet.contracts.profiles import Profile, Seat, Source, Standing
from agentnet.profiles.books import UNLABELLED
from agentnet.profiles.course import Course, course_of, thinned
from agentnet.serving.api.asking import At, Limit, room
from agentnet.serving.api.course_drawing import draw_course, style_of
from agentnet.serving.api.pictures import Theme, Width, picture
from agentnet.serving.app import Problem
from agentnet.serving.gateway import Gateway

router = room("network")

Name = Annotated[str, Path(max_length=64)]
OnNode = Annotated[str | None, Query(max_length=64, description="name of the node; default: where it answered most")]
Zone = Annotated[int, Query(ge=-900, le=900, description="minutes from UTC to the reader's time")]
MOST_POINTS = 200
"""The most points of a label that are sent."""
MOST_KEPT = 20_000
"""The latest observations that a course is made from."""


class Change(BaseModel):
    """A change of a node, or of the standing of a member."""

    time: datetime
    about: Literal["node", "member"]
    node: str = Field(description="name of the node; empty: a member in process")
    member: str | None
    before: str = Field(description="the state, or the standing; empty: it was not there")
    after: str
    why: str
    test: dict[str, Any] = Field(description="of a test that decided: its name, p0, p1, counts, statistic, bound")


class CanaryShown(BaseModel):
    """What came of a canary."""

    time: datetime
    member: str
    node: str = Field(description="name of the node; empty: in process")
    label: str
    right: bool


class PointShown(BaseModel):
    """What was known of an accuracy at a time, with its 95 % interval."""

    time: datetime
    accuracy: float
    low: float
    high: float


class AnswerShown(BaseModel):
    """A graded answer of the member."""

    time: datetime
    label: str
    source: Source
    right: bool


class PeriodShown(BaseModel):
    """A standing, until the next one begins."""

    time: datetime
    standing: Standing
    why: str


class CourseShown(BaseModel):
    """How the profile of a member came to be what it is."""

    member: str
    node: str
    nodes: list[str] = Field(description="all nodes on which it was measured; empty: in process")
    labels: dict[str, list[list[PointShown]]] = Field(
        description="for each label its points; a new list begins with each probation"
    )
    answers: list[AnswerShown] = Field(description="the latest 200")
    periods: list[PeriodShown]


@router.get("/network/history")
async def history(at: At, limit: Limit = 100) -> list[Change]:
    """List the latest changes of nodes and of members' standings, newest first."""
    roster, store = at.session.roster, at.session.measured.store
    await roster.refresh()
    nodes = await _names(at)
    found = [
        Change(
            time=event.time,
            about="node",
            node=event.node,
            member=None,
            before="" if event.before == "unknown" else event.before,
            after=event.after,
            why=event.why,
            test=finite(event.data),
        )
        for event in await roster.events(max(0, roster.epoch - 5 * limit), 5 * limit)
        if event.member is None  # the standing of its member is told once, with those of members in process
    ]
    found += [
        Change(
            time=event.time,
            about="member",
            node=nodes.get(event.seat.node, ""),
            member=event.seat.member,
            before=event.before or "",
            after=event.after,
            why=event.why,
            test=finite(event.data),
        )
        for event in await store.events(limit)
        if _is_here(at, event.seat, nodes)
    ]
    return sorted(found, key=lambda one: one.time, reverse=True)[:limit]


@router.get("/network/canaries")
async def canaries(at: At, limit: Limit = 200) -> list[CanaryShown]:
    """List what came of the latest canaries, oldest first: questions with known answers among the members' work."""
    nodes = await _names(at)
    return [
        CanaryShown(
            time=one.time,
            member=one.seat.member,
            node=nodes.get(one.seat.node, ""),
            label=one.label or UNLABELLED,
            right=bool(one.right),
        )
        for one in await at.session.measured.store.answers("canary", limit)
        if _is_here(at, one.seat, nodes)
    ]


@router.get("/network/members/{member}/course")
async def course(at: At, member: Name, node: OnNode = None) -> CourseShown:
    """Show how the profile of a member came to be what it is: what was known after each graded answer."""
    name, nodes, found = await _course(at, member, node)
    return CourseShown.model_validate(
        {
            "member": member,
            "node": name,
            "nodes": nodes,
            "labels": {
                label: [thinned(piece, MOST_POINTS) for piece in pieces if piece]
                for label, pieces in found.labels.items()
            },
            "answers": found.answers[-200:],
            "periods": found.periods,
        },
        from_attributes=True,
    )


@router.get("/network/members/{member}/course.svg", response_class=Response)
async def course_picture(
    at: At, member: Name, node: OnNode = None, theme: Theme = "light", width: Width = 860, zone: Zone = 0
) -> Response:
    """Draw the course of a member's profile: what is known at each label, with its interval, and its standings."""
    _, _, found = await _course(at, member, node)
    if not found.answers and not found.periods:
        raise Problem(404, f"no answer of {member} that is kept was graded", "not-measured")
    floor = at.session.measured.members.rules.floor
    drawn = await asyncio.to_thread(draw_course, found, member, width, floor=floor, zone=zone)
    return picture(drawn, theme, style_of(member, tuple(at.session.network.agents), theme))


async def _course(at: Gateway, member: str, node: str | None) -> tuple[str, list[str], Course]:
    """Return the node that a member was measured on, all such nodes, and the course there."""
    measured, store = at.session.measured.members, at.session.measured.store
    names = await _names(at)
    seats = {names.get(profile.seat.node, ""): profile for profile in await _profiles(at, member)}
    if not seats:
        raise Problem(404, f"nothing was measured of a member {member!r}", "not-measured")
    chosen = max(seats, key=lambda name: sum(one.items for one in seats[name].labels.values()))
    chosen = chosen if node is None else node
    if chosen not in seats:
        raise Problem(404, f"{member} was not measured on a node {node!r}", "not-measured")
    seat = seats[chosen].seat
    kept, changes = await store.observations(seat, latest=MOST_KEPT), await store.events(MOST_KEPT, seat=seat)
    found = await asyncio.to_thread(course_of, measured.books, kept, changes)
    return chosen, [name for name in seats if name], found


async def _names(at: Gateway) -> dict[str, str]:
    """Return the names of all nodes by their keys, those that are gone, too."""
    return {node.key: node.name for node in await at.session.roster.nodes(gone=True)}


def _is_here(at: Gateway, seat: Seat, nodes: Mapping[str, str]) -> bool:
    """Return whether a seat is one of this network: a store may hold several."""
    return seat.node in nodes if seat.node else seat.member in at.session.network.agents


async def _profiles(at: Gateway, member: str) -> list[Profile]:
    """Return the profiles of a member; of one that is not there any more, those of its latest digest."""
    measured = at.session.measured
    await measured.members.refresh()
    if present := measured.members.seats(member):
        return present
    past = [profile for profile in await measured.store.all() if profile.seat.member == member]
    latest = max(past, key=lambda profile: profile.updated, default=None)
    return [] if latest is None else [profile for profile in past if profile.seat.digest == latest.seat.digest]
