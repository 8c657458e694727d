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
from agentnet.models.base import Model, Request
from agentnet.models.pool import ModelPool, open_model
from agentnet.models.scripted import ScriptedModel
from tests.models.llama.files import TURN, path_through, tokens_of, write_chain


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


def test_importing_the_models_costs_nothing() -> None:
    code = (
        "import sys, agentnet.models, agentnet.models.base, agentnet.models.pool, agentnet.models.scripted, "
        "agentnet.models.gguf, agentnet.models.devices\n"
        "heavy = {'llama_cpp', 'openai', 'huggingface_hub', 'numpy', 'jinja2'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
