"""Policy files: found beside the network, read, written, and refused by another network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import agentnet
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.policies import Candidate, Choice, Estimate, Policy
from agentnet.contracts.sampling import Sampling
from agentnet.errors import PolicyError
from agentnet.network.fingerprints import fingerprint
from agentnet.policy import check_network, find_policy, load_policy, policy_network, policy_path, save_policy
from agentnet.settings import Settings, resolve
from agentnet.zoo import catalog

ADA = AgentSpec(name="ada", model=LlamaSpec(path="ada.gguf"))
BEN = AgentSpec(name="ben", model=LlamaSpec(path="ben.gguf"))
TEAM = NetworkSpec(name="team", agents=(ADA, BEN))


def made(network: NetworkSpec = TEAM, **changes: Any) -> Policy:
    first = network.agents[0].name
    known: dict[str, Any] = {
        "network": policy_network(network),
        "created": datetime(2026, 1, 1, tzinfo=UTC),
        "suite": "sums",
        "candidates": (
            Candidate(name=first, protocol=first, member=True),
            Candidate(name="vote", protocol={"parallel": {"branches": [first, first], "times": 3}}),
        ),
        "default": first,
        "choices": (Choice(label="math", use="vote", instead_of=first, gain=0.1, gain_low=0.02, items=50),),
        "estimates": (Estimate(candidate=first, label="*", items=100, accuracy=0.7, tokens=9.5, seconds=0.1),),
    }
    return Policy(**{**known, **changes})


def settings(folder: Path, **arguments: str) -> Settings:
    return resolve(home=str(folder / "home"), environment={}, folder=folder, **arguments)


def test_a_policy_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "team.policy.yaml"
    save_policy(made(), path)
    assert load_policy(path) == made()
    assert yaml.safe_load(path.read_text())["version"] == 1
    save_policy(made(suite="other"), path)
    assert load_policy(path).suite == "other"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_it_is_found_beside_the_network_file_and_where_the_settings_say(tmp_path: Path) -> None:
    network = str(tmp_path / "team.yaml")
    assert find_policy(network, settings(tmp_path)) is None
    beside = policy_path(network, settings(tmp_path))
    assert beside == tmp_path / "team.policy.yaml"
    save_policy(made(), beside)
    assert find_policy(network, settings(tmp_path)) == beside
    assert find_policy(network, settings(tmp_path, policy="none")) is None
    assert find_policy(None, settings(tmp_path)) is None
    assert find_policy(network, settings(tmp_path, policy=str(beside))) == beside
    with pytest.raises(PolicyError, match=r"no policy 'gone.yaml' \(from argument\): give a file that exists"):
        find_policy(network, settings(tmp_path, policy="gone.yaml"))


def test_the_users_own_policy_of_an_embedded_network_goes_before_the_shipped_one(tmp_path: Path) -> None:
    own = policy_path("zoo", settings(tmp_path))
    assert own == tmp_path / "home" / "zoo.policy.yaml"
    assert find_policy("zoo", settings(tmp_path)) != own
    save_policy(made(), own)
    assert find_policy("zoo", settings(tmp_path)) == own


def test_a_settings_file_names_a_policy_beside_itself(tmp_path: Path) -> None:
    save_policy(made(), tmp_path / "mine.yaml")
    (tmp_path / "agentnet.toml").write_text('policy = "mine.yaml"\n')
    assert find_policy("zoo", settings(tmp_path)) == tmp_path / "mine.yaml"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 2", "version: "),
        ("- 1", "expected a mapping"),
        ("default: [", "is not YAML"),
        ("network: {name: team}", "network.members: "),
    ],
)
def test_what_is_no_policy_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "team.policy.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=words) as refused:
        load_policy(path)
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"default": "eve"}, "default: no candidate 'eve'"),
        ({"choices": (Choice(label="math", use="debate", instead_of="ada"),)}, "choices: no candidate 'debate'"),
        (
            {"candidates": (Candidate(name="ada", protocol="ada"),) * 2, "choices": ()},
            "two candidates are called 'ada'",
        ),
    ],
)
def test_a_policy_names_its_own_candidates(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made(**change)


# another network


def other(**changes: Any) -> NetworkSpec:
    return NetworkSpec(name="team", agents=(ADA.model_copy(update=changes), BEN))


@pytest.mark.parametrize(
    "members",
    [
        other(model=LlamaSpec(path="eve.gguf")).agents,
        other(model=LlamaSpec(path="ada.gguf", context=64)).agents,
        other(pack="compact").agents,
        other(sampling=Sampling(temperature=0.5)).agents,
        (BEN,),
    ],
    ids=["model", "context", "pack", "sampling", "gone"],
)
def test_another_network_is_refused_in_one_line(members: tuple[AgentSpec, ...]) -> None:
    with pytest.raises(PolicyError, match=r"p\.yaml: was learned on another network \('team'\): .*'ada'") as refused:
        check_network(made(), members, "p.yaml")
    assert "agentnet learn SUITE" in str(refused.value)


@pytest.mark.parametrize(
    "members",
    [
        other(model=LlamaSpec(path="ada.gguf", threads=3, sequences=1, gpu_layers="none")).agents,
        other(vouched=True).agents,
        (*TEAM.agents, AgentSpec(name="eve", model=LlamaSpec(path="eve.gguf"))),
    ],
    ids=["faster", "vouched for", "one more"],
)
def test_what_does_not_change_replies_does_not_matter(members: tuple[AgentSpec, ...]) -> None:
    check_network(made(), members, "p.yaml")


def test_both_embedded_networks_are_one_to_a_policy() -> None:
    assert policy_network(catalog.network()) == policy_network(catalog.network(sequences=8))
    assert len({fingerprint(member) for member in catalog.network().agents}) == len(catalog.network().agents)


async def test_a_session_refuses_the_policy_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    save_policy(made(), path)
    for given in (path, str(path), made()):
        with pytest.raises(PolicyError, match="was learned on another network"):
            await agentnet.open("zoo", remember=False, policy=given).__aenter__()
    async with agentnet.open("zoo", remember=False, policy="none") as session:
        assert session.learned is None


async def test_a_session_goes_by_the_policy_that_it_is_given() -> None:
    zoo = catalog.network()
    learned = made(
        zoo, candidates=(Candidate(name="critic", protocol="math"),), default="critic", choices=(), estimates=()
    )
    async with agentnet.open("zoo", remember=False, policy=learned) as session:
        outcome = await session.run("What is 118 * 12?", label="math")
        assert [message.sender for message in outcome.messages] == ["user", "coordinator", "math"]
        assert outcome.answer == "1416"
        changed = session.with_cards({"math": session.network["math"].card})
        assert changed.learned is session.learned
