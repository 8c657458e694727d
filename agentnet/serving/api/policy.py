"""The policy of `auto` over the API: what was learned about the network, in words, as data, and as a drawing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from agentnet.contracts.bodies import Analysis
from agentnet.contracts.messages import Message
from agentnet.contracts.policies import ALL
from agentnet.policy.words import remarks, rules
from agentnet.serving.api.asking import At, By, room
from agentnet.serving.api.costs_drawing import STYLE, draw_costs
from agentnet.serving.api.pictures import Theme, Width, picture
from agentnet.serving.api.shown import PolicyShown, Rule
from agentnet.serving.app import Problem
from agentnet.store.listing import RunFilter

router = room("network")

LATEST = 200
"""Runs whose decisions are counted."""


class Decided(BaseModel):
    """What `auto` used for one kind of question, and how often."""

    label: str | None = Field(description="null: the kind was not found with certainty")
    use: str
    count: int
    latest: datetime
    run: str = Field(description="the latest run")


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


@router.get("/policy/decisions")
async def decisions(at: At, by: By) -> list[Decided]:
    """Count what `auto` decided in the latest 200 runs in which it did: one's own, and with the scope admin all."""
    records = await at.runs.listed(by, RunFilter(said="analysis"), limit=LATEST)
    here = {record.id: record for record in records if record.network.name == at.network}
    said: dict[tuple[str | None, str], list[Message]] = {}
    for message in await at.session.runs.said(list(here), "analysis"):
        is_own = not here[message.run].has_copied(message)
        if is_own and isinstance(message.body, Analysis) and message.body.use:
            said.setdefault((message.body.label, message.body.use), []).append(message)
    found = []
    for (label, use), messages in said.items():
        latest = max(messages, key=lambda message: message.time)
        found.append(Decided(label=label, use=use, count=len(messages), latest=latest.time, run=latest.run))
    return sorted(found, key=lambda one: (-one.count, one.use))


@router.get("/policy/costs.svg", response_class=Response)
async def costs(
    at: At,
    label: Annotated[str, Query(max_length=64, description="a kind of questions; `*`: all of them")] = ALL,
    theme: Theme = "light",
    width: Width = 860,
) -> Response:
    """Draw the accuracy of each system that was tried over its cost, with the frontier."""
    learned = at.session.learned
    known = [] if learned is None else [one for one in learned.policy.estimates if one.label == label]
    if learned is None or len(known) < 2:
        raise Problem(404, f"nothing was learned about questions of the kind {label!r}", "not-learned")
    members = tuple(at.session.network.agents)
    return picture(draw_costs(learned.policy, label, members, width), theme, STYLE)
