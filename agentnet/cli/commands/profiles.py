"""``agentnet profiles`` and ``agentnet outcome``: what is known of members, and what users say of answers."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.contracts.profiles import Profile
    from agentnet.store import Profiles


class Verdict(StrEnum):
    """What a user says of an answer."""

    right = "right"
    wrong = "wrong"


async def profiles(
    member: Annotated[str | None, typer.Argument(help="One member. Default: all.", show_default=False)] = None,
    events: Annotated[bool, typer.Option("--events", help="Show the changes of standing, with their tests.")] = False,
    readmit: Annotated[
        str | None, typer.Option("--readmit", metavar="WHY", help="Let the member begin again, on probation.")
    ] = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Show what was measured of members: accuracy by label with its bound, failures, speeds, standing.

    A member that was expelled comes back only through probation: `--readmit`, and `agentnet nodes readmit` if a node
    served it.
    """
    from agentnet.cli.output import emit
    from agentnet.cli.profiles_view import show_events, show_profiles
    from agentnet.errors import BadInput
    from agentnet.store.storage import open_storage

    if readmit is not None and member is None:
        raise BadInput("--readmit lets one member begin again: name it")
    async with open_storage(options.settings_from(store=store), existing=True) as storage:
        found = [one for one in await storage.profiles.all() if member in (None, one.seat.member)]
        if member is not None and not found:
            raise BadInput(f"nothing was measured of a member {member!r} in {storage.database.name}")
        if readmit is not None:
            found = [await _readmitted(storage.profiles, one, readmit) for one in found]
        changes = [one for one in await storage.profiles.events() if member in (None, one.seat.member)]
    if json:
        shown = [one.shown() for one in found]
        emit({"profiles": shown, "events": [one.model_dump(mode="json") for one in changes]} if events else shown)
        return
    if events:
        show_events(changes)
    else:
        show_profiles(found)


async def _readmitted(store: Profiles, profile: Profile, why: str) -> Profile:
    """Let one seat begin again, if it was expelled; returns its profile."""
    from datetime import UTC, datetime

    from agentnet.profiles.books import Books

    if profile.standing != "expelled":
        return profile
    changed = await store.change(profile.seat, lambda now: Books().readmitted(now, datetime.now(UTC), why))
    return changed or profile


async def outcome(
    run: Annotated[str, typer.Argument(help="The run's id, or a prefix of it.", show_default=False)],
    verdict: Annotated[Verdict, typer.Argument(help="Whether its answer was right.", show_default=False)],
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Say whether the answer of a run was right: the profiles of its members learn from it.

    A second report on a run replaces the first. A question that was answered right becomes a canary for other members.
    """
    from agentnet.cli.output import console, emit
    from agentnet.contracts.nodes import NodeSpec
    from agentnet.network import Network
    from agentnet.network.roster import Roster
    from agentnet.profiles.members import Profiled
    from agentnet.profiles.outcomes import report
    from agentnet.store.nodes import Nodes
    from agentnet.store.storage import open_storage

    async with open_storage(options.settings_from(store=store), existing=True) as storage:
        record = await storage.runs.find(run)
        joined = frozenset(member.name for member in record.network.agents if isinstance(member.model, NodeSpec))
        then = Network(record.network, (), joined=joined)
        roster = Roster(Nodes(storage.database, record.network.name))
        await roster.refresh()
        members = Profiled(then, storage.profiles, record.network.canaries, key_of=roster.key_of)
        messages = await storage.runs.messages(record.id)
        found = await report(record, messages, verdict is Verdict.right, members, storage)
    if json:
        told = [one.model_dump(mode="json") for one in found]
        emit({"run": record.id, "outcome": verdict.value, "observations": told})
        return
    console().print(f"run {record.id} was {verdict.value}")
    for one in found:
        console().print(f"  {one.seat.member} was {'right' if one.right else 'wrong'} ({one.label or 'no label'})")
