"""An analyzer that goes by the vectors of a GGUF embedding model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import agentnet
from agentnet.analysis import Analyzer, fit, load
from agentnet.contracts.bodies import Analysis
from agentnet.contracts.policies import Candidate, Policy
from agentnet.contracts.protocols import Ask
from agentnet.errors import PolicyError
from agentnet.models.llama.embedding import LlamaEmbedder
from agentnet.network import find_network
from agentnet.policy import policy_network, save_policy
from tests.analysis.test_analyzer import questions
from tests.models.llama.bert import tiny_bert

KINDS = ("math", "reading")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaEmbedder]:
    path = tiny_bert(tmp_path_factory.mktemp("models") / "bert.gguf")
    opened = LlamaEmbedder(path.name, base=path.parent)
    yield opened
    opened.close()


def some(count: int, seed: int) -> tuple[list[str], list[str]]:
    found = [(text, label) for text, label in questions(count, seed) if label in KINDS]
    return [text for text, _ in found], [label for _, label in found]


@pytest.fixture(scope="module")
def analyzer(embedder: LlamaEmbedder) -> Analyzer:
    return fit(*some(60, 1), embedder=embedder)


def test_the_kind_of_a_task_is_found(analyzer: Analyzer, embedder: LlamaEmbedder) -> None:
    assert analyzer.embeds
    again = load(analyzer.data(), embedder)
    texts, labels = some(40, 2)
    found = [again.analyze(text) for text in texts]
    given = [(analysis.label, label) for analysis, label in zip(found, labels, strict=True) if not analysis.unknown]
    assert len(given) > len(texts) / 2
    assert sum(one == other for one, other in given) > 0.9 * len(given)
    assert [analysis.label for analysis in found] == [analyzer.analyze(text).label for text in texts]
    assert "the embeddings of bert.gguf" in str(again)


def test_another_embedding_model_is_refused(analyzer: Analyzer, tmp_path: Path) -> None:
    other = LlamaEmbedder(tiny_bert(tmp_path / "other.gguf").name, base=tmp_path)
    with pytest.raises(PolicyError, match=r"of 'bert\.gguf', and the network names 'other\.gguf'"):
        load(analyzer.data(), other)
    other.close()
    with pytest.raises(PolicyError, match="the network names none"):
        load(analyzer.data())


async def test_a_network_names_the_model_that_its_policy_goes_by(
    analyzer: Analyzer, embedder: LlamaEmbedder, tmp_path: Path
) -> None:
    """The session opens the embedding model beside the network file, and labels a task by it."""
    tiny_bert(tmp_path / "bert.gguf")
    team = tmp_path / "team.yaml"
    team.write_text("name: team\nembeddings: bert.gguf\nagents: [{name: math, model: zoo:math}]\n")
    spec, _ = find_network(str(team))
    policy = Policy(
        network=policy_network(spec),
        created=datetime.now(UTC),
        candidates=(Candidate(name="math", protocol=Ask(agent="math"), member=True),),
        default="math",
        analyzer=analyzer.data(),
    )
    save_policy(policy, tmp_path / "team.policy.yaml")
    texts, labels = some(40, 2)
    certain = next(text for text, label in zip(texts, labels, strict=True) if analyzer.analyze(text).label == label)
    async with agentnet.open(team, remember=False) as session:
        outcome = await session.run(certain)
    assert isinstance(outcome.messages[1].body, Analysis)
    assert outcome.messages[1].body.label == analyzer.analyze(certain).label
    team.write_text(team.read_text().replace("embeddings: bert.gguf\n", ""))
    with pytest.raises(PolicyError, match="the network names none"):
        await agentnet.open(team, remember=False).__aenter__()
