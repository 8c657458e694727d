"""Models of known behaviour; see `files`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.llama import LlamaModel
from tests.models.llama.files import TURN, path_through, tokens_of, write_chain, write_random

SAID = "añb😀c"
"""What the chain says: one-byte and split characters, each token once."""

Open = Callable[..., LlamaModel]


@pytest.fixture(scope="session")
def random_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("random") / "random.gguf")


@pytest.fixture(scope="session")
def chain_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chain(tmp_path_factory.mktemp("chain") / "chain.gguf", path_through(*tokens_of(SAID), TURN))


@pytest.fixture
def layout() -> str:
    """The layout of the KV cache where a test does not set it. A module that replaces this runs with several."""
    return "auto"


@pytest.fixture
async def opened(layout: str) -> AsyncIterator[Open]:
    """Opens models and closes them after the test."""
    models: list[LlamaModel] = []

    def start(path: Path, **settings: Any) -> LlamaModel:
        settings = {"cache_layout": layout, **settings}
        models.append(LlamaModel(path, LlamaSpec(path=str(path), **settings, threads=1)))
        return models[-1]

    yield start
    for model in models:
        await model.close()
