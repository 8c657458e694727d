"""From a spec to an open model: one backend for each kind of spec. ``docs/recipes/model-backend.md`` adds one."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from agentnet.contracts.model_specs import A2ASpec, LlamaSpec, ModelSpec, OpenAISpec, ReplaySpec
from agentnet.contracts.nodes import NodeSpec
from agentnet.errors import ModelError, ModelFileError, ModelUnavailable
from agentnet.files.paths import written_path
from agentnet.models.base import Model
from agentnet.models.gguf import all_parts, checksum, names_a_part

if TYPE_CHECKING:
    from agentnet.models.llama.machine import Machine

ZOO = "zoo:"
HUB = "hf://"


OpenNode: TypeAlias = Callable[[NodeSpec], Model]
"""Opens a model that nodes serve; must not block. Raises `ModelError`."""


def no_node(spec: NodeSpec) -> Model:
    """Refuse a model that nodes serve, where no nodes are known."""
    raise ModelUnavailable(f"{spec.member} is served by nodes: open a session with the store that knows them")


def open_model(spec: ModelSpec, *, base: Path, machine: Machine | None = None) -> Model:
    """Open one model; blocks while a file is fetched or loaded. Raises `ModelError`.

    Relative paths start from `base`. A local model takes its threads and memory from `machine`, by default the one that
    this process runs on.
    """
    if isinstance(spec, NodeSpec):
        return no_node(spec)
    return BACKENDS[spec.kind].open(spec, base, machine)


def settled(spec: ModelSpec, base: Path) -> ModelSpec:
    """Return the spec with its file as an absolute path, so that two spellings of a path are one model."""
    field = None if isinstance(spec, NodeSpec) else BACKENDS[spec.kind].file
    if field is None or getattr(spec, field).startswith((ZOO, HUB)):
        return spec
    path = base / written_path(getattr(spec, field))
    # The files of one model belong together by their names, which links may lead away from.
    real = path.parent.resolve() / path.name if names_a_part(path) else os.path.realpath(path)
    return spec.model_copy(update={field: str(real)})


def find_file(spec: LlamaSpec, base: Path) -> Path:
    """Return the local GGUF file of a spec, the first where there are several; fetch them first from the hub.

    A given checksum is verified, over all files of the model.
    """
    if spec.path.startswith(HUB):
        from agentnet.models.hub import fetch

        return fetch(spec.path, spec.sha256)
    path = _local(spec, base)
    if spec.sha256 is not None and path.is_file():
        found = checksum(all_parts(path))
        if found != spec.sha256:
            raise ModelFileError(f"{path}: its SHA-256 is {found}, expected {spec.sha256}; fetch the file again")
    return path


def present_file(spec: LlamaSpec, base: Path) -> Path | None:
    """Return the same without fetching or verifying anything; None where the file would have to be fetched first."""
    if spec.path.startswith(HUB):
        from agentnet.models.hub import cached

        return cached(spec.path)
    return _local(spec, base)


def _local(spec: LlamaSpec, base: Path) -> Path:
    if spec.path.startswith(ZOO):
        from agentnet.zoo import catalog

        return catalog.path(spec.path.removeprefix(ZOO))
    return base / written_path(spec.path)


def _open_llama(spec: LlamaSpec, base: Path, machine: Machine | None) -> Model:
    from agentnet.models.llama import LlamaModel

    return LlamaModel(find_file(spec, base), spec, machine)


def _open_openai(spec: OpenAISpec, base: Path, machine: Machine | None) -> Model:
    from agentnet.models.openai.model import OpenAIModel

    model = OpenAIModel(spec)
    model.check()
    return model


def _open_replay(spec: ReplaySpec, base: Path, machine: Machine | None) -> Model:
    from agentnet.models.replay import ReplayModel

    return ReplayModel(base / spec.replay, spec)


def _open_a2a(spec: A2ASpec, base: Path, machine: Machine | None) -> Model:
    try:
        from agentnet.models.a2a.model import A2AModel
    except ImportError as error:
        raise ModelError(f"outside agents need the extra serve: pip install 'agentnet-ai[serve]' ({error})") from error
    return A2AModel(spec)


@dataclass(frozen=True, slots=True)
class Backend:
    """How the specs of one kind become models.

    `open` gets a spec, the folder that relative paths start from, and the machine that local weights run on. It is
    called on a thread, so it may block, and it imports what it needs only then: a network without local models must not
    load llama.cpp. `file` is the spec's field that names a local file, if there is one.
    """

    open: Callable[[Any, Path, Machine | None], Model]
    file: str | None = None


BACKENDS = {
    "llama": Backend(_open_llama, file="path"),
    "openai": Backend(_open_openai),
    "replay": Backend(_open_replay, file="replay"),
    "a2a": Backend(_open_a2a),
}
"""By the `kind` of a spec."""
