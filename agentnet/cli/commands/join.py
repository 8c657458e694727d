"""``agentnet join`` and ``agentnet leave``: this machine as a node of a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_BAD_INPUT, EXIT_HELD

Name = Annotated[str | None, typer.Option("--name", help="Name of this node; default: the machine's and the file's.")]
KeyFile = Annotated[Path | None, typer.Option("--key", help="File of this node's key, made where it is missing.")]


async def join(
    url: Annotated[str, typer.Argument(help="Where `agentnet serve` runs: http://HOST:PORT", show_default=False)],
    network: options.NetworkOption = None,
    name: Name = None,
    offer: Annotated[
        list[str] | None, typer.Option("--offer", help="A member to offer; repeat it for several. Default: all.")
    ] = None,
    host: options.Host = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    reached_at: Annotated[
        str | None, typer.Option("--url", help="Base URL at which the network reaches this node, if it is another.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Requests at the same time; more are refused.")] = 256,
    drain: Annotated[float, typer.Option("--drain", min=0, help="Seconds for what is left when it leaves.")] = 60.0,
    key: KeyFile = None,
    json: options.Json = False,
) -> int:
    """Serve the models of a network file to the network of a hub, until Ctrl-C or SIGTERM.

    The models are reached through OpenAI's API at this node's URL. On SIGTERM the node finishes what it has, takes
    nothing new, and leaves; a second signal ends it at once. A secret that the hub wants is read from AGENTNET_TOKEN.
    """
    from agentnet.cli.entry import complain
    from agentnet.cli.output import emit
    from agentnet.cli.serving import say
    from agentnet.errors import NodeError
    from agentnet.network import find_network
    from agentnet.redaction import know
    from agentnet.serving.node.client import TOKEN
    from agentnet.serving.node.node import Joined, NodeSettings, node_name, run_node

    settings = options.settings_from(network=network)
    spec, base = find_network(settings.network.value)
    called = name or node_name(spec.name)
    token = os.environ.get(TOKEN, "")
    know(token)
    node = NodeSettings(
        hub=url,
        name=called,
        key=key or _key_of(settings.home.value, called),
        only=tuple(offer or ()),
        host=host,
        port=port,
        url=reached_at,
        token=token,
        most=most,
        drain=drain,
    )

    def ready(joined: Joined) -> None:
        card, registered = joined.card, joined.registered
        members = [offer.name for offer in card.offers]
        if json:
            emit(
                {
                    "name": card.name,
                    "key": card.key,
                    "url": card.url,
                    "network": registered.network,
                    "members": members,
                },
                indent=None,
            )
            return
        say(f"node {card.name} (key {card.key[:8]}…) serves {', '.join(members)} at {card.url}")
        say(f"it takes part in network {registered.network}; Ctrl-C to leave")

    try:
        await run_node(spec, base, node, say=say, ready=ready)
    except NodeError as error:
        complain(str(error))
        return EXIT_BAD_INPUT
    return EXIT_HELD


async def leave(
    url: Annotated[str, typer.Argument(help="Where `agentnet serve` runs: http://HOST:PORT", show_default=False)],
    network: options.NetworkOption = None,
    name: Name = None,
    key: KeyFile = None,
    json: options.Json = False,
) -> None:
    """Let this machine's node leave: it finishes what it has, takes nothing new, and ends.

    Named like `agentnet join` names it: by --name, or by the network file that it serves.
    """
    from agentnet.cli.output import console, emit
    from agentnet.errors import BadInput
    from agentnet.network import find_network
    from agentnet.serving.keys import NodeKey
    from agentnet.serving.node.client import TOKEN, HubClient
    from agentnet.serving.node.node import node_name

    if not url.startswith(("http://", "https://")):
        raise BadInput(f"{url!r} is not where `agentnet serve` runs: agentnet leave http://HOST:PORT --name {url}")
    settings = options.settings_from(network=network)
    called = name or node_name(find_network(settings.network.value)[0].name)
    path = key or _key_of(settings.home.value, called)
    if not path.is_file():
        raise BadInput(f"{path}: this machine has no key of a node {called!r}: name it with --name or --key")
    async with HubClient(url, NodeKey.open(path), token=os.environ.get(TOKEN, "")) as client:
        state = (await client.leave(drain=True)).state
    if json:
        emit({"name": called, "state": state})
    else:
        console().print(f"node {called} is {state}")


def _key_of(home: str, name: str) -> Path:
    return Path(home) / "nodes" / f"{name}.key"
