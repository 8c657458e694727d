"""``agentnet policy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.policy import Learned


async def show(
    file: Annotated[str | None, typer.Argument(help="Policy file (default: the network's own).")] = None,
    network: options.NetworkOption = None,
    json: options.Json = False,
) -> None:
    """Tell in plain words what `auto` uses for which kind of task, and on which evidence."""
    from agentnet.cli.output import console, emit
    from agentnet.network import find_network
    from agentnet.network.files import source_of
    from agentnet.policy import open_learned

    settings = options.settings_from(network=network, policy=file)
    spec, base = find_network(settings.network.value)
    async with open_learned(None, spec, base, source_of(settings.network.value), settings) as learned:
        if json:
            emit(None if learned is None else _data(learned))
        elif learned is None:
            console().print(
                f"nothing was learned about {spec.name}: `auto` is `best`, at its cost; "
                f"`agentnet learn SUITE` learns from the questions of a suite"
            )
        else:
            _show(learned)


def _data(learned: Learned) -> dict[str, Any]:
    data = learned.policy.model_dump(mode="json", exclude={"analyzer"})
    return {**data, "file": learned.where, "analyzer": str(learned.analyzer) if learned.analyzer else None}


def _show(learned: Learned) -> None:
    from rich.text import Text

    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, show_table, table
    from agentnet.contracts.policies import ALL
    from agentnet.policy.words import remarks, rules

    policy, screen = learned.policy, console()
    members = ", ".join(policy.network.members)
    screen.print(Text(policy.network.name, "bold") + Text(f"  {printable(members)}"))
    source = printable(policy.suite) or f"questions of seed {policy.seed}"
    screen.print(Text(f"learned {policy.created:%Y-%m-%d} from {source}; {learned.where}", "dim"))
    rows = table("kind of task", "system", "evidence", wrap=("evidence",))
    for rule in rules(policy):
        label = "any other" if rule.label == ALL else rule.label
        rows.add_row(printable(label), printable(rule.use), printable("; ".join(rule.evidence)))
    show_table(rows)
    for remark in remarks(learned):
        screen.print(Text(printable(remark), "dim"))
