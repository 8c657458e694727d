"""The options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agentnet.contracts.limits import Limits
    from agentnet.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout and nothing else.")]
JsonLines = Annotated[bool, typer.Option("--json-lines", help="Print every event as one line of JSON, as it happens.")]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol", "-p", help="A shipped protocol, a YAML file, an expression such as '{verify: …}', or an agent."
    ),
]
NetworkOption = Annotated[str | None, typer.Option("--network", "-n", help="'zoo' or a network file.")]
StoreOption = Annotated[str | None, typer.Option("--store", help="SQLite file or database URL that stores the runs.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen at; 127.0.0.1 is for this machine alone.")]
PolicyOption = Annotated[
    str | None, typer.Option("--policy", help="A policy file, or 'none' (default: the network's own, if it has one).")
]
Label = Annotated[str | None, typer.Option("--label", "-l", help="The kind of task, as agents' cards name it.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the run; each turn derives its own from it.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show full replies.")]

LimitTokens = Annotated[int | None, typer.Option("--limit-tokens", min=1, help="Most tokens of a run, with prompts.")]
LimitCalls = Annotated[int | None, typer.Option("--limit-calls", min=1, help="Most model calls of a run.")]
LimitSeconds = Annotated[float | None, typer.Option("--limit-seconds", min=0.001, help="Most wall time of a run.")]
LimitCost = Annotated[float | None, typer.Option("--limit-cost", min=1e-9, help="Most money, at the cards' prices.")]
BestSoFar = Annotated[bool, typer.Option("--best-so-far", help="At a limit, decide on the messages so far.")]


def settings_from(
    *,
    network: str | None = None,
    store: str | None = None,
    protocol: str | None = None,
    policy: str | None = None,
    nodes: str | None = None,
) -> Settings:
    """Return the settings in force for a command's arguments."""
    from agentnet.settings import resolve

    return resolve(network=network, store=store, protocol=protocol, policy=policy, nodes=nodes)


def limits_from(
    tokens: int | None, calls: int | None, seconds: float | None, cost: float | None, best_so_far: bool
) -> Limits | None:
    """Return the limits of a command's arguments; None if none is given."""
    from agentnet.contracts.limits import Limits

    if not (best_so_far or any(limit is not None for limit in (tokens, calls, seconds, cost))):
        return None
    return Limits(
        tokens=tokens,
        calls=calls,
        seconds=seconds,
        cost=cost,
        when_exhausted="best_so_far" if best_so_far else "stop",
    )
