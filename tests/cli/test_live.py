"""The live view: what stands on a terminal, and what in a pipe."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from agentnet.cli.entry import Interruption
from agentnet.cli.live import LiveView
from agentnet.cli.messages_view import line
from agentnet.contracts.bodies import Assignment, Body, Plan, Proposal, Step, Task, Verdict, Vote
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, RunStatus, TextStreamed, TurnStarted
from agentnet.contracts.messages import Message
from agentnet.contracts.usage import Usage


def _message(body: Body, sender: str = "ann", id: str = "m", round: int = 0, node: str = "ask/ann") -> Message:
    return Message(
        id=id,
        run="r1",
        sequence=1,
        sender=sender,
        node=node,
        round=round,
        time=datetime.now(UTC),
        usage=Usage(calls=1, prompt_tokens=9, completion_tokens=3, seconds=0.5),
        body=body,
    )


def _events(answer: str) -> list[Event]:
    return [
        RunStarted(run="r1", protocol="single"),
        MessageSaid(run="r1", message=_message(Task(text="What is 2 + 3?"), "user", "t")),
        TurnStarted(run="r1", message="m", agent="ann", node="ask/ann", round=0, role="solve"),
        TextStreamed(run="r1", message="m", agent="ann", text="thinking "),
        MessageSaid(run="r1", message=_message(Proposal(answer=answer, text=f"thinking => {answer}"))),
        RunEnded(run="r1", status="done", answer=answer, usage=Usage(calls=1)),
    ]


def test_a_pipe_gets_plain_lines() -> None:
    out = io.StringIO()
    with LiveView(screen=Console(file=out, width=80)) as view:
        for event in _events("5"):
            view(event)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines[:2] == ["single  run r1", "What is 2 + 3?"]
    assert lines[2].split() == ["ann", "proposal", "5", "12", "tok", "0.50", "s"]
    assert lines[3].startswith("= 5")
    assert "\x1b" not in out.getvalue()


def test_a_terminal_shows_replies_as_they_grow() -> None:
    out = io.StringIO()
    screen = Console(file=out, width=80, force_terminal=True, _environ={"TERM": "xterm"})
    with LiveView(screen=screen) as view:
        for event in _events("5")[:4]:
            view(event)
        assert Interruption.resume_hint == "agentnet resume r1"
        view._live.refresh()  # type: ignore[union-attr]
        assert "thinking" in out.getvalue()
        for event in _events("5")[4:]:
            view(event)
    assert Interruption.resume_hint is None


def test_verbose_shows_whole_replies() -> None:
    out = io.StringIO()
    with LiveView(verbose=True, screen=Console(file=out, width=80)) as view:
        for event in _events("5"):
            view(event)
    assert "thinking => 5" in out.getvalue()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (Plan(steps=(Step(id=1, label="math", ask="What is 2 + 3?"),)), "1  math: What is 2 + 3?"),
        (Verdict(verdict="disapprove", answer="6", target="m"), "✗ disapprove  found 6"),
        (Vote(choice="m"), "→ 5  of ann"),
        (Proposal(answer="\x1b[2J5", text=""), "[2J5"),
    ],
)
def test_a_message_is_a_line(body: Body, words: str) -> None:
    out = io.StringIO()
    said = {"m": _message(Proposal(answer="5", text="5"))}
    Console(file=out, width=100).print(line(_message(body), said))
    assert words in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_nested_expression_is_indented() -> None:
    out = io.StringIO()
    for node in ("debate/ann", "verify/parallel.0/ann"):
        Console(file=out, width=100).print(line(_message(Proposal(answer="5", text="5"), round=1, node=node), {}))
    outer, inner = out.getvalue().splitlines()
    assert outer.startswith("ann ")
    assert inner.startswith("  ann ")
    assert "proposal 2" in inner


def test_an_agent_has_the_colour_of_its_place_in_the_network() -> None:
    out = io.StringIO()
    screen = Console(file=out, width=80, force_terminal=True, color_system="standard", _environ={"TERM": "xterm"})
    body = Assignment(step=1, agent="bob", text="2 + 3?", label="math")
    with LiveView(screen=screen) as view:
        view(RunStarted(run="r1", protocol="single", members=("ann", "bob", "cyd")))
        view(MessageSaid(run="r1", message=_message(body, "cyd")))
    assert "\x1b[35mcyd" in out.getvalue(), "magenta, the third"
    assert "\x1b[32mbob" in out.getvalue(), "green, the second"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("stopped", "resume with: agentnet resume r1 --limit-…"),
        ("interrupted", "resume with: agentnet resume r1"),
        ("failed", None),
        ("cancelled", None),
    ],
)
def test_a_run_that_can_be_resumed_says_how(status: RunStatus, hint: str | None) -> None:
    out = io.StringIO()
    with LiveView(screen=Console(file=out, width=80)) as view:
        view(RunStarted(run="r1", protocol="single"))
        view(RunEnded(run="r1", status=status, answer=None, detail="why", usage=Usage()))
    shown = [line.rstrip() for line in out.getvalue().splitlines()]
    assert shown[1:] == [f"{status}: why", *filter(None, [hint])]
    expected = "agentnet resume r1" if status == "cancelled" else None
    assert Interruption.resume_hint == expected, "Ctrl-C says how a cancelled run is resumed"
