"""The network over the API: its members, what was measured of them, the nodes that serve them, and its policy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from agentnet.contracts.base import finite
from agentnet.contracts.messages import LARGEST_INTEGER
from agentnet.errors import StoreError
from agentnet.policy.words import remarks, rules
from agentnet.serving.api.asking import At, By, room
from agentnet.serving.api.shown import Me, Member, NetworkShown, PolicyShown, Rule

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
    """Show the network with its current members."""
    network, roster = at.session.network, at.session.roster
    standings = {profile.seat.member: profile.standing for profile in await at.session.measured.store.all()}
    nodes: dict[str, list[str]] = {}
    for node in roster.known:
        for offer in node.offers:
            nodes.setdefault(offer.name, []).append(node.name)
    members = [
        Member(
            name=agent.name,
            kind=agent.model.kind,
            pack=agent.pack,
            card=agent.card,
            nodes=tuple(nodes.get(agent.name, ())) if agent.model.kind == "node" else (),
            probation=agent.name in network.probation,
            standing=standings.get(agent.name),
        )
        for agent in network.spec.agents
    ]
    return NetworkShown(
        name=network.spec.name,
        description=network.spec.description,
        protocol=at.session.settings.protocol.value,
        members=members,
        epoch=roster.epoch,
    )


@router.get("/network/profiles")
async def profiles(at: At) -> list[Plain]:
    """List what was measured of members: accuracy by label with its lower bound, failures, speeds, standing."""
    return [finite(profile.shown()) for profile in await at.session.measured.store.all()]


@router.get("/network/nodes")
async def nodes(at: At, gone: bool = False) -> list[Plain]:
    """List the nodes of the network with their states, members and loads; with `gone`, those that left, too."""
    return [node.shown() for node in await at.session.roster.nodes(gone=gone)]


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


@router.get("/policy")
async def policy(at: At) -> PolicyShown | None:
    """Show what was learned about the network, with the evidence; null where nothing was."""
    learned = at.session.learned
    if learned is None:
        return None
    found = learned.policy
    return PolicyShown(
        file=Path(learned.where).name,
        created=found.created,
        default=found.default,
        rules=[Rule(label=rule.label, use=rule.use, evidence=rule.evidence) for rule in rules(found)],
        remarks=list(remarks(learned)),
        policy=found.model_dump(mode="json", exclude={"analyzer"}),
    )
