"""Traces: many sequences of a session evaluated together say what each says alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import Argmax, Row, TracingSession
from agentnet.zoo import catalog
from tests.models.llama.files import letter, write_chain

ASK = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=60))
TREES = [
    [[5], [5, 6], [5, 6, 7]],
    [[5], [6], [7]],
    [[5, 6], [5, 9, 9], [7], [5, 6, 8, 8], []],
    [[5, 6, 7, 8], [5, 6, 7], [5], [5, 5, 5]],
    [[9, 9], [9, 9]],
]


@pytest.fixture
async def scout() -> AsyncIterator[LlamaModel]:
    path = catalog.path("scout")
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, sequences=4))
    yield model
    await model.close()


@pytest.mark.parametrize("sequences", TREES)
async def test_each_reading_is_that_of_the_sequence_alone(scout: LlamaModel, sequences: list[list[int]]) -> None:
    session, alone = scout.open_session(ASK), scout.open_session(ASK)
    assert isinstance(session, TracingSession)
    for before in ([], [5, 6, 7, 1, 2], [8]):
        await session.step(before, Argmax())
        rows = await session.trace(sequences, Row())
        assert len(rows) == len(sequences)
        for sequence, row in zip(sequences, rows, strict=True):
            assert row is not None
            assert row == pytest.approx(await alone.step(sequence, Row()), abs=0.02)
