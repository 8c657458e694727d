"""The network over the API: its members, what was measured of them, and the nodes that serve them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from agentnet.contracts.base import finite
from agentnet.contracts.messages import LARGEST_INTEGER
from agentnet.contracts.nodes import PRESENT
from agentnet.errors import StoreError
from agentnet.serving.api.asking import At, By, room
from agentnet.serving.api.members import Member, NetworkShown, abilities_of, rules_of, seat_of, standing_of
from agentnet.serving.api.shown import Me

router = room("network")

LOOK_SECONDS = 0.5
"""Seconds between two looks at what happened to the nodes."""

Plain = dict[str, Any]


@router.get("/me")
async def me(by: By) -> Me:
    """Show who asks, and what they may do."""
    return Me(id=by.id, name=by.name, scopes=by.scopes, limits=by.limits)


@router.get("/network")
async def show(at: At) -> NetworkShown:
    """Show the network with its current members, and what is known of them."""
    measured, roster = at.session.measured.members, at.session.roster
    await measured.refresh()
    await roster.refresh()
    network = at.session.network
    nodes: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for node in roster.known:
        names[node.key] = node.name
        for offer in node.offers if node.state in PRESENT else ():
            nodes.setdefault(offer.name, []).append(node.name)
    members = []
    for agent in network.spec.agents:
        profiles = measured.seats(agent.name)
        member = Member(
            name=agent.name,
            kind=agent.model.kind,
            pack=agent.pack,
            card=agent.card,
            nodes=tuple(nodes.get(agent.name, ())) if agent.model.kind == "node" else (),
            joined=agent.name in network.joined,
            probation=agent.name in network.probation,
            standing=standing_of(profiles),
            abilities=abilities_of(agent.card, profiles),
            seats=[seat_of(measured, profile, names.get(profile.seat.node, "")) for profile in profiles],
        )
        members.append(member)
    return NetworkShown(
        name=network.spec.name,
        description=network.spec.description,
        protocol=at.session.settings.protocol.value,
        members=members,
        epoch=roster.epoch,
        join=f"agentnet join {at.url} --network mine.yaml",
        canaries=rules_of(measured),
    )


@router.get("/network/profiles")
async def profiles(at: At) -> list[Plain]:
    """List what was measured of members: accuracy by label with its lower bound, failures, speeds, standing."""
    return [finite(profile.shown()) for profile in await at.session.measured.store.all()]


@router.get("/network/nodes")
async def nodes(at: At, gone: bool = False) -> list[Plain]:
    """List the nodes of the network with their states, members and loads; with `gone`, those that left, too.

    `left` are the seconds that each lease still has, by the network's clock.
    """
    roster = at.session.roster
    known, now = await roster.nodes(gone=gone), await roster.now()
    return [{**node.shown(), "left": max(0.0, (node.until - now).total_seconds())} for node in known]


@router.get("/network/events", response_class=EventSourceResponse)
async def events(
    at: At,
    after: Annotated[
        int | None, Query(ge=0, le=LARGEST_INTEGER, description="changes behind this one; default: what comes")
    ] = None,
    last: Annotated[
        int | None, Header(alias="Last-Event-ID", ge=0, le=LARGEST_INTEGER, description="replaces `after`")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow the nodes of the network: every change of one, numbered by the network's epoch."""
    roster = at.session.roster
    seen = roster.epoch if after is None else after
    seen = seen if last is None else last
    while not at.runs.draining:
        try:
            for event in await roster.events(seen):
                data = json.dumps(finite(event.model_dump(mode="json")), ensure_ascii=False)
                yield ServerSentEvent(raw_data=data, event="node", id=str(event.sequence))
                seen = event.sequence
        except StoreError:
            """It is told that the store is away where it is read by others, and this goes on once it is back."""
        await asyncio.sleep(LOOK_SECONDS)
