"""A person at the terminal who is a member of a network: questions to stderr, words from standard input."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

import typer

from agentnet.cli.entry import printable
from agentnet.cli.watching import View
from agentnet.contracts.questions import Question

CHUNK = 65_536
"""Bytes that are read from standard input at once."""


def answers_from(view: View) -> Callable[[Question], Awaitable[str | None]]:
    """What puts questions to the person at the terminal, with the view out of the way.

    An empty line, and words that are none of the choices, are asked for again. The end of the input (Ctrl-D) leaves the
    question open.
    """
    lines = Lines()

    async def answer(question: Question) -> str | None:
        with view.paused():
            typer.echo(f"\n{printable(question.text)}", err=True)
            while True:
                typer.echo("> ", nl=False, err=True)
                line = await lines.next()
                if line is None:
                    typer.echo("", err=True)
                    return None
                words = line.strip()
                if words and (not question.choices or question.choice_of(words) is not None):
                    return words
                if words:
                    typer.echo(f"one of {', '.join(question.choices)}, please", err=True)

    return answer


class Lines:
    """The lines of standard input, read without blocking the event loop.

    No thread waits for input: one that did could not be stopped by Ctrl-C.
    """

    def __init__(self) -> None:
        self._read = b""
        self._ended = False

    async def next(self) -> str | None:
        """The next line; None at the end of the input."""
        try:
            descriptor = sys.stdin.fileno()
        except (OSError, ValueError, AttributeError):  # a stand-in for a file, a closed one, or none at all
            return (sys.stdin.readline() if sys.stdin is not None and not sys.stdin.closed else "") or None
        while b"\n" not in self._read and not self._ended:
            await _readable(descriptor)
            chunk = os.read(descriptor, CHUNK)
            self._read += chunk
            self._ended = not chunk
        line, _, self._read = self._read.partition(b"\n")
        return None if self._ended and not line else line.decode(errors="replace")


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read, or the end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(descriptor, lambda: None if ready.done() else ready.set_result(None))
    except (PermissionError, NotImplementedError):  # a file is always readable; Windows cannot wait for a console
        return
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
