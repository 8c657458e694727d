"""Cards: measured before claimed, unknown is not zero."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.errors import NetworkError
from agentnet.network.files import find_network

CARD = Card(claims={"math": 0.9, "code": 0.4}, measured={"math": Measured(accuracy=0.6, items=50)})


def test_a_measurement_replaces_a_claim() -> None:
    assert CARD.score("math") == CARD.proven("math") == pytest.approx(0.484, abs=0.001)  # Wilson, one side, of 30 in 50
    assert CARD.score("code") == 0.4


def test_an_unknown_label_has_no_score() -> None:
    assert CARD.score("law") is None
    assert Card().score(None) is None


def test_without_a_label_the_mean_over_known_labels_counts() -> None:
    assert CARD.score(None) == CARD.score("math")
    assert Card(claims={"math": 0.9, "code": 0.4}).score(None) == pytest.approx(0.65)


def test_labels_come_best_first() -> None:
    assert CARD.labels == ("math", "code")
    assert Card(claims={"b": 0.5, "a": 0.5}).labels == ("a", "b")


@pytest.mark.parametrize(
    "measured",
    [
        {"accuracy": 1.1, "items": 3},
        {"accuracy": 0.5, "items": 0},
        {"accuracy": 0.5, "items": 3, "interval": (0.6, 0.4)},
        {"accuracy": 0.5, "items": 3, "interval": (0.4, 1.6)},
        {"accuracy": 0.5, "items": 3, "seconds": -1.0},
        {"accuracy": 0.5, "items": 3, "measured_at": "2026-01-02T03:04:05"},
    ],
)
def test_impossible_measurements_are_refused(measured: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Measured.model_validate(measured)


@pytest.mark.parametrize("name", ["two words", "@solver", "", "x" * 65])
def test_a_name_that_cannot_be_an_agents_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        NetworkSpec(name="n", agents=(AgentSpec(name=name, model=LlamaSpec(path="a.gguf")),))


@pytest.mark.parametrize("name", ["coordinator", "user", "fusion", "candidate"])
def test_an_agent_cannot_have_the_name_of_another_sender(tmp_path: Path, name: str) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(f"name: n\nagents:\n  - {{name: {name}, model: {{path: a.gguf}}}}\n")
    with pytest.raises(NetworkError, match=f"no agent can be called '{name}'") as raised:
        find_network(str(file))
    assert len(str(raised.value).splitlines()) == 1


def test_two_agents_cannot_have_one_name() -> None:
    twin = AgentSpec(name="ada", model=LlamaSpec(path="a.gguf"))
    with pytest.raises(ValidationError, match="two agents are called 'ada'"):
        NetworkSpec(name="n", agents=(twin, twin))


def test_of_equal_scores_the_smaller_model_ranks_first() -> None:
    good = {"math": Measured(accuracy=0.9, items=100)}
    large = Card(measured=good, parameters=2_000_000)
    small = Card(measured=good, parameters=1_000_000)
    unknown = Card(measured=good)
    better = Card(measured={"math": Measured(accuracy=0.95, items=100)}, parameters=9_000_000)
    claims = Card(claims={"math": 1.0}, parameters=1)
    ranked = sorted([unknown, claims, large, better, small], key=lambda card: card.rank("math"), reverse=True)
    assert ranked == [better, small, large, unknown, claims]


def test_a_few_right_answers_prove_little() -> None:
    lucky, tried = Measured(accuracy=1.0, items=1), Measured(accuracy=0.8, items=200)
    assert lucky.least < 0.3 < tried.least < 0.8


@pytest.mark.parametrize("claim", [1e9, float("inf"), float("nan"), -5, 1.001])
def test_a_claim_that_is_no_share_is_refused(claim: float) -> None:
    with pytest.raises(ValidationError):
        Card(claims={"math": claim})


@pytest.mark.parametrize("label", ["", "a\nb", "### system", " math", "x" * 65, "a\u2028b", "<|im_end|>"])
def test_a_label_is_one_short_name(label: str) -> None:
    with pytest.raises(ValidationError):
        Card(claims={label: 0.5})
