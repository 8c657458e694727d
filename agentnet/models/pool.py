"""The open models of a process: one for each distinct spec, shared by its users and closed after the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from agentnet.contracts.base import FileModel
from agentnet.contracts.model_specs import ModelSpec
from agentnet.contracts.nodes import NodeSpec
from agentnet.models.backends import OpenNode, no_node, open_model, settled
from agentnet.models.base import Model

if TYPE_CHECKING:
    from agentnet.models.llama.machine import Machine


class ModelPool:
    """Opens models and counts their users. Agents that name the same model with the same settings share it.

    With other settings, a local model has an engine of its own on the same weights (`models/llama/weights.py`).

    `base` is the folder that relative paths start from. Local models divide the cores and the memory of `machine`; None
    takes the machine that this process runs on. `open_node` opens models that nodes serve. A pool belongs to one event
    loop.
    """

    def __init__(self, base: Path, *, machine: Machine | None = None, open_node: OpenNode = no_node) -> None:
        self._base, self._machine, self._open_node = base, machine, open_node
        self._models: dict[str, _Shared] = {}

    async def __aenter__(self) -> ModelPool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def acquire(self, spec: ModelSpec) -> Model:
        """Return the model of a spec and count one user more. Raises `ModelError`.

        The first user opens the model; users that come meanwhile wait for the same load. A load that fails, fails for
        all of them and is forgotten: the next `acquire` tries again. Cancelling the only user of a load takes as long
        as the load, since a thread cannot be stopped; the model is closed then.
        """
        spec = settled(spec, self._base)
        key = spec.model_dump_json()
        # What a closing model holds must be free again before the same file is loaded once more.
        while (shared := self._models.get(key)) is not None and shared.closed:
            await asyncio.wait([self._closing(shared)])
        if shared is None:
            shared = self._models[key] = _Shared(key, asyncio.create_task(self._load(key, spec)))
        shared.users += 1
        try:
            return await asyncio.shield(shared.loading)
        except BaseException:
            await self._leave(shared)
            raise

    async def release(self, model: Model | ModelSpec) -> None:
        """Count one user less of a model, which is named by itself or by its spec. The last user's release closes it.

        A model that the pool does not hold, or no longer holds, is ignored.
        """
        if isinstance(model, FileModel):
            shared = self._models.get(settled(model, self._base).model_dump_json())
        else:
            shared = next((shared for shared in self._models.values() if shared.model is model), None)
        if shared is not None and shared.users:
            await self._leave(shared)

    async def open(self, specs: Iterable[ModelSpec]) -> list[Model]:
        """Acquire a model for each spec, in order. Files are loaded side by side. Raises `ModelError`.

        Where one fails, the others stay open until `close`.
        """
        models: list[Model] = []
        for outcome in await asyncio.gather(*map(self.acquire, specs), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
            models.append(outcome)
        return models

    async def close(self) -> None:
        """Close every model, with users or without, and each load as soon as it ends. Closing twice is harmless."""
        models = list(self._models.values())
        for shared in models:
            shared.users = 0
        await asyncio.gather(*(asyncio.shield(self._closing(shared)) for shared in models))

    async def _load(self, key: str, spec: ModelSpec) -> Model:
        try:
            if isinstance(spec, NodeSpec):
                return self._open_node(spec)
            return await asyncio.to_thread(open_model, spec, base=self._base, machine=self._machine)
        except BaseException:
            del self._models[key]
            raise

    async def _leave(self, shared: _Shared) -> None:
        shared.users = max(0, shared.users - 1)  # the pool may have been closed meanwhile
        if not shared.users and self._models.get(shared.key) is shared:
            await asyncio.shield(self._closing(shared))

    def _closing(self, shared: _Shared) -> asyncio.Task[None]:
        """Return the task that closes a model. It runs to its end, even if its waiters are cancelled."""
        if shared.closing is None:
            shared.closing = asyncio.create_task(self._close(shared))
        return shared.closing

    async def _close(self, shared: _Shared) -> None:
        """Close a model that has no users, once it is loaded. A user that came meanwhile keeps it open."""
        await asyncio.wait([shared.loading])
        if shared.users or shared.model is None:
            shared.closing = None
            return
        shared.closed = True
        try:
            await shared.model.close()
        finally:
            del self._models[shared.key]


@dataclass(eq=False, slots=True)
class _Shared:
    """One model of a pool, from the start of its load to the end of its closing."""

    key: str
    loading: asyncio.Task[Model]
    users: int = 0
    closing: asyncio.Task[None] | None = None
    closed: bool = False
    """Whether `Model.close` was called: from then on the model is of no use."""

    @property
    def model(self) -> Model | None:
        """The open model; None while it loads, and where the load failed."""
        loaded = self.loading.done() and not self.loading.cancelled() and self.loading.exception() is None
        return self.loading.result() if loaded else None
