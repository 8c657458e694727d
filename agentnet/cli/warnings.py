"""What the package logs as a warning, as one line each for the person at the terminal."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Show the package's warnings for as long as a command runs."""
    lines, logger = Lines(), logging.getLogger("agentnet")
    logger.addHandler(lines)
    try:
        yield
    finally:
        logger.removeHandler(lines)
