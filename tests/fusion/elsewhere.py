"""A model in another process: a session sends tokens and a reading there, and gets back what was read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import Reading, TokenSession, TokenVocabulary

T = TypeVar("T")


class ModelElsewhere:
    """A zoo model whose weights are in a process of its own. `vocabulary` is what this process knows of it."""

    def __init__(self, path: Path, vocabulary: TokenVocabulary) -> None:
        self._name, self._vocabulary = path.stem, vocabulary
        self._process = ProcessPoolExecutor(1, get_context("spawn"), _load, (path,))

    async def open_session(self, request: Request) -> TokenSession:
        key, prompt = await asyncio.wrap_future(self._process.submit(_open, request))
        return SessionElsewhere(self._name, self._vocabulary, self._process, key, prompt)

    def close(self) -> None:
        self._process.submit(_close).result()
        self._process.shutdown()


class SessionElsewhere:
    admission = None

    def __init__(
        self,
        name: str,
        vocabulary: TokenVocabulary,
        process: ProcessPoolExecutor,
        key: int,
        prompt: tuple[int, ...],
    ) -> None:
        self.name, self.vocabulary, self.prompt = name, vocabulary, prompt
        self.prompt_tokens, self.evaluated = len(prompt), 0
        self._process, self._key = process, key

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        loop = asyncio.get_running_loop()
        call = (self._key, self.prompt, list(tokens), reading)
        read, self.evaluated = await loop.run_in_executor(self._process, _step, *call)
        result: T = read
        return result

    def close(self) -> None:
        """The process keeps its sessions until it ends."""


# What runs in the other process.

_models: list[LlamaModel] = []
_sessions: list[TokenSession] = []


def _load(path: Path) -> None:
    _models.append(LlamaModel(path, LlamaSpec(path=str(path), threads=1, sequences=1, reuse_prefix=False)))


def _open(request: Request) -> tuple[int, tuple[int, ...]]:
    _sessions.append(asyncio.run(_models[0].open_session(request)))
    return len(_sessions) - 1, _sessions[-1].prompt


def _step(key: int, prompt: tuple[int, ...], tokens: list[int], reading: Reading[Any]) -> tuple[Any, int]:
    session = _sessions[key]
    session.prompt = prompt
    return asyncio.run(session.step(tokens, reading)), session.evaluated


def _close() -> None:
    asyncio.run(_models[0].close())
