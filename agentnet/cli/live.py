"""The live view of a run: a listener of its events.

On a terminal, growing replies are shown below the finished messages; elsewhere each message is one plain line.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from agentnet.cli.entry import Interruption, printable
from agentnet.cli.messages_view import cost, line, row, style_of
from agentnet.cli.output import console, emit_line
from agentnet.cli.watching import View
from agentnet.contracts.bodies import Task
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, TextStreamed, TurnStarted
from agentnet.contracts.messages import Message
from agentnet.contracts.runs import OVER

TAIL = 160
"""Characters of a growing reply that are shown."""
REFRESHES = 12
"""Redraws per second."""


@dataclass
class Growing:
    """A reply that is being written."""

    agent: str
    role: str
    started: float = field(default_factory=time.monotonic)
    text: str = ""


class LiveView(View):
    """Shows runs one after another."""

    def __init__(self, *, verbose: bool = False, screen: Console | None = None) -> None:
        self._screen = screen or console()
        self._verbose = verbose
        self._members: tuple[str, ...] = ()
        self._messages: dict[str, Message] = {}
        self._growing: dict[str, Growing] = {}
        self._live: Live | None = None

    def __enter__(self) -> LiveView:
        if self._screen.is_terminal:
            self._live = self._started()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._growing.clear()
        if self._live is not None:
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live = self._started()

    def _started(self) -> Live:
        """Return a new live display below what is printed: one that was stopped would erase it when started again."""
        live = Live(get_renderable=self._draw, console=self._screen, refresh_per_second=REFRESHES, transient=True)
        live.start()
        return live

    def show(self, event: Event) -> None:
        match event:
            case RunStarted():
                _remember(event)
                self._members = event.members
                resumed = "  resumed" if event.resumed else ""
                self._print(Text(f"{event.protocol}  run {event.run}{resumed}", "dim"))
            case TurnStarted():
                self._growing[event.message] = Growing(event.agent, event.role)
            case TextStreamed():
                if growing := self._growing.get(event.message):
                    growing.text += event.text
            case MessageSaid():
                self._growing.pop(event.message.id, None)
                self._messages[event.message.id] = event.message
                self._print(
                    Text(printable(event.message.body.text), "bold")
                    if isinstance(event.message.body, Task)
                    else line(event.message, self._messages, self._members, verbose=self._verbose)
                )
            case RunEnded():
                _remember(event)
                self._growing.clear()
                self._print(ending(event))

    def _print(self, renderable: RenderableType) -> None:
        if self._live is not None and self._live.is_started:
            self._live.refresh()
        self._screen.print(renderable)

    def _draw(self) -> RenderableType:
        now = time.monotonic()
        return Group(
            *(
                row(
                    Text(growing.agent, style_of(growing.agent, self._members)),
                    growing.role,
                    Text(_tail(growing.text), "italic dim"),
                    f"{now - growing.started:.1f} s",
                )
                for growing in list(self._growing.values())
            )
        )


def ending(event: RunEnded) -> Text:
    """Return the last line of a run, with a second line that says how to resume it.

    A cancelled run has no second line: the message of Ctrl-C says how to resume it.
    """
    spent = f"   {event.usage.calls} calls  {cost(event.usage)}" if event.usage.calls else ""
    if event.answer is not None:
        doubt = f"\n{event.detail}" if event.detail else ""
        answer = Text("= ", "green") + Text(printable(event.answer), "bold green") + Text(spent, "dim")
        return answer + Text(printable(doubt), "yellow")
    text = Text(f"{event.status}: ", "yellow") + Text(printable(event.detail)) + Text(spent, "dim")
    if event.status not in (*OVER, "cancelled"):
        higher = " --limit-…" if event.status == "stopped" else ""
        text += Text(f"\nresume with: agentnet resume {event.run}{higher}", "dim")
    return text


class JsonLines(View):
    """Writes every event as one line of JSON to stdout."""

    def show(self, event: Event) -> None:
        _remember(event)
        emit_line(event)


class Silent(View):
    """Shows nothing; only remembers the run that Ctrl-C would interrupt."""

    def show(self, event: Event) -> None:
        _remember(event)


def view_for(*, json: bool, json_lines: bool, verbose: bool = False) -> View:
    """Return the listener that a command's options ask for."""
    if json_lines:
        return JsonLines()
    return Silent() if json else LiveView(verbose=verbose)


def _remember(event: Event) -> None:
    """Update the command that Ctrl-C suggests: it cancels the current run and says how to resume it."""
    if isinstance(event, RunStarted):
        Interruption.resume_hint = f"agentnet resume {event.run}"
    elif isinstance(event, RunEnded) and event.status != "cancelled":
        Interruption.resume_hint = None


def _tail(text: str) -> str:
    flat = " ".join(printable(text).split())
    return flat if len(flat) <= TAIL else "…" + flat[-TAIL:]
