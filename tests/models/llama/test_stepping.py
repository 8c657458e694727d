"""Sessions whose tokens are chosen outside of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelError
from agentnet.models.base import Request
from agentnet.models.tokens import Argmax, LogitsRow, Reading, Row, TokenSession
from tests.models.llama.architectures import write_hybrid, write_recurrent, write_windowed
from tests.models.llama.conftest import Open

ASK = Request(({"role": "user", "content": "Tell me something."},), Sampling(max_tokens=12))


@pytest.fixture(params=["pool", "rows"])
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def greedy(session: TokenSession, count: int) -> list[int]:
    tokens: list[int] = []
    for _ in range(count):
        tokens.append(await session.step(tokens, Argmax()))
    return tokens


@pytest.mark.parametrize("settings", [{}, {"sequences": 1, "reuse_prefix": False}])
async def test_choosing_the_likeliest_says_what_the_model_says(
    opened: Open, random_file: Path, settings: dict[str, Any]
) -> None:
    model = opened(random_file, **settings)
    session = await model.open_session(ASK)
    tokens = await greedy(session, 12)
    said = b"".join(session.vocabulary.piece(token) for token in tokens)
    assert said.decode(errors="replace") == (await model.generate(ASK)).text
    assert session.evaluated == len(session.prompt) + 11
    session.close()


async def test_going_back_evaluates_the_tail_only_and_reads_the_same_logits(opened: Open, random_file: Path) -> None:
    model = opened(random_file)
    session = await model.open_session(ASK)
    first = await session.step([300, 301, 302], Row())
    await session.step([300, 305, 306, 307], Row())
    before = session.evaluated
    again = await session.step([300, 301, 302], Row())
    assert session.evaluated - before == 2
    assert np.allclose(first, again, atol=1e-3)
    fresh = await (await model.open_session(ASK)).step([300, 301, 302], Row())
    assert np.allclose(first, fresh, atol=1e-3)


async def test_sessions_and_replies_share_an_engine(opened: Open, random_file: Path) -> None:
    model = opened(random_file, sequences=1, reuse_prefix=False)
    alone = (await model.generate(ASK)).text
    sessions = [await model.open_session(ASK) for _ in range(3)]
    *found, reply = await asyncio.gather(*(greedy(session, 12) for session in sessions), model.generate(ASK))
    assert found[0] == found[1] == found[2]
    assert reply.text == alone


async def test_more_sessions_than_there_is_room_for_all_go_on(opened: Open, random_file: Path) -> None:
    model = opened(random_file, sequences=1, context=256, cache_tokens=256)
    lone = await greedy(await model.open_session(ASK), 8)
    sessions = [await model.open_session(ASK) for _ in range(12)]
    assert await asyncio.gather(*(greedy(session, 8) for session in sessions)) == [lone] * 12
    assert model.stats.preempted > 0


async def test_a_closed_session_gives_its_cells_back(opened: Open, random_file: Path) -> None:
    model = opened(random_file, context=256, cache_tokens=256, reuse_prefix=False)
    for _ in range(20):
        session = await model.open_session(ASK)
        await session.step([300] * 40, Argmax())
        session.close()
        session.close()
    assert model.stats.preempted == 0


@pytest.mark.parametrize("write", [write_recurrent, write_hybrid, write_windowed])
async def test_models_that_cannot_be_cut_read_again(
    opened: Open, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    model = opened(write(tmp_path / "m.gguf"), sequences=2)
    session = await model.open_session(ASK)
    first = await session.step([300, 301], Row())
    await session.step([300, 301, 302], Row())
    assert np.allclose(first, await session.step([300, 301], Row()), atol=1e-3)


async def test_what_goes_wrong_in_a_reading_is_that_steps_error(opened: Open, random_file: Path) -> None:
    model = opened(random_file)
    session = await model.open_session(ASK)

    class Broken(Reading[None]):
        def of(self, logits: LogitsRow) -> None:
            raise ValueError("no such thing")

    with pytest.raises(ModelError, match="no such thing"):
        await session.step([], Broken())
    assert isinstance(await session.step([], Argmax()), int)
    with pytest.raises(ModelError, match="do not fit"):
        await session.step([300] * 600, Argmax())
