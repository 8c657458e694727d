"""``agentnet graph``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agentnet.cli import options


class Form(StrEnum):
    """The format of a drawing."""

    mermaid = "mermaid"
    ascii = "ascii"
    svg = "svg"
    png = "png"


FORMS = {
    ".svg": Form.svg,
    ".png": Form.png,
    ".txt": Form.ascii,
    ".mmd": Form.mermaid,
    ".mermaid": Form.mermaid,
    ".md": Form.mermaid,
    "": Form.mermaid,
}
"""Suffix of a file's name → format."""


def graph(
    protocol: Annotated[
        str, typer.Argument(help="A shipped protocol, a file, an expression, or an agent.", show_default=False)
    ],
    network: options.NetworkOption = None,
    form: Annotated[
        Form | None, typer.Option("--format", "-f", help="Default: by the suffix of --out, else mermaid.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; required for png.")] = None,
    json: options.Json = False,
) -> None:
    """Draw the LangGraph state machine that a protocol compiles to.

    Nested graphs are drawn too. mermaid needs no extra; ascii, svg and png need agentnet-ai[picture], which draws
    offline, without a browser.
    """
    from agentnet.cli.output import emit
    from agentnet.collab.binding import Binder
    from agentnet.collab.inline import read_protocol
    from agentnet.coordinator.compiled import compile_expression
    from agentnet.drawing import draw
    from agentnet.errors import BadInput
    from agentnet.network import find_network

    chosen = (form or _form_of(out)).value
    if chosen == "png" and out is None and not json:
        raise BadInput("a png is written to a file: add --out FILE.png")
    members, _ = find_network(options.settings_from(network=network).network.value)
    spec, _ = read_protocol(protocol, agents=[agent.name for agent in members.agents])
    drawn = draw(compile_expression(Binder(members).bind(spec.protocol)), chosen)
    if out is not None:
        try:
            out.write_bytes(drawn)
        except OSError as error:
            raise BadInput(f"{out}: cannot be written ({error.strerror})") from error
    if json:
        text = None if chosen == "png" else drawn.decode()
        written = str(out) if out else None
        emit({"protocol": spec.name, "network": members.name, "format": chosen, "file": written, "drawing": text})
    elif out is None:
        typer.echo(drawn.decode())


def _form_of(out: Path | None) -> Form:
    from agentnet.errors import BadInput

    suffix = out.suffix.lower() if out else ""
    if suffix not in FORMS:
        raise BadInput(f"{out}: unknown suffix of a drawing; use {', '.join(filter(None, FORMS))}, or add --format")
    return FORMS[suffix]
