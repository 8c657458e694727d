"""A newcomer's first questions: every shipped protocol answers them rightly on the zoo, or says in one line why not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

import agentnet
from agentnet.answers import same
from agentnet.cli.app import app
from agentnet.collab.library import shipped_protocols
from agentnet.coordinator import Outcome
from agentnet.zoo import catalog

QUESTIONS = {
    "math": ("What is 118 * 12?", "1416"),
    "facts": ("What is the capital of Peru?", "Lima"),
    "reading": ("Ana has 3 apples. Tom has 5 apples. Does Ana have more apples than Tom?", "no"),
    "symbols": ("How many letters are in Lima?", "4"),
    "compound": ("What is the atomic number of oxygen times the number of letters in the capital of Peru?", "32"),
}
"""Label → question and right answer. The first one is the README's."""

ALL, THREE = "facts", "atlas"
"""Who is best at compound questions among all solvers of the zoo, and among the first three."""

REFUSED = {
    ("auto", "compound"): ALL,
    ("best", "compound"): ALL,
    ("byte-fusion", "compound"): THREE,
    ("cascade", "compound"): ALL,
    ("debate", "compound"): THREE,
    ("duetnet", "compound"): THREE,
    ("judged", "compound"): THREE,
    ("mixture-of-agents", "compound"): THREE,
    ("most-confident", "compound"): THREE,
    ("p2s", "compound"): ALL,
    ("parallel-inference", "compound"): THREE,
    ("route", "compound"): ALL,
    ("s2p", "compound"): ALL,
    ("scored-verification", "compound"): THREE,
    ("self-consistency", "compound"): ALL,
    ("self-correction", "compound"): ALL,
    ("serial", "compound"): THREE,
    ("single", "compound"): THREE,
    ("verification", "compound"): THREE,
    ("vote", "compound"): ALL,
    ("weighted-vote", "compound"): ALL,
}
"""The questions that a protocol is not for → the agent of which the line speaks. All others are answered rightly."""


def reason(protocol: str, label: str) -> str:
    agent = REFUSED[protocol, label]
    known = catalog.card(agent).measured[label]
    return (
        f"{protocol} does not suit this task: its best agent at {label}, {agent}, was right on "
        f"{100 * known.accuracy:.0f} % of {known.items} such tasks; use a protocol that splits tasks, such as "
        f"delegation"
    )


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, str], Outcome]:
    """Every question, put to every shipped protocol, on one open zoo."""

    async def asked() -> dict[tuple[str, str], Outcome]:
        async with agentnet.open("zoo", remember=False, policy="none") as session:
            return {
                (name, label): await session.run(text, name, label=label)
                for name in shipped_protocols()
                for label, (text, _) in QUESTIONS.items()
            }

    return asyncio.run(asked())


@pytest.mark.parametrize("label", QUESTIONS)
@pytest.mark.parametrize("protocol", shipped_protocols())
def test_a_plain_question_is_answered_rightly_or_refused_in_one_line(
    outcomes: dict[tuple[str, str], Outcome], protocol: str, label: str
) -> None:
    outcome = outcomes[protocol, label]
    if (protocol, label) in REFUSED:
        assert (outcome.status, outcome.answer, outcome.usage.calls) == ("failed", None, 0)
        assert outcome.detail == reason(protocol, label)
    else:
        assert outcome.status == "done"
        assert same(outcome.answer or "", QUESTIONS[label][1]), outcome.answer


def test_a_refusal_is_shown_and_is_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path))
    text, _ = QUESTIONS["compound"]
    ran = CliRunner().invoke(app, ["ask", text, "--protocol", "debate", "--label", "compound"])
    assert ran.exit_code == 1
    assert f"failed: {reason('debate', 'compound')}" in " ".join(ran.stdout.split())
