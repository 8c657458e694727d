"""The options that commands share, spelled once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agentnet.contracts.limits import Limits
    from agentnet.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
JsonLines = Annotated[bool, typer.Option("--json-lines", help="Every event as one line of JSON, as it happens.")]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol", "-p", help="A shipped protocol, a YAML file, an expression such as '{verify: …}', or an agent."
    ),
]
NetworkOption = Annotated[str | None, typer.Option("--network", "-n", help="'zoo' or a network file.")]
StoreOption = Annotated[str | None, typer.Option("--store", help="SQLite file or database URL that remembers runs.")]
Label = Annotated[str | None, typer.Option("--label", "-l", help="The kind of task, as agents' cards name it.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Every turn derives its own seed from it.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Whole replies instead of their answers.")]

LimitTokens = Annotated[int | None, typer.Option("--limit-tokens", min=1, help="Tokens of the run, prompts included.")]
LimitCalls = Annotated[int | None, typer.Option("--limit-calls", min=1, help="Model calls of the run.")]
LimitSeconds = Annotated[float | None, typer.Option("--limit-seconds", min=0.001, help="Wall time of the run.")]
LimitCost = Annotated[float | None, typer.Option("--limit-cost", min=1e-9, help="Money, at the prices on the cards.")]
BestSoFar = Annotated[bool, typer.Option("--best-so-far", help="At a limit: decide on what was said until then.")]


def settings_from(*, network: str | None = None, store: str | None = None, protocol: str | None = None) -> Settings:
    """The settings in force for a command's arguments."""
    from agentnet.settings import resolve

    return resolve(network=network, store=store, protocol=protocol)


def limits_from(
    tokens: int | None, calls: int | None, seconds: float | None, cost: float | None, best_so_far: bool
) -> Limits | None:
    """The limits of a command's arguments; None where none is given."""
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
