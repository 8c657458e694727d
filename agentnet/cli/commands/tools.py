"""``agentnet tools``: the servers of tools of a network, their tools, and who may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from agentnet.agents.tools.connection import ToolConnection
    from agentnet.contracts.network import NetworkSpec


async def tools(
    allow: Annotated[
        bool, typer.Option("--allow", help="Allow the commands in the network file to be started on this machine.")
    ] = False,
    network: options.NetworkOption = None,
    json: options.Json = False,
) -> int:
    """List the MCP servers of a network, their tools, and the members that may use them.

    A command in a network file runs with your rights: it is started only after `--allow`, and again asked for when it
    changes. Exit code 1 if a server cannot be used.
    """
    from pathlib import Path

    from agentnet.agents.tools import ToolServers
    from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD
    from agentnet.cli.output import emit
    from agentnet.network import find_network

    settings = options.settings_from(network=network)
    spec, base = find_network(settings.network.value)
    home = Path(settings.home.value)
    allowed = _allow(spec, base, home) if allow else []
    async with ToolServers.open(spec.tools, base, home) as servers:
        await servers.start(spec.tools)
        found = list(servers.connections.values())
        if json:
            emit({"network": spec.name, "allowed": allowed, "servers": [_data(spec, server) for server in found]})
        else:
            _show(spec, found, allowed)
        return EXIT_NOT_HELD if any(server.problem for server in found) else EXIT_HELD


def _allow(spec: NetworkSpec, base: Path, home: Path) -> list[str]:
    """Allow the commands of a network; returns those that were not before."""
    from agentnet.agents.tools.consent import allow, is_allowed

    new = {name: server for name, server in spec.tools.items() if server.command and not is_allowed(server, base, home)}
    for server in new.values():
        allow(server, base, home)
    return [f"{name}: {' '.join(server.command)}" for name, server in new.items()]


def _users(spec: NetworkSpec, tool: str) -> list[str]:
    return [agent.name for agent in spec.agents if agent.tools is not None and tool in agent.tools.allow]


def _data(spec: NetworkSpec, server: ToolConnection) -> dict[str, Any]:
    offered = [
        {
            "name": offer.name,
            "description": offer.description,
            "arguments": dict(offer.parameters),
            "members": _users(spec, offer.name),
        }
        for offer in server.offers.values()
    ]
    return {
        "name": server.name,
        "at": str(server),
        "problem": server.problem,
        "tools": offered,
        "unusable": server.unusable,
    }


def _show(spec: NetworkSpec, servers: list[ToolConnection], allowed: list[str]) -> None:
    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, show_table, table

    screen = console()
    for command in allowed:
        screen.print(f"allowed  {printable(command)}", markup=False)
    if not servers:
        screen.print(f"Network {spec.name} has no servers of tools; docs/serve.md says how to name them.", style="dim")
        return
    rows = table("tool", "members", "what it says of itself", wrap=("members", "what it says of itself"))
    for server in servers:
        if server.problem is not None:
            rows.add_row(server.name, "", printable(f"✗ {server.problem}"))
        for offer in server.offers.values():
            cells = (offer.name, ", ".join(_users(spec, offer.name)) or "-", offer.description)
            rows.add_row(*map(printable, cells))
        for name, why in server.unusable.items():
            rows.add_row(*map(printable, (name, "", f"✗ {why}")))
    show_table(rows)
