"""Specs to models: what is shared, what is closed, and what happens when one of several fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelFileError
from agentnet.models import pool as pools
from agentnet.models.backends import open_model
from agentnet.models.base import Model, Request
from agentnet.models.llama.machine import Machine
from agentnet.models.pool import ModelPool
from agentnet.models.scripted import ScriptedModel
from agentnet.zoo import catalog
from tests.models.llama.files import TURN, path_through, tokens_of, write_chain
from tests.models.splitting import split


class Closing(ScriptedModel):
    closed = 0

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened; paths that contain ``bad`` fail."""
    found: list[str] = []

    def start(spec: LlamaSpec, **_: object) -> Model:
        if "bad" in spec.path:
            raise ModelFileError(f"{spec.path}: no such file")
        found.append(spec.path)
        return Closing(["hello"] * 9, name=spec.path)

    monkeypatch.setattr(pools, "open_model", start)
    return found


async def test_a_real_file_relative_to_the_base(tmp_path: Path) -> None:
    write_chain(tmp_path / "a.gguf", path_through(*tokens_of("yes"), TURN))
    model = open_model(LlamaSpec(path="a.gguf", threads=1), base=tmp_path)
    assert (await model.generate(Request(({"role": "user", "content": "?"},)))).text == "yes"
    await model.close()
    with pytest.raises(ModelFileError, match="no such file"):
        open_model(LlamaSpec(path="b.gguf"), base=tmp_path)


async def test_spellings_of_a_path_are_one_model_and_settings_are_not(made: Any, tmp_path: Path) -> None:
    spellings = ["x.gguf", "./x.gguf", "sub/../x.gguf", str(tmp_path / "x.gguf")]
    async with ModelPool(tmp_path) as pool:
        models = await pool.open([*(LlamaSpec(path=path) for path in spellings), LlamaSpec(path="x.gguf", context=64)])
        assert len({id(model) for model in models}) == 2
        assert len({id(model) for model in models[:4]}) == 1


