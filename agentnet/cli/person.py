"""A person at the terminal as a member of a network: questions go to stderr, answers come from standard input."""

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
"""Most bytes of one read from standard input."""


def answers_from(view: View) -> Callable[[Question], Awaitable[str | None]]:
    """Return a function that asks the person at the terminal and pauses the view meanwhile.

    An empty line or an answer that is none of the choices repeats the prompt. The end of the input (Ctrl-D) leaves the
    question open.
    """
    lines = Lines()

    async def answer(question: Question) -> str | None:
        with view.paused():
            typer.echo(f"\n{printable(question.text)}", err=True)
            while True:
                typer.echo(f"{question.agent}> ", nl=False, err=True)
                line = await lines.next()
                if line is None:
                    typer.echo("", err=True)
                    return None
                words = line.strip()
                if words and (not question.choices or question.choice_of(words) is not None):
                    return words
                if words:
                    typer.echo(f"type one of {', '.join(question.choices)}", err=True)

    return answer


class Lines:
    """The lines of standard input, read without blocking the event loop.

    No thread waits for input: Ctrl-C could not stop such a thread.
    """

    def __init__(self) -> None:
        self._read = bytearray()
        self._ended = False

    async def next(self) -> str | None:
        """Return the next line; None at the end of the input."""
        try:
            descriptor = sys.stdin.fileno()
        except (OSError, ValueError, AttributeError):  # stdin is a stand-in for a file, closed, or None
            return (sys.stdin.readline() if sys.stdin is not None and not sys.stdin.closed else "") or None
        searched = 0
        while (end := self._read.find(b"\n", searched)) < 0 and not self._ended:
            searched = len(self._read)
            await _readable(descriptor)
            chunk = os.read(descriptor, CHUNK)
            self._read += chunk
            self._ended = not chunk
        end = len(self._read) if end < 0 else end
        line = self._read[:end].decode(errors="replace")
        del self._read[: end + 1]
        return None if self._ended and not line else line


async def _readable(descriptor: int) -> None:
    """Wait until the file has input, or has ended."""
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
