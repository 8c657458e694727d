"""Traces: many sequences of a session evaluated together read what each reads alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.errors import ContextOverflow
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import Argmax, LogitsRow, Row, TracingSession
from tests.models.llama.architectures import write_hybrid, write_recurrent, write_windowed
from tests.models.llama.conftest import Open

ASK = Request(({"role": "user", "content": "Tell me something."},), Sampling(max_tokens=12))
TREES = [
    [[300], [300, 301], [300, 301, 302]],
    [[300], [301], [302]],
    [[300, 301], [300, 309, 309], [302], [300, 301, 308, 308], []],
    [[300, 301, 302, 303], [300, 301, 302], [300], [300, 300, 300]],
    [[309, 309], [309, 309]],
]


async def tracing(model: LlamaModel, request: Request = ASK) -> TracingSession:
    session = await model.open_session(request)
    assert isinstance(session, TracingSession)
    return session


async def alone(model: LlamaModel, tokens: list[int]) -> LogitsRow:
    session = await model.open_session(ASK)
    row = await session.step(tokens, Row())
    session.close()
    return row


def close(one: LogitsRow | None, other: LogitsRow) -> bool:
    """Whether two rows are equal but for rounding, which depends on how many tokens are evaluated together."""
    return one is not None and np.allclose(one, other, atol=5e-3)


LAYOUTS = [
    {"sequences": 3, "cache_layout": "pool"},
    {"sequences": 3, "cache_layout": "pool", "reuse_prefix": False},
    {"sequences": 3, "cache_layout": "rows"},
]


@pytest.mark.parametrize("settings", LAYOUTS)
@pytest.mark.parametrize("sequences", TREES)
async def test_each_reading_is_that_of_the_sequence_alone(
    opened: Open, random_file: Path, sequences: list[list[int]], settings: dict[str, Any]
) -> None:
    model = opened(random_file, **settings)
    expected = [await alone(model, tokens) for tokens in sequences]
    assert not close(expected[0], await alone(model, [311]))
    session = await tracing(model)
    for before in ([], [300, 301, 302, 305, 306], [308]):
        await session.step(before, Argmax())
        rows = await session.trace(sequences, Row())
        assert all(close(row, wanted) for row, wanted in zip(rows, expected, strict=True))
    assert close(await session.step([308], Row()), await alone(model, [308]))


async def test_a_tree_is_one_step_and_the_session_goes_on_from_its_first_sequence(
    opened: Open, random_file: Path
) -> None:
    model = opened(random_file, cache_layout="pool")
    session = await tracing(model)
    await session.step([300], Argmax())
    steps, evaluated = model.stats.steps, session.evaluated
    await session.trace([[300, 301], [300, 301, 302, 303], [300, 301, 305], [300, 306]], Argmax())
    assert model.stats.steps - steps == 1
    assert session.evaluated - evaluated == len([301, 302, 303, 305, 306])
    assert model.stats.evaluated_tokens == session.evaluated
    evaluated = session.evaluated
    await session.step([300, 301, 302, 303, 304], Argmax())
    assert session.evaluated - evaluated == 1


@pytest.mark.parametrize("layout", ["pool", "rows"])
async def test_running_ahead_reads_what_step_by_step_is_read(opened: Open, random_file: Path, layout: str) -> None:
    model = opened(random_file, sequences=2, cache_layout=layout)
    session, own = await tracing(model), Argmax()
    before = session.evaluated, model.stats.steps
    read = await session.run_ahead([300], Row(), own, 4)
    assert len(read) == model.stats.steps - before[1] == 5
    assert session.evaluated - before[0] == len(session.prompt) + 5
    tokens = [300]
    for row, token in read:
        assert close(row, await alone(model, tokens))
        assert token == int(row.argmax())
        tokens.append(token)
    assert len(await session.run_ahead(tokens, Row(), own, 0)) == 1


async def test_running_ahead_ends_with_the_text_and_with_the_context(opened: Open, chain_file: Path) -> None:
    model = opened(chain_file, context=256, sequences=2)
    session = await tracing(model, Request(({"role": "user", "content": "?"},)))
    read = await session.run_ahead([], Argmax(), Argmax(), 99)
    assert session.vocabulary.ends(read[-1][1])
    assert not any(session.vocabulary.ends(token) for token, _ in read[:-1])
    first = read[0][0]
    room = 256 - len(session.prompt)
    assert len(await session.run_ahead([first] * room, Argmax(), Argmax(), 9)) == 1
    with pytest.raises(ContextOverflow, match="do not fit into the context"):
        await session.run_ahead([first] * (room + 1), Argmax(), Argmax(), 9)


async def test_what_there_is_no_sequence_for_is_left_out(opened: Open, random_file: Path) -> None:
    model = opened(random_file, sequences=1)
    wanted = [[300], *([token] for token in range(301, 340))]
    rows = await (await tracing(model)).trace(wanted, Row())
    read = [tokens for tokens, row in zip(wanted, rows, strict=True) if row is not None]
    assert [300] in read
    assert 1 < len(read) < len(wanted)
    for tokens, row in zip(wanted, rows, strict=True):
        assert row is None or close(row, await alone(model, tokens))


async def test_what_does_not_fit_into_a_step_or_the_context_is_left_out(opened: Open, random_file: Path) -> None:
    model = opened(random_file, context=256, sequences=2)
    session = await tracing(model)
    room = 256 - len(session.prompt)
    within, beyond = [300] * room, [300] * (room + 1)
    first, *others = await session.trace([[300], [300, 301], within, beyond], Argmax())
    assert first == int((await alone(model, [300])).argmax())
    assert others[0] is not None
    assert others[1:] == [None, None]
    with pytest.raises(ContextOverflow, match="do not fit into the context"):
        await session.trace([beyond, [300]], Argmax())


async def test_where_the_cells_run_out_the_first_is_read_all_the_same(opened: Open, random_file: Path) -> None:
    model = opened(random_file, context=256, cache_tokens=256, sequences=2)
    session = await tracing(model)
    full = [300] * (256 - len(session.prompt) - 2)
    await session.step(full, Argmax())
    rows = await session.trace([[*full, 301], *([*full, token] for token in range(302, 306))], Argmax())
    assert rows[0] == int((await alone(model, [*full, 301])).argmax())


@pytest.mark.parametrize("layout", ["pool", "rows"])
async def test_traces_and_replies_share_an_engine(opened: Open, random_file: Path, layout: str) -> None:
    model = opened(random_file, sequences=4, cache_layout=layout)
    reply = (await model.generate(ASK)).text
    expected = [[await alone(model, tokens) for tokens in tree] for tree in TREES[:3]]
    sessions = [await tracing(model) for _ in expected]
    for _ in range(3):
        *found, again = await asyncio.gather(
            *(session.trace(tree, Row()) for session, tree in zip(sessions, TREES, strict=False)), model.generate(ASK)
        )
        assert again.text == reply
        for rows, wanted in zip(found, expected, strict=True):
            assert all(close(row, one) for row, one in zip(rows, wanted, strict=True))


async def test_a_cancelled_trace_leaves_the_engine_as_it_was(opened: Open, random_file: Path) -> None:
    model = opened(random_file, sequences=2)
    session = await tracing(model)
    work = asyncio.create_task(session.trace(TREES[2], Row()))
    await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    rows = await session.trace(TREES[0], Row())
    expected = [await alone(model, tokens) for tokens in TREES[0]]
    assert all(close(row, wanted) for row, wanted in zip(rows, expected, strict=True))


async def test_in_rows_a_prompt_is_read_before_the_tree_and_each_path_by_itself(
    opened: Open, random_file: Path
) -> None:
    model = opened(random_file, sequences=2, cache_layout="rows")
    session = await tracing(model)
    await session.trace([[300], [300, 301, 302], [300, 301, 303]], Argmax())
    assert model.stats.steps == 2
    assert session.evaluated == model.stats.evaluated_tokens == len(session.prompt) + 6


@pytest.mark.parametrize("write", [write_recurrent, write_hybrid])
async def test_a_state_that_cannot_go_back_is_not_traced(opened: Open, tmp_path: Path, write: Any) -> None:
    assert not isinstance(await opened(write(tmp_path / "m.gguf")).open_session(ASK), TracingSession)


async def test_a_sliding_window_is_traced(opened: Open, tmp_path: Path) -> None:
    model = opened(write_windowed(tmp_path / "m.gguf"), sequences=3)
    expected = [await alone(model, tokens) for tokens in TREES[2]]
    rows = await (await tracing(model)).trace(TREES[2], Row())
    assert all(close(row, wanted) for row, wanted in zip(rows, expected, strict=True))