async def test_a_model_in_several_files_keeps_its_name_behind_links(tmp_path: Path) -> None:
    """The hub's cache has links to files without such names, and llama.cpp finds the other files by name."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    for number, part in enumerate(split(catalog.path("scout"), tmp_path, 2)):
        (snapshot / part.name).symlink_to(part.rename(blobs / f"blob{number}"))
    (tmp_path / "link").symlink_to(snapshot)
    async with ModelPool(tmp_path, machine=Machine(cores=1)) as pool:
        names = [f"{folder}/model-00001-of-00002.gguf" for folder in ("snapshot", "link")]
        one, other = await pool.open([LlamaSpec(path=name) for name in names])
        assert one is other


async def test_opening_twice_at_once_opens_once(made: list[tuple[str, int]], tmp_path: Path) -> None:
    async with ModelPool(tmp_path) as pool:
        one, other = await asyncio.gather(*(pool.open([LlamaSpec(path="zoo:a")]) for _ in range(2)))
        assert one == other
    assert len(made) == 1


async def test_one_failure_is_raised_and_the_rest_is_closed(made: Any, tmp_path: Path) -> None:
    async with ModelPool(tmp_path) as pool:
        with pytest.raises(ModelFileError, match="bad"):
            await pool.open([LlamaSpec(path="zoo:good"), LlamaSpec(path="zoo:bad"), LlamaSpec(path="zoo:worse-bad")])
        (good,) = await pool.open([LlamaSpec(path="zoo:good")])
    assert isinstance(good, Closing)
    assert good.closed == 1
    await pool.close()
    assert good.closed == 1
    assert len(made) == 1


async def test_what_a_cancelled_opening_loads_is_closed_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started, go_on = threading.Event(), threading.Event()
    model = Closing(["x"])

    def slow(spec: LlamaSpec, **_: object) -> Model:
        started.set()
        go_on.wait(60)
        return model

    monkeypatch.setattr(pools, "open_model", slow)
    async with ModelPool(tmp_path) as pool:
        task = asyncio.create_task(pool.open([LlamaSpec(path="zoo:a")]))
        await asyncio.to_thread(started.wait, 60)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert model.closed == 1


class Slow:
    """Loads that wait for `go_on`; from then on, those of paths with ``bad`` in them fail."""

    def __init__(self) -> None:
        self.loads = 0
        self.models: list[Closing] = []
        self.started, self.go_on = threading.Event(), threading.Event()

    def open_model(self, spec: LlamaSpec, **_: object) -> Model:
        self.loads += 1
        self.started.set()
        assert self.go_on.wait(60)
        if "bad" in spec.path:
            raise ModelFileError(f"{spec.path}: no such file")
        self.models.append(Closing(["x"] * 9, name=spec.path))
        return self.models[-1]

    async def acquiring(self, pool: ModelPool, spec: LlamaSpec) -> asyncio.Task[Model]:
        """A task that waits for a load that has begun."""
        task = asyncio.create_task(pool.acquire(spec))
        assert await asyncio.to_thread(self.started.wait, 60)
        await asyncio.sleep(0)
        return task


class TestUsers:
    SPEC, BAD = LlamaSpec(path="zoo:a"), LlamaSpec(path="zoo:bad")

    @pytest.fixture
    def slow(self, monkeypatch: pytest.MonkeyPatch) -> Slow:
        slow = Slow()
        monkeypatch.setattr(pools, "open_model", slow.open_model)
        return slow

    async def test_the_last_one_closes_the_model_and_the_next_opens_another(
        self, made: list[str], tmp_path: Path
    ) -> None:
        pool = ModelPool(tmp_path)
        model = await pool.acquire(LlamaSpec(path="x.gguf"))
        assert isinstance(model, Closing)
        assert await pool.acquire(LlamaSpec(path="./x.gguf")) is model
        assert await pool.open([LlamaSpec(path="x.gguf")]) == [model]
        await pool.release(model)
        await pool.release(LlamaSpec(path="sub/../x.gguf"))
        assert model.closed == 0
        await pool.release(model)
        await pool.release(model)
        assert model.closed == 1
        other = await pool.acquire(LlamaSpec(path="x.gguf"))
        assert other is not model
        assert len(made) == 2
        await pool.close()
        await pool.release(other)
        assert (model.closed, other.closed) == (1, 1)  # type: ignore[attr-defined]

    async def test_a_load_that_fails_fails_once_for_all_and_is_forgotten(self, slow: Slow, tmp_path: Path) -> None:
        slow.go_on.set()
        async with ModelPool(tmp_path) as pool:
            outcomes = await asyncio.gather(*(pool.acquire(self.BAD) for _ in range(3)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [ModelFileError] * 3
            assert slow.loads == 1
            with pytest.raises(ModelFileError, match="bad"):
                await pool.acquire(self.BAD)
            assert slow.loads == 2

    async def test_a_model_that_is_released_while_it_loads_is_closed_after_that(
        self, slow: Slow, tmp_path: Path
    ) -> None:
        pool = ModelPool(tmp_path)
        acquiring = await slow.acquiring(pool, self.SPEC)
        releasing = asyncio.create_task(pool.release(self.SPEC))
        await asyncio.sleep(0)
        slow.go_on.set()
        await releasing
        model = await acquiring
        assert isinstance(model, Closing)
        assert model.closed == 1
        assert await pool.acquire(self.SPEC) is not model
        await pool.close()

    async def test_a_user_that_comes_while_another_gives_up_gets_the_load(self, slow: Slow, tmp_path: Path) -> None:
        pool = ModelPool(tmp_path)
        first = await slow.acquiring(pool, self.SPEC)
        first.cancel()
        await asyncio.sleep(0)
        second = asyncio.create_task(pool.acquire(self.SPEC))
        await asyncio.sleep(0)
        slow.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        model = await second
        assert isinstance(model, Closing)
        assert (model.closed, slow.loads) == (0, 1)
        await pool.release(model)
        assert model.closed == 1

    async def test_giving_up_twice_leaves_no_model_open_and_no_task(self, slow: Slow, tmp_path: Path) -> None:
        pool, before = ModelPool(tmp_path), asyncio.all_tasks()
        task = await slow.acquiring(pool, self.SPEC)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert task.cancelled()
        slow.go_on.set()
        await pool.close()
        assert [model.closed for model in slow.models] == [1]
        assert asyncio.all_tasks() == before

    async def test_closing_the_pool_while_a_model_loads_closes_it_too(self, slow: Slow, tmp_path: Path) -> None:
        pool = ModelPool(tmp_path)
        acquiring = await slow.acquiring(pool, self.SPEC)
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        slow.go_on.set()
        await closing
        model = await acquiring
        assert isinstance(model, Closing)
        assert model.closed == 1
        await pool.release(model)
        assert model.closed == 1

    async def test_a_file_is_not_loaded_again_before_its_model_is_closed(self, slow: Slow, tmp_path: Path) -> None:
        slow.go_on.set()
        pool, closing, closed = ModelPool(tmp_path), asyncio.Event(), asyncio.Event()
        model = await pool.acquire(self.SPEC)

        async def close() -> None:
            closing.set()
            await closed.wait()

        model.close = close  # type: ignore[method-assign]
        releasing = asyncio.create_task(pool.release(model))
        await closing.wait()
        again = asyncio.create_task(pool.acquire(self.SPEC))
        await asyncio.sleep(0.01)
        assert slow.loads == 1
        closed.set()
        await releasing
        assert await again is not model
        assert slow.loads == 2
        await pool.close()


def test_importing_the_models_costs_nothing() -> None:
    code = (
        "import sys, agentnet.models, agentnet.models.base, agentnet.models.pool, agentnet.models.scripted, "
        "agentnet.models.gguf, agentnet.models.devices\n"
        "heavy = {'llama_cpp', 'openai', 'huggingface_hub', 'numpy', 'jinja2'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
