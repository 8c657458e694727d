"""``agentnet nodes``: the nodes of a network, and what its owner does with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.contracts.nodes import NodeEvent, NodeRecord
    from agentnet.network.roster import Roster

Action = Literal["expel", "readmit", "forget", "events"]


async def nodes(
    action: Annotated[
        Action | None,
        typer.Argument(help="Expel a node, readmit or forget one, or list what happened.", show_default=False),
    ] = None,
    node: Annotated[
        str | None, typer.Argument(help="The node's name, or the beginning of its key.", show_default=False)
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="The reason, which is written down.")] = None,
    all: Annotated[bool, typer.Option("--all", help="List nodes that are gone, too.")] = False,
    network: options.NetworkOption = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """List the nodes of a network: their members, states and loads.

    `expel NODE` takes a node off the network, and its key may not come back until `readmit NODE`. `forget NODE` frees
    the name of one that will not come back. `events [NODE]` lists every change.
    """
    from agentnet.cli.output import console, emit
    from agentnet.errors import BadInput
    from agentnet.network import find_network
    from agentnet.network.roster import Roster
    from agentnet.store import Database
    from agentnet.store.nodes import Nodes

    settings = options.settings_from(network=network, store=store)
    name = find_network(settings.network.value)[0].name
    if action not in (None, "events") and node is None:
        raise BadInput(f"say which node: agentnet nodes {action} NODE")
    async with await Database.open(settings.store.value) as database:
        roster = Roster(Nodes(database, name))
        if action is None:
            await _list(roster, name, gone=all, json=json)
        elif action == "events":
            key = (await roster.find(node)).key if node is not None else None
            _show_events(await roster.events(key=key), json=json)
        else:
            record = await roster.find(str(node))
            after = await _act(roster, action, record, why)
            if json:
                emit({"name": record.name, "key": record.key, "state": after})
            else:
                console().print(f"node {record.name}: {after}")


async def _act(roster: Roster, action: Action, record: NodeRecord, why: str | None) -> str:
    given = {} if why is None else {"why": why}
    if action == "expel":
        return (await roster.expel(record.key, why or "its network's owner expelled it")).state
    if action == "readmit":
        return (await roster.readmit(record.key, **given)).state
    await roster.forget(record.key, **given)
    return "forgotten"


async def _list(roster: Roster, network: str, *, gone: bool, json: bool) -> None:
    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, emit, show_table, table

    await roster.sweep()
    found = await roster.nodes(gone=gone)
    if json:
        emit({"network": network, "nodes": [record.shown() for record in found]})
        return
    if not found:
        console().print(f"No nodes in network {network}. One joins with: agentnet join URL --network FILE", style="dim")
        return
    rows = table("node", "key", "state", "members", "at", "load", "heard", wrap=("members", "at"))
    now = datetime.now(UTC)
    for record in found:
        members = ", ".join(offer.name for offer in record.offers)
        load = f"{record.load.running}+{record.load.queued}"
        heard = f"{max(0.0, (now - record.heard).total_seconds()):.0f} s ago"
        cells = (record.name, record.key[:8], record.state, members, record.url, load, heard)
        rows.add_row(*map(printable, cells))
    show_table(rows, spare=("load", "key"))


def _show_events(events: list[NodeEvent], *, json: bool) -> None:
    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, emit, show_table, table

    if json:
        emit([event.model_dump(mode="json") for event in events])
        return
    if not events:
        console().print("Nothing happened yet.", style="dim")
        return
    rows = table("when", "node", "member", "before", "after", "why", wrap=("why",))
    for event in events:
        when = event.time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        rows.add_row(when, *map(printable, (event.node, event.member or "", event.before, event.after, event.why)))
    show_table(rows)
