"""An analyzer that goes by the vectors of a GGUF embedding model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentnet.analysis import Analyzer, fit, load
from agentnet.errors import PolicyError
from agentnet.models.llama.embedding import LlamaEmbedder
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
