"""The live view: what stands on a terminal, and what in a pipe."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from agentnet.cli.entry import Interruption
from agentnet.cli.live import LiveView
from agentnet.cli.messages_view import depth_of, line
from agentnet.contracts.bodies import Body, Error, Fusion, Plan, Proposal, Result, Step, Task, Verdict, Vote
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, TextStreamed, TurnStarted
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
        (Verdict(verdict="approve", target="m"), "✓ approve"),
        (Verdict(verdict="disapprove", answer="6", target="m"), "✗ disapprove  found 6"),
        (Vote(choice="m"), "→ 5  of ann"),
        (Result(answer="5", decision="majority", support={"5": 2.0, "6": 1.0}), "5  majority: 5 × 2, 6 × 1"),
        (Error(code="reply", detail="not JSON"), "✗ not JSON"),
        (
            Fusion(answer="5", text="5", members=("ann", "bob"), strategy="pi", dropped={"bob": "down"}),
            "5  without bob",
        ),
        (Proposal(answer="\x1b[2J5", text=""), "[2J5"),
    ],
)
def test_every_kind_of_message_has_its_line(body: Body, words: str) -> None:
    out = io.StringIO()
    said = {"m": _message(Proposal(answer="5", text="5"))}
    Console(file=out, width=100).print(line(_message(body), said))
    assert words in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_choice_that_was_scored_is_shown_with_its_probability() -> None:
    out = io.StringIO()
    said = {"m": _message(Proposal(answer="5", text="5"))}
    for body in (Verdict(verdict="approve", target="m"), Vote(choice="m")):
        Console(file=out, width=100).print(line(_message(body).model_copy(update={"confidence": 0.874}), said))
    assert "✓ approve  87 %" in out.getvalue()
    assert "→ 5  of ann  87 %" in out.getvalue()


def test_rounds_are_counted_from_one_and_nesting_is_indented() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(line(_message(Proposal(answer="5", text="5"), round=1), {}))
    assert "proposal 2" in out.getvalue()
    assert [depth_of(node) for node in ("debate/ann", "verify/parallel.0/ann", "a/b.1/c.0/ann")] == [0, 1, 2]
