"""Embedding models: a GGUF file turns texts into vectors, whatever way of pooling it names."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from gguf import PoolingType

from agentnet.errors import ModelFileError
from agentnet.models.llama.embedding import LlamaEmbedder
from tests.models.llama.bert import WIDTH, tiny_bert

TEXTS = ("What is 2 + 2?", "What is 3 + 2?", "Name the capital of Peru.")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("models") / "bert.gguf")


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other)


@pytest.mark.parametrize("pooling", [None, PoolingType.MEAN, PoolingType.CLS])
def test_a_text_has_a_vector_of_length_1(tmp_path: Path, pooling: PoolingType | None) -> None:
    tiny_bert(tmp_path / "bert.gguf", pooling=pooling)
    embedder = LlamaEmbedder("bert.gguf", base=tmp_path)
    vectors = embedder.embed(TEXTS)
    embedder.close()
    embedder.close()
    assert vectors.shape == (3, WIDTH)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_similar_texts_are_closer_and_order_does_not_matter(bert: Path) -> None:
    embedder = LlamaEmbedder(bert.name, base=bert.parent)
    one, two, other = embedder.embed(TEXTS)
    assert similarity(one, two) > similarity(one, other)
    np.testing.assert_allclose(embedder.embed(TEXTS[::-1])[::-1], [one, two, other], atol=1e-6)
    assert embedder.embed([]).shape == (0, WIDTH)
    embedder.close()


def test_an_empty_text_and_one_that_is_too_long_have_vectors(bert: Path) -> None:
    embedder = LlamaEmbedder(bert.name, base=bert.parent)
    assert np.isfinite(embedder.embed(["", "a b " * 5000, "\N{GRINNING FACE}"])).all()
    embedder.close()


def test_threads_take_turns(bert: Path) -> None:
    embedder = LlamaEmbedder(bert.name, base=bert.parent)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(embedder.embed(TEXTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    embedder.close()
    for vectors in found:
        np.testing.assert_allclose(vectors, found[0], atol=1e-6)
    assert len(found) == 4


def test_a_model_that_continues_texts_can_embed_them(tmp_path: Path) -> None:
    embedder = LlamaEmbedder("zoo:math", base=tmp_path)
    one, two, other = embedder.embed(TEXTS)
    embedder.close()
    assert similarity(one, two) > similarity(one, other)


def test_what_is_no_embedding_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "none.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelFileError, match=r"none\.gguf"):
        LlamaEmbedder("none.gguf", base=tmp_path)
    with pytest.raises(ModelFileError, match=r"gone\.gguf"):
        LlamaEmbedder("gone.gguf", base=tmp_path)
    tiny_bert(tmp_path / "rank.gguf", pooling=PoolingType.RANK)
    with pytest.raises(ModelFileError, match="gives no vectors of texts"):
        LlamaEmbedder("rank.gguf", base=tmp_path)
