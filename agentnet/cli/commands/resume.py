"""``agentnet resume``."""

from __future__ import annotations

from typing import Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD


async def resume(
    run: Annotated[str, typer.Argument(help="The run's id, or a prefix of it.", show_default=False)],
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
    """Resume a run that was interrupted, cancelled, or hit a limit.

    Finished turns are not asked again. Given limits replace all of the run's own limits.
    """
    from agentnet.cli.live import view_for
    from agentnet.cli.output import emit
    from agentnet.cli.person import answers_from
    from agentnet.cli.records import outcome_data
    from agentnet.cli.watching import watched
    from agentnet.session import open_run

    settings = options.settings_from(store=store)
    limits = options.limits_from(limit_tokens, limit_calls, limit_seconds, limit_cost, best_so_far)
    async with open_run(run, settings=settings) as (session, record):
        with view_for(json=json, json_lines=json_lines, verbose=verbose) as view:
            outcome = await watched(
                session.resume(
                    record, limits=limits, on_event=view, stream_text=not json, answering=answers_from(view)
                ),
                view,
            )
    if json and not json_lines:
        emit(outcome_data(outcome))
    return EXIT_HELD if outcome.held else EXIT_NOT_HELD
