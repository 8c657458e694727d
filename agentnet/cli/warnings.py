"""Warnings that the package logs, shown as one line each in the terminal."""

from __future__ import annotations

import logging
import os

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


def show_warnings() -> None:
    """Show the package's warnings in this process, from now on."""
    logger = logging.getLogger("agentnet")
    if not any(isinstance(handler, Lines) for handler in logger.handlers):
        logger.addHandler(Lines())
