"""The weights in memory: contexts of the same file share them, however their own settings differ."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelFileError
from agentnet.models.devices import Device
from agentnet.models.gguf import Header, read_header
from agentnet.models.llama import backend
from agentnet.models.llama.ledger import MemoryReservation
from agentnet.models.llama.offload import Offload
from agentnet.models.llama.trial import files_on_disk, try_out
from agentnet.models.llama.vocabulary import Vocabulary

_SPLIT = {"none": "LLAMA_SPLIT_MODE_NONE", "layer": "LLAMA_SPLIT_MODE_LAYER", "row": "LLAMA_SPLIT_MODE_ROW"}


class OpenWeights:
    """The weights in memory on one machine. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Hashable, Weights] = {}

    def __len__(self) -> int:
        """Return how many sets of weights are in memory or being loaded."""
        return len(self._open)

    @contextmanager
    def use(self, path: Path, spec: LlamaSpec, devices: Sequence[Device]) -> Iterator[Weights]:
        """Count a user of the weights of a file, which may not be loaded yet, until `release`.

        Meanwhile no other thread loads or frees them. An error within the context uncounts the user.
        """
        key = weights_key(path, spec, devices)
        with self._lock:
            weights = self._open.get(key)
            if weights is None:
                weights = self._open[key] = Weights(path, key)
            weights.users += 1
        try:
            with weights.turn:
                yield weights
        except BaseException:
            self.release(weights)
            raise

    def release(self, weights: Weights) -> None:
        """Count a user less. The last one frees the weights; a user that comes meanwhile waits for that."""
        with weights.turn:
            with self._lock:
                weights.users -= 1
                unused = not weights.users
            if unused:
                weights.unload()
        with self._lock:
            if not weights.users and self._open.get(weights.key) is weights:
                del self._open[weights.key]


class Weights:
    """The weights of one GGUF file, and what follows from the file alone: its header and its vocabulary.

    llama.cpp only reads them, so contexts on several threads may share them.
    """

    def __init__(self, path: Path, key: Hashable) -> None:
        self.key = key
        self.turn = threading.Lock()
        """Held while the weights are loaded or freed, and while a context is made."""
        self.users = 0
        self.model: Any = None
        """llama.cpp's pointer; None while they are not loaded."""
        self.offload: Offload | None = None
        """Where the weights lie; None while they are not loaded."""
        self.repacked = False
        """Whether llama.cpp has repacked weights for the CPU (see `Context`)."""
        self._path = path
        self._header: Header | None = None
        self._vocabulary: Vocabulary | None = None
        self._reservation: MemoryReservation | None = None

    @property
    def header(self) -> Header:
        """The header of the file. Raises `ModelFileError`."""
        if self._header is None:
            self._header = read_header(self._path)
        return self._header

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of loaded weights, one object for all contexts: what is derived from it is shared too."""
        assert self._vocabulary is not None
        return self._vocabulary

    def load(self, spec: LlamaSpec, reservation: MemoryReservation) -> None:
        """Load the file as planned; the bytes of the weights stay reserved until `unload`. Raises `ModelFileError`."""
        offload = reservation.plan.offload
        try_out(self._path, self.header)
        backend.forget()
        self.model = load_weights(self._path, spec, offload)
        if not self.model:
            raise ModelFileError(f"{self._path}: llama.cpp cannot load it: {backend.reason()}")
        self.offload, self.repacked = offload, backend.repacked()
        self._check_kind()
        self._vocabulary = Vocabulary(backend.library().llama_model_get_vocab(self.model))
        self._reservation = reservation.take_weights()

    def unload(self) -> None:
        """Free the weights, if they are loaded, and what was derived. No context may use them any more."""
        if self._vocabulary is not None:
            self._vocabulary.derived.clear()
        if self.model:
            backend.library().llama_model_free(self.model)
        if self._reservation is not None:
            self._reservation.release()
        self.model = self.offload = self._header = self._vocabulary = self._reservation = None

    def _check_kind(self) -> None:
        """Refuse models that llama.cpp loads but aborts on when they are to continue a text."""
        llama = backend.library()
        if llama.llama_vocab_type(llama.llama_model_get_vocab(self.model)) == llama.LLAMA_VOCAB_TYPE_NONE:
            raise ModelFileError(f"{self._path}: has no vocabulary; use a complete model file")
        if llama.llama_model_has_encoder(self.model) or not llama.llama_model_has_decoder(self.model):
            raise ModelFileError(f"{self._path}: is not a model that continues a text; use a decoder-only chat model")


def weights_key(path: Path, spec: LlamaSpec, devices: Sequence[Device]) -> Hashable:
    """Return what makes two sets of weights the same: the files on disk, and the settings that place the weights.

    `devices` are those that the weights may be offloaded to: without any, the settings of offload make no difference.
    """
    placing = (spec.gpu_layers, spec.main_gpu, spec.tensor_split, spec.split_mode) if devices else ()
    return files_on_disk(path), placing, spec.mmap, spec.mlock


def load_weights(path: Path, spec: LlamaSpec, offload: Offload) -> Any:
    """Return llama.cpp's pointer to the weights, NULL where it cannot load them. Raises `ModelFileError`."""
    llama = backend.library()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = offload.layers
    params.split_mode = getattr(llama, _SPLIT[spec.split_mode])
    params.main_gpu = spec.main_gpu
    most = int(llama.llama_max_devices())
    if len(spec.tensor_split or ()) > most:
        raise ModelFileError(f"{path}: tensor_split names more than the {most} devices that llama.cpp can use")
    # Without shares, llama.cpp asks the devices again, and gets other numbers while another model is being loaded.
    split = (ctypes.c_float * most)(*offload.shares[:most])
    if len(offload.shares) > 1:
        params.tensor_split = split
    _choose_load_mode(llama, params, spec)
    return llama.llama_model_load_from_file(os.fsencode(path), params)


def _choose_load_mode(llama: Any, params: Any, spec: LlamaSpec) -> None:
    """Set memory mapping and locking: one field in new builds of llama.cpp, two in older ones."""
    if hasattr(params, "use_mmap"):
        params.use_mmap, params.use_mlock = spec.mmap, spec.mlock
    elif spec.mlock:
        params.load_mode = llama.LLAMA_LOAD_MODE_MLOCK
    elif not spec.mmap:
        params.load_mode = llama.LLAMA_LOAD_MODE_NONE
