"""Warnings that the package logs, shown as one line each in the terminal."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from agentnet.cli.entry import DEBUG, printable

RAW = "agentnet.llama.cpp"
"""The logger of llama.cpp's own lines; errors and notes repeat what matters of them."""


class Lines(logging.Handler):
    """Prints each warning once to stderr; llama.cpp's own lines only if ``AGENTNET_DEBUG`` is set."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if (record.name == RAW and not os.environ.get(DEBUG)) or text in self._shown:
            return
        self._shown.add(text)
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
