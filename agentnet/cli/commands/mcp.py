"""``agentnet mcp``: a network as an MCP server over standard input and output."""

from __future__ import annotations

from agentnet.cli import options


async def mcp(
    network: options.NetworkOption = None,
    policy: options.PolicyOption = None,
    store: options.StoreOption = None,
) -> None:
    """Serve a network's tools and resources to the MCP client that started this command.

    Messages go over standard input and output; everything else is said on standard error. The command ends when its
    input does. `agentnet serve` serves the same over HTTP, at /mcp.
    """
    from agentnet.serving.mcp.stdio import serve_stdio

    await serve_stdio(options.settings_from(network=network, store=store, policy=policy))
