"""Opening models: from a spec to something that answers, once for each distinct spec."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from agentnet.contracts.model_specs import LlamaSpec, ModelSpec, OpenAISpec
from agentnet.errors import ModelFileError
from agentnet.models.base import Model
from agentnet.models.devices import plan_threads

ZOO = "zoo:"
HUB = "hf://"


class ModelPool:
    """Opens models and closes them together. Agents that name the same model share it.

    `base` is the folder that relative paths start from.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._models: dict[str, Model] = {}

    async def __aenter__(self) -> ModelPool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(model.close() for model in self._models.values()))
        self._models.clear()

    async def open(self, specs: Iterable[ModelSpec]) -> list[Model]:
        """A model for each spec, in order. Files are loaded side by side. Raises `ModelError`."""
        found = list(specs)
        wanted = {spec.model_dump_json(): spec for spec in found}
        threads = plan_threads(sum(isinstance(spec, LlamaSpec) for spec in wanted.values()))
        new = {key: spec for key, spec in wanted.items() if key not in self._models}
        opened = await asyncio.gather(
            *(asyncio.to_thread(open_model, spec, base=self._base, threads=threads) for spec in new.values()),
            return_exceptions=True,
        )
        for key, model in zip(new, opened, strict=True):
            if not isinstance(model, BaseException):
                self._models[key] = model
        for failure in opened:
            if isinstance(failure, BaseException):
                raise failure
        return [self._models[spec.model_dump_json()] for spec in found]


def open_model(spec: ModelSpec, *, base: Path, threads: int) -> Model:
    """Open one model; blocks while a file is fetched or loaded. Raises `ModelError`."""
    if isinstance(spec, OpenAISpec):
        from agentnet.models.remote import OpenAIModel

        return OpenAIModel(spec)
    from agentnet.models.llama import LlamaModel

    return LlamaModel(find_file(spec, base), spec, threads=spec.threads or threads)


def find_file(spec: LlamaSpec, base: Path) -> Path:
    """The local GGUF file of a spec; fetches it from the hub if it lies there. A given checksum is verified."""
    if spec.path.startswith(HUB):
        from agentnet.models.hub import fetch

        return fetch(spec.path, spec.sha256)
    if spec.path.startswith(ZOO):
        from agentnet.zoo import catalog

        path = catalog.path(spec.path.removeprefix(ZOO))
    else:
        path = base / Path(spec.path).expanduser()
    if spec.sha256 is not None and path.is_file():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != spec.sha256:
            raise ModelFileError(f"{path}: its SHA-256 is {found}, expected {spec.sha256}; fetch the file again")
    return path
