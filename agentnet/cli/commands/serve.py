"""``agentnet serve``: a network behind one address."""

from __future__ import annotations

from typing import Annotated

import typer

from agentnet.cli import options

PORT = 8080


async def serve(
    network: options.NetworkOption = None,
    host: options.Host = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = PORT,
    nodes: Annotated[
        str | None,
        typer.Option("--nodes", help="IP networks in which nodes may speak plain HTTP, such as 192.168.1.0/24."),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host", help="A name under which others reach it, such as a reverse proxy's; repeatable."
        ),
    ] = None,
    allowed_origin: Annotated[
        list[str] | None,
        typer.Option("--allowed-origin", help="Origin of web pages that may use it: https://HOST; repeatable."),
    ] = None,
    reached_at: Annotated[
        str | None, typer.Option("--url", help="Base URL at which callers reach it, if it is another.")
    ] = None,
    lease: Annotated[float, typer.Option("--lease", min=1, max=3600, help="Seconds without a heartbeat.")] = 15.0,
    drain: Annotated[
        float, typer.Option("--drain", min=0, max=3600, help="Seconds that runs have to finish at its end.")
    ] = 8.0,
    opens: Annotated[bool, typer.Option("--open", help="Open its page in the browser.")] = False,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Serve a network as a page, one model, one agent and one tool server, until Ctrl-C or SIGTERM.

    People use it by the page at its address, programs by OpenAI's API (/v1), A2A (/a2a), MCP (/mcp) and its own (/api,
    /openapi.json). Machines join it with `agentnet join`: other processes with the same store see their members, too.
    At an address that others reach, callers need a key (`agentnet keys create`), and nodes the secret in
    AGENTNET_TOKEN.
    """
    from agentnet.cli.opening import open_page, page_of, why_not
    from agentnet.cli.output import emit
    from agentnet.cli.serving import Narrator, say
    from agentnet.serving.hosting import HubSettings, run_gateway

    settings = options.settings_from(network=network, store=store, nodes=nodes)
    hub = HubSettings.of(
        settings,
        host=host,
        port=port,
        lease=lease,
        names=allowed_host or (),
        origins=allowed_origin or (),
        drain=drain,
        url=reached_at,
    )

    def ready(url: str, name: str, members: int, access: str) -> None:
        page = page_of(hub.url or url)
        if json:
            emit({"url": url, "network": name, "store": settings.store.value}, indent=None)
        else:
            say(f"network {name} with {members} members: {page}")
            say(f"base URL for OpenAI clients: {hub.url or url}/v1")
            say(access)
        if not opens:
            return
        missing = why_not()
        if missing is None:
            open_page(page)
        else:
            say(f"no browser was opened, since {missing}: open {page}")

    await run_gateway(hub, settings, ready=ready, told=None if json else Narrator().event)
