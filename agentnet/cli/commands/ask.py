"""``agentnet ask``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD, is_text


async def ask(
    text: Annotated[str, typer.Argument(help="The question; '-' reads standard input.", show_default=False)],
    protocol: options.Protocol = None,
    network: options.NetworkOption = None,
    policy: options.PolicyOption = None,
    label: options.Label = None,
    seed: options.Seed = None,
    limit_tokens: options.LimitTokens = None,
    limit_calls: options.LimitCalls = None,
    limit_seconds: options.LimitSeconds = None,
    limit_cost: options.LimitCost = None,
    best_so_far: options.BestSoFar = False,
    store: options.StoreOption = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
    json_lines: options.JsonLines = False,
) -> int:
    """Ask a network a question, and watch its agents answer."""
    from agentnet.cli.live import view_for
    from agentnet.cli.output import emit
    from agentnet.cli.person import answers_from
    from agentnet.cli.records import outcome_data
    from agentnet.cli.watching import watched
    from agentnet.collab.asking import as_protocol
    from agentnet.errors import BadInput
    from agentnet.network import find_network
    from agentnet.network.offered import offered_members
    from agentnet.session import open_session

    if text == "-":
        if sys.stdin is None:
            raise BadInput("standard input is closed: there is no question to read")
        text = sys.stdin.buffer.read().decode(errors="surrogateescape").strip()
    if not text.strip():
        raise BadInput("the question is empty")
    if not is_text(text):
        raise BadInput("the question is not UTF-8; convert it")
    settings = options.settings_from(network=network, store=store, protocol=protocol, policy=policy)
    limits = options.limits_from(limit_tokens, limit_calls, limit_seconds, limit_cost, best_so_far)
    spec = find_network(settings.network.value)[0]
    names = [agent.name for agent in spec.agents] + await offered_members(settings.store.value, spec.name)
    as_protocol(settings.protocol.value, agents=names)  # fails before models are loaded
    async with open_session(settings=settings) as session:
        with view_for(json=json, json_lines=json_lines, verbose=verbose) as view:
            outcome = await watched(
                session.run(
                    text,
                    label=label,
                    seed=seed or 0,
                    limits=limits,
                    on_event=view,
                    stream_text=not json,
                    answering=answers_from(view),
                ),
                view,
            )
    if json and not json_lines:
        emit(outcome_data(outcome))
    return EXIT_HELD if outcome.held else EXIT_NOT_HELD
