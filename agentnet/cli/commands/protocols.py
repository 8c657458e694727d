"""``agentnet protocols``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.contracts.protocols import ProtocolSpec


def protocols(
    name: Annotated[str | None, typer.Argument(help="Protocol to show in full: a shipped name or a file.")] = None,
    json: options.Json = False,
) -> None:
    """List the shipped protocols, or show one in full."""
    from agentnet.cli.output import console, emit, show_table, table
    from agentnet.collab.inline import read_protocol
    from agentnet.collab.library import shipped_protocols

    if name is not None:
        spec, _ = read_protocol(name)
        if json:
            emit(_data(spec))
        else:
            _show(spec)
        return
    shipped = shipped_protocols()
    if json:
        emit([_data(spec) for spec in shipped.values()])
        return
    rows = table("protocol", "what it does", "model calls", wrap=("what it does", "model calls"))
    for protocol in shipped.values():
        rows.add_row(protocol.name, protocol.summary, protocol.calls)
    show_table(rows)
    console().print("agentnet protocols NAME shows a protocol in full; agentnet graph NAME draws it", style="dim")


def _data(spec: ProtocolSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json")


def _refuses(spec: ProtocolSpec) -> str:
    if spec.floor == 0:
        return ""
    return (
        f"refuses: tasks of a --label for which all agents that it asks were measured, and the best of them was right "
        f"on less than {spec.floor * 100:g} %"
    )


def _show(spec: ProtocolSpec) -> None:
    import yaml
    from rich.padding import Padding
    from rich.text import Text

    from agentnet.cli.output import console

    screen = console()
    screen.print(Text(spec.name, "bold") + Text(f"  {spec.summary}"))
    for text in (spec.description.strip(), f"source: {spec.source}", f"model calls: {spec.calls}", _refuses(spec)):
        if not text.endswith(": ") and text:
            screen.print(Text(text, "dim"))
    written = yaml.safe_dump({"protocol": spec.model_dump(mode="json")["protocol"]}, sort_keys=False, width=100)
    screen.print(Padding(Text(written.rstrip()), (1, 0, 0, 2)))
