"""Opening models: from a spec to something that answers, once for each distinct spec."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from agentnet.contracts.model_specs import LlamaSpec, ModelSpec, OpenAISpec, ReplaySpec
from agentnet.errors import ModelFileError
from agentnet.models.base import Model

if TYPE_CHECKING:
    from agentnet.models.llama.machine import Machine

ZOO = "zoo:"
HUB = "hf://"


class ModelPool:
    """Opens models and closes them together. Agents that name the same model share it.

    `base` is the folder that relative paths start from. Local models divide the cores and the memory of `machine`; None
    takes the machine that this process runs on.
    """

    def __init__(self, base: Path, *, machine: Machine | None = None) -> None:
        self._base, self._machine = base, machine
        self._models: dict[str, Model] = {}
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> ModelPool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, specs: Iterable[ModelSpec]) -> list[Model]:
        """A model for each spec, in order. Files are loaded side by side. Raises `ModelError`."""
        found = [self._settled(spec) for spec in specs]
        keys = [spec.model_dump_json() for spec in found]
        async with self._opening:
            new = {key: spec for key, spec in zip(keys, found, strict=True) if key not in self._models}
            loads = [asyncio.create_task(self._load(key, spec)) for key, spec in new.items()]
            try:
                await asyncio.gather(*map(asyncio.shield, loads))
            finally:
                # A thread that loads a file cannot be stopped: wait, so that what it opens is kept and closed.
                await asyncio.gather(*loads, return_exceptions=True)
        return [self._models[key] for key in keys]

    async def close(self) -> None:
        """Close every model. Closing twice is harmless."""
        models, self._models = self._models, {}
        await asyncio.gather(*(model.close() for model in models.values()))

    async def _load(self, key: str, spec: ModelSpec) -> None:
        self._models[key] = await asyncio.to_thread(open_model, spec, base=self._base, machine=self._machine)

    def _settled(self, spec: ModelSpec) -> ModelSpec:
        """The spec with its file written in one way only, so that two spellings of a path are one model."""
        if isinstance(spec, ReplaySpec):
            return spec.model_copy(update={"replay": os.path.realpath(self._base / Path(spec.replay).expanduser())})
        if isinstance(spec, OpenAISpec) or spec.path.startswith((ZOO, HUB)):
            return spec
        return spec.model_copy(update={"path": os.path.realpath(self._base / Path(spec.path).expanduser())})


def open_model(spec: ModelSpec, *, base: Path, machine: Machine | None = None) -> Model:
    """Open one model; blocks while a file is fetched or loaded. Raises `ModelError`."""
    if isinstance(spec, OpenAISpec):
        from agentnet.models.openai.model import OpenAIModel

        return OpenAIModel(spec)
    if isinstance(spec, ReplaySpec):
        from agentnet.models.replay import ReplayModel

        return ReplayModel(base / spec.replay, spec)
    from agentnet.models.llama import LlamaModel

    return LlamaModel(find_file(spec, base), spec, machine)


def find_file(spec: LlamaSpec, base: Path) -> Path:
    """The local GGUF file of a spec; fetches it from the hub if it lies there. A given checksum is verified."""
    if spec.path.startswith(HUB):
        from agentnet.models.hub import fetch

        return fetch(spec.path, spec.sha256)
    path = _local(spec, base)
    if spec.sha256 is not None and path.is_file():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != spec.sha256:
            raise ModelFileError(f"{path}: its SHA-256 is {found}, expected {spec.sha256}; fetch the file again")
    return path


def present_file(spec: LlamaSpec, base: Path) -> Path | None:
    """The same without fetching or verifying anything; None where the file would have to be fetched first."""
    if spec.path.startswith(HUB):
        from agentnet.models.hub import cached

        return cached(spec.path)
    return _local(spec, base)


def _local(spec: LlamaSpec, base: Path) -> Path:
    if spec.path.startswith(ZOO):
        from agentnet.zoo import catalog

        return catalog.path(spec.path.removeprefix(ZOO))
    return base / Path(spec.path).expanduser()
