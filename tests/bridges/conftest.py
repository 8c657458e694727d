"""What the tests of the bridges share: held-out items, and what the network itself answers to them."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentnet.answers import same
from agentnet.collab.library import find_protocol
from agentnet.contracts.bodies import Task
from agentnet.coordinator import Outcome
from agentnet.session import open_session
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import Item, distinct

MUTE = """
name: mute
agents:
  - {name: mute, model: {path: "zoo:math", threads: 1}, pack: compact, sampling: {stop: ["1", "2", "5", "8"]}}
"""
"""Its one member stops before it has said anything: every run ends without an answer."""

DRAWS = """
name: draws
agents:
  - name: math
    model: {path: "zoo:math", threads: 1, sequences: 1, reuse_prefix: false}
    pack: compact
    sampling: {temperature: 3.0, max_tokens: 60}
"""
"""Its one member babbles: what it says shows the seed. The same request gets the same bits."""


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine is in force, and nothing is fetched."""
    for name in list(os.environ):
        if name.startswith(("AGENTNET_", "INSPECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _models_are_released() -> Iterator[None]:
    """Whatever was evaluated, no engine is left behind; one whose model was dropped may take a moment."""
    yield
    gc.collect()
    for _ in range(100):
        if not engines():
            return
        time.sleep(0.05)
    assert engines() == []


@pytest.fixture(scope="session")
def items() -> list[Item]:
    return distinct(FAMILIES["math"], "test", 7, 5)


@pytest.fixture
def mute(tmp_path: Path) -> Path:
    path = tmp_path / "mute.yaml"
    path.write_text(MUTE)
    return path


@pytest.fixture
def draws(tmp_path: Path) -> Path:
    path = tmp_path / "draws.yaml"
    path.write_text(DRAWS)
    return path


def engines() -> list[str]:
    """The threads of models that are open."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("llama-")]


def direct(protocol: str, items: list[Item], label: str | None) -> list[Outcome]:
    """What the zoo network answers without any bridge."""

    async def ask() -> list[Outcome]:
        async with open_session("zoo", remember=False) as place:
            return [
                await place.coordinator.run(Task(text=item.question, label=label), find_protocol(protocol))
                for item in items
            ]

    return asyncio.run(ask())


def accuracy(outcomes: list[Outcome], items: list[Item]) -> float:
    right = [same(outcome.answer or "", item.answer) for outcome, item in zip(outcomes, items, strict=True)]
    return sum(right) / len(right)
