"""policy show, and ask by what was learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentnet.analysis import fit
from agentnet.contracts.policies import Candidate, Choice, Estimate, Exchange, Policy
from agentnet.network import find_network
from agentnet.policy import policy_network, save_policy
from tests.cli.conftest import Cli

SUMS = [f"What is {number} + {number % 7}?" for number in range(60)]
FACTS = [f"Name the river number {number} of Peru." for number in range(60)]


@pytest.fixture
def policy(team: Path) -> Path:
    """What was learned about the team: a vote for sums, else bob; beside the network file."""
    spec, _ = find_network(str(team))
    learned = Policy(
        network=policy_network(spec),
        created="2026-01-02T00:00:00Z",  # type: ignore[arg-type]
        suite="sums and rivers",
        exchange=Exchange(second=0.02),
        candidates=(
            Candidate(name="bob", protocol="bob", member=True),
            Candidate(name="vote", protocol={"parallel": ["ann", "bob"]}),  # type: ignore[arg-type]
        ),
        default="bob",
        choices=(Choice(label="math", use="vote", instead_of="bob", gain=0.12, gain_low=0.03, items=80),),
        estimates=(
            Estimate(candidate="bob", label="*", items=200, accuracy=0.7, tokens=31.4, seconds=0.5),
            Estimate(candidate="bob", label="math", items=100, accuracy=0.6, tokens=30, seconds=0.5),
            Estimate(candidate="bob", label="facts", items=100, accuracy=0.8, tokens=30, seconds=0.5),
            Estimate(candidate="vote", label="math", items=100, accuracy=0.75, tokens=61, seconds=0.6, cost=0.25),
        ),
        analyzer=fit([*SUMS, *FACTS], ["math"] * 60 + ["facts"] * 60).data(),
    )
    path = team.with_name("team.policy.yaml")
    save_policy(learned, path)
    return path


def words(text: str) -> str:
    return " ".join(text.split())


def test_without_a_policy_it_says_what_auto_is(cli: Cli, team: Path) -> None:
    shown = cli("policy", "show")
    assert shown.code == 0
    assert words(shown.out).startswith("nothing was learned about team: `auto` is `best`, at its cost; `agentnet learn")
    assert cli("policy", "show", "--json").json is None


def test_a_policy_is_told_in_plain_words(cli: Cli, policy: Path) -> None:
    shown = cli("policy", "show")
    assert shown.code == 0
    told = words(shown.out.replace("\u2500", ""))
    for part in (
        "learned 2026-01-02 from sums and rivers",
        "any other bob the best single member in advance; right on 70.0 % of 200 tasks, with 31 tokens and 0.5 s each",
        "right on 75.0 % of 100 tasks, with 61 tokens and 0.6 s each, cost 0.25; instead of bob",
        "gain in utility +12.0 points, at least +3.0, on 80 tasks that did not propose it",
        "facts bob nothing was better for certain; right on 80.0 %",
        "Worth it: 2 points of accuracy for a second.",
        "learned 2 kinds of tasks from 120 questions",
        "with a probability of at least 90 %, `auto` is not more than 1 points below bob.",
    ):
        assert part in told
    data = cli("policy", "show", policy, "--json").json
    assert (data["default"], data["file"]) == ("bob", str(policy))
    assert data["choices"][0]["use"] == "vote"


def test_ask_shows_what_it_thought(cli: Cli, policy: Path) -> None:
    ran = cli("ask", "What is 2 + 3?")
    assert ran.code == 0
    assert "auto  run " in ran.out
    (line,) = [line for line in ran.out.splitlines() if " analysis " in line]
    assert words(line).startswith("coordinator analysis math 100 %")
    assert "→ vote +12 points against bob on 80 such tasks" in words(line)
    assert ran.out.rstrip().splitlines()[-1].startswith("= 5   2 calls")
    given = words(cli("ask", "What is 2 + 3?", "--label", "facts").out)
    assert "coordinator analysis facts (given) → bob right on 80 % of 100, and nothing was better for certain" in given
    assert "unknown kind" in cli("ask", "Sing me a song about the sea!").out


def test_ask_goes_without_it_where_told_so(cli: Cli, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "analysis" not in cli("ask", "What is 2 + 3?", "--policy", "none").out
    monkeypatch.setenv("AGENTNET_POLICY", "none")
    assert "analysis" not in cli("ask", "What is 2 + 3?").out


def test_a_policy_of_another_network_is_one_line(cli: Cli, policy: Path) -> None:
    team = policy.with_name("team.yaml")
    team.write_text(team.read_text().replace("ann.gguf", "eve.gguf"))
    for arguments in (("ask", "What is 2 + 3?"), ("policy", "show"), ("ask", "What is 2 + 3?", "-p", "vote")):
        ran = cli(*arguments)
        assert ran.code == 2
        assert "was learned on another network ('team'): the model, pack or sampling of 'ann' is another" in ran.err
        assert len(ran.err.splitlines()) == 1
    assert cli("ask", "What is 2 + 3?", "--policy", "none").code == 0


@pytest.mark.parametrize(
    ("text", "reason"), [("version: 9", "version: "), ("default: [", "is not YAML"), ("", "nothing")]
)
def test_a_damaged_policy_is_one_line(cli: Cli, policy: Path, text: str, reason: str) -> None:
    policy.write_text(text)
    ran = cli("ask", "What is 2 + 3?")
    assert ran.code == 2
    assert ran.err.startswith(f"agentnet: {policy}:")
    assert reason in ran.err
    assert len(ran.err.splitlines()) == 1
