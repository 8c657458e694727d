"""One set of weights for all contexts of a file: what is shared, what is not, and when it is freed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelError, ModelFileError
from agentnet.models.base import Request
from agentnet.models.devices import Device, touched
from agentnet.models.gguf import read_header
from agentnet.models.llama import LlamaModel, loading
from agentnet.models.llama.ledger import Ledger
from agentnet.models.llama.machine import Machine
from agentnet.models.llama.plan import plan_memory
from agentnet.models.pool import ModelPool
from tests.models.llama import files
from tests.models.llama.conftest import SAID
from tests.models.llama.files import TURN, path_through, tokens_of, write_chain

ASK = Request(({"role": "user", "content": "hi"},))
MIB = 2**20
LOADED = "llama_model_loader: loaded meta data"
"""llama.cpp says it once for each file that it loads."""


@pytest.fixture
def machine() -> Machine:
    return Machine(cores=2)


@pytest.fixture
async def pool(machine: Machine, chain_file: Path) -> AsyncIterator[ModelPool]:
    async with ModelPool(chain_file.parent, machine=machine) as pool:
        yield pool


def spec(path: Path, **settings: Any) -> LlamaSpec:
    return LlamaSpec(path=str(path), **settings)


async def two(pool: ModelPool, one: LlamaSpec, other: LlamaSpec) -> tuple[LlamaModel, LlamaModel]:
    first, second = await pool.open([one, other])
    assert isinstance(first, LlamaModel)
    assert isinstance(second, LlamaModel)
    return first, second


async def says(model: LlamaModel) -> str:
    return (await model.generate(ASK)).text


async def test_contexts_of_one_file_share_weights_and_vocabulary(
    pool: ModelPool, machine: Machine, chain_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "agentnet.llama.cpp"):
        one, other = await two(
            pool,
            spec(chain_file, context=64, sequences=1),
            spec(chain_file, context=128, cache_tokens=1024, batch=32, threads=1, parked_mib=0, kv_type_k="f32"),
        )
    assert sum(LOADED in record.message for record in caplog.records) == 1
    assert (one.capabilities.context, other.capabilities.context) == (64, 128)
    assert (await one.open_session(ASK)).vocabulary is (await other.open_session(ASK)).vocabulary
    assert len(machine.weights) == 1
    assert await asyncio.gather(*(says(model) for model in [one, other] * 8)) == [SAID] * 16


@pytest.mark.parametrize("setting", [{"mmap": False}, {"mlock": True}])
async def test_settings_of_the_weights_make_a_second_set(
    pool: ModelPool, machine: Machine, chain_file: Path, setting: dict[str, Any]
) -> None:
    models = await two(pool, spec(chain_file), spec(chain_file, **setting))
    assert len(machine.weights) == 2
    assert [await says(model) for model in models] == [SAID, SAID]


async def test_settings_of_offload_count_only_where_there_is_a_device(
    pool: ModelPool, machine: Machine, chain_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "offload_devices", list)
    await two(pool, spec(chain_file, gpu_layers="none"), spec(chain_file, gpu_layers="auto"))
    assert len(machine.weights) == 1
    device = Device("GPU0", "made up", "gpu", free=4 * 2**30, total=8 * 2**30)
    monkeypatch.setattr(loading, "offload_devices", lambda: [device])
    await two(pool, spec(chain_file, gpu_layers=1), spec(chain_file, gpu_layers=2))
    assert len(machine.weights) == 3


@pytest.mark.parametrize("last", [0, 1])
async def test_the_last_context_frees_them(pool: ModelPool, machine: Machine, chain_file: Path, last: int) -> None:
    specs = spec(chain_file, context=64), spec(chain_file, context=128)
    models = await two(pool, *specs)
    await pool.release(models[1 - last])
    assert await says(models[last]) == SAID
    with pytest.raises(ModelError, match="closed"):
        await says(models[1 - last])
    assert (len(machine.weights), len(machine.memory)) == (1, 2)
    again = await pool.acquire(specs[1 - last])
    assert isinstance(again, LlamaModel)
    assert (await again.open_session(ASK)).vocabulary is (await models[last].open_session(ASK)).vocabulary
    await pool.release(models[last])
    assert await says(again) == SAID
    await pool.release(again)
    assert (len(machine.weights), len(machine.memory)) == (0, 0)


async def test_the_ledger_counts_them_once_and_until_the_last_context_closes(chain_file: Path) -> None:
    def free() -> int | None:
        header = read_header(chain_file)
        reservation = ledger.reserve(lambda free, _: plan_memory(header, spec(chain_file), free=free))
        reservation.release()
        return reservation.plan.free

    ledger = Ledger(lambda: 10**9, lambda: 0)
    machine = Machine(cores=1, memory=ledger)
    one = LlamaModel(chain_file, spec(chain_file, context=64, sequences=1), machine)
    plan = one._engine.loaded.reservation.plan
    assert free() == 10**9 - plan.total
    other = LlamaModel(chain_file, spec(chain_file, context=128, sequences=1), machine)
    further = other._engine.loaded.reservation.plan
    assert (further.weights, further.shares_weights) == (0, True)
    assert free() == 10**9 - plan.total - further.cache - further.compute
    await one.close()
    assert free() == 10**9 - plan.weights - further.total
    await other.close()
    assert free() == 10**9


async def test_a_second_context_that_fails_leaves_the_first_alive(
    pool: ModelPool, machine: Machine, chain_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await pool.acquire(spec(chain_file))
    assert isinstance(first, LlamaModel)
    with pytest.raises(ModelFileError, match=r"shared weights \+ KV cache .* set a smaller `context`"):
        await pool.acquire(spec(chain_file, context=10**10))
    real = loading._context_params

    def too_many(*args: Any) -> Any:
        params = real(*args)
        params.n_seq_max = 300
        return params

    with monkeypatch.context() as patch:
        patch.setattr(loading, "_context_params", too_many)
        with pytest.raises(ModelFileError, match="no memory for a KV cache"):
            await pool.acquire(spec(chain_file, context=64))
    assert (len(machine.weights), len(machine.memory)) == (1, 2)
    assert await says(first) == SAID
    second = await pool.acquire(spec(chain_file, context=64))
    assert isinstance(second, LlamaModel)
    assert await says(second) == SAID


async def test_a_first_context_that_fails_leaves_nothing(pool: ModelPool, machine: Machine, chain_file: Path) -> None:
    with pytest.raises(ModelFileError):
        await pool.acquire(spec(chain_file, context=10**10))
    assert (len(machine.weights), len(machine.memory)) == (0, 0)


async def test_many_that_open_and_close_at_once_load_the_file_once(
    pool: ModelPool, machine: Machine, chain_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(context: int) -> str:
        model = await pool.acquire(spec(chain_file, context=context))
        assert isinstance(model, LlamaModel)
        text = await says(model)
        await pool.release(model)
        return text

    with caplog.at_level(logging.DEBUG, "agentnet.llama.cpp"):
        kept = await pool.acquire(spec(chain_file))
        assert await asyncio.gather(*(use(context) for context in range(64, 80))) == [SAID] * 16
    assert sum(LOADED in record.message for record in caplog.records) == 1
    await pool.release(kept)
    assert await asyncio.gather(*(use(context) for context in range(64, 72))) == [SAID] * 8
    assert (len(machine.weights), len(machine.memory)) == (0, 0)


async def test_a_file_that_was_replaced_is_another_one(pool: ModelPool, machine: Machine, tmp_path: Path) -> None:
    path = write_chain(tmp_path / "a.gguf", path_through(*tokens_of("old"), TURN))
    first = await pool.acquire(spec(path, context=64))
    os.replace(write_chain(tmp_path / "b.gguf", path_through(*tokens_of("new"), TURN)), path)
    second = await pool.acquire(spec(path, context=128))
    assert len(machine.weights) == 2
    assert isinstance(first, LlamaModel)
    assert isinstance(second, LlamaModel)
    assert [await says(first), await says(second)] == ["old", "new"]


@pytest.mark.skipif(not touched(), reason="needs Linux's figure of the memory that a process has written to")
async def test_a_second_context_takes_no_second_set_of_memory(
    pool: ModelPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "HIDDEN", 8192)
    path = write_chain(tmp_path / "large.gguf", path_through(*tokens_of(SAID), TURN))
    assert path.stat().st_size > 70 * MIB
    small = {"context": 64, "sequences": 1, "mmap": False}
    grown = [touched()]
    for context in (64, 65):
        model = await pool.acquire(spec(path, **(small | {"context": context})))
        assert isinstance(model, LlamaModel)
        assert await says(model) == SAID
        grown.append(touched())
    await pool.close()
    grown.append(touched())
    first, second, freed = (after - before for before, after in pairwise(grown))
    assert first > 70 * MIB
    assert second < 35 * MIB
    assert freed < -70 * MIB
