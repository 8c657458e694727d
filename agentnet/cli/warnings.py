"""What the package logs as a warning, as one line each for the person at the terminal."""

from __future__ import annotations

import logging
import os

import typer

from agentnet.cli.entry import DEBUG, printable

RAW = "agentnet.llama.cpp"
"""The logger of llama.cpp's own lines: what matters of them is in errors and notes."""


class Lines(logging.Handler):
    """Prints each warning once on stderr; llama.cpp's own lines only where ``AGENTNET_DEBUG`` is set."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if (record.name == RAW and not os.environ.get(DEBUG)) or text in self._told:
            return
        self._told.add(text)
        typer.secho(f"agentnet: {printable(text)}", fg=typer.colors.YELLOW, err=True)


def show_warnings() -> None:
    """Show the package's warnings from now on, in this process."""
    logger = logging.getLogger("agentnet")
    if not any(isinstance(handler, Lines) for handler in logger.handlers):
        logger.addHandler(Lines())
