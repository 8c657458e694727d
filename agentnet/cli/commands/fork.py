"""``agentnet fork``."""

from __future__ import annotations

from typing import Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD

DIGITS = 9
"""Most digits of a message's number; what is longer is an id."""


async def fork(
    run: Annotated[str, typer.Argument(help="The run's id, or a prefix of it.", show_default=False)],
    message: Annotated[
        str, typer.Argument(help="The last message that is kept: its number in `agentnet show`, or its id.")
    ],
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", "-p", help="What begins with these messages in view. Default: the run goes on."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of the fork. Default: another than the run's.")
    ] = None,
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
    """Start a run that goes on from a message of another run, by the same protocol or by another one.

    Without --protocol, the turns up to that message stand, and those behind it are taken again. The run that is forked
    from stays as it is.
    """
    from agentnet.cli.live import view_for
    from agentnet.cli.output import emit
    from agentnet.cli.person import answers_from
    from agentnet.cli.records import outcome_data
    from agentnet.cli.watching import watched
    from agentnet.session import open_run

    settings = options.settings_from(store=store)
    limits = options.limits_from(limit_tokens, limit_calls, limit_seconds, limit_cost, best_so_far)
    last = int(message) if message.isdecimal() and len(message) <= DIGITS else message
    async with open_run(run, settings=settings) as (session, record):
        with view_for(json=json, json_lines=json_lines, verbose=verbose) as view:
            outcome = await watched(
                session.fork(
                    record,
                    last,
                    protocol,
                    seed=seed,
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
