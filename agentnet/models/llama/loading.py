"""From a file and a spec to loaded weights and a context: memory, threads and GPU settings."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelFileError
from agentnet.logs import logger
from agentnet.models.devices import GPU_INSTALL, Device, offload_devices
from agentnet.models.gguf import Header, read_header
from agentnet.models.llama import backend
from agentnet.models.llama.ledger import Ledger, MemoryReservation
from agentnet.models.llama.offload import Offload
from agentnet.models.llama.plan import MemoryPlan, plan_memory

log = logger("llama")

_SPLIT = {"none": "LLAMA_SPLIT_MODE_NONE", "layer": "LLAMA_SPLIT_MODE_LAYER", "row": "LLAMA_SPLIT_MODE_ROW"}
_CACHE_TYPES = {"f32": 0, "f16": 1, "bf16": 30, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8}
"""ggml's numbers: the binding does not name all of them."""
_FLASH = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}


@dataclass(slots=True)
class Loaded:
    """A loaded model: llama.cpp's pointers, which `close` frees, and its sizes."""

    model: Any
    context: Any
    vocab: Any
    memory: Any
    size: int
    """Tokens of context that one request has."""
    cells: int
    """Tokens that the KV cache holds for all sequences together."""
    row: int
    """Tokens that each sequence has room for, where the cache is laid out in rows; 0 for one pool."""
    sequences: int
    """How many sequence numbers there are. In a pool, the number behind them is that of the padding (see `Context`)."""
    forks: bool
    """Whether a sequence can be copied and cut, unlike a recurrent state."""
    repacked: bool
    """Whether llama.cpp has repacked weights for the CPU (see `Context`)."""
    batch: int
    """Tokens that one step may have: at one more, llama.cpp would abort the process."""
    header: Header
    reservation: MemoryReservation
    """The memory that is reserved for the model, and its plan."""
    notes: tuple[str, ...]
    """Wishes of the spec that could not be granted."""

    def close(self) -> None:
        llama = backend.library()
        if self.context is not None:
            llama.llama_free(self.context)
            llama.llama_model_free(self.model)
            self.reservation.release()
        self.context = self.model = None


def load(path: Path, spec: LlamaSpec, *, memory: Ledger, threads: int) -> Loaded:
    """Load a GGUF file, with memory that is reserved in a ledger.

    Raises `ModelFileError` where the file is broken, does not fit, or asks for what this build of llama.cpp lacks.
    """
    header = read_header(path)
    if spec.kv_type_v not in ("f16", "f32", "bf16") and spec.flash_attention == "off":
        raise ModelFileError(f"{path}: a quantised V cache needs flash attention; set flash_attention to auto or on")
    devices, notes = usable_devices(spec)
    reservation = _reserve(path, header, spec, devices, memory)
    while True:
        try:
            model, context = _load(path, spec, reservation.plan, threads)
            break
        except ModelFileError as error:
            reservation.release()
            layers = reservation.plan.offload.layers
            if not layers or spec.gpu_layers != "auto":
                raise
            notes.append(f"the GPU could not take {layers} layers of {path.name} ({error})")
            log.warning("%s", notes[-1])
            reservation = _reserve(path, header, spec, devices, memory, most=layers // 2)
        except BaseException:
            reservation.release()
            raise
    reservation.loaded()
    llama = backend.library()
    size = min(reservation.plan.size, int(llama.llama_n_ctx(context)))
    forks = not (llama.llama_model_is_recurrent(model) or llama.llama_model_is_hybrid(model))
    return Loaded(
        model=model,
        context=context,
        vocab=llama.llama_model_get_vocab(model),
        memory=llama.llama_get_memory(context),
        size=size,
        cells=int(llama.llama_n_ctx(context)),
        row=int(llama.llama_n_ctx_seq(context)) if reservation.plan.rows else 0,
        sequences=int(llama.llama_n_seq_max(context)) - (forks and not reservation.plan.rows),
        forks=forks,
        repacked=backend.repacked(),
        batch=int(llama.llama_n_batch(context)),
        header=header,
        reservation=reservation,
        notes=(*notes, *_notes(path, spec, header, reservation.plan, gpu=bool(devices))),
    )


def _reserve(
    path: Path, header: Header, spec: LlamaSpec, devices: Sequence[Device], memory: Ledger, *, most: int | None = None
) -> MemoryReservation:
    """Reserve the memory of a model. Raises `ModelFileError` if it does not fit: the system would kill the process."""
    reservation = reserve_memory(header, spec, devices, ledger=memory, most=most)
    if not reservation.plan.fits:
        raise ModelFileError(f"{path}: {reservation.plan.shortage()}")
    return reservation


def reserve_memory(
    header: Header, spec: LlamaSpec, devices: Sequence[Device], *, ledger: Ledger, most: int | None = None
) -> MemoryReservation:
    """Plan the memory of a model with at most `most` layers on the devices, and reserve it if it fits."""
    return ledger.reserve(lambda free, rooms: plan_memory(header, spec, free=free, rooms=rooms, most=most), devices)


def usable_devices(spec: LlamaSpec) -> tuple[list[Device], list[str]]:
    """Return the devices to offload to, and notes on wishes that could not be granted.

    Raises `ModelFileError` where the spec insists on such a wish.
    """
    wish = spec.gpu_layers
    if wish in ("none", 0):
        return [], []
    devices = offload_devices()
    if not devices:
        if wish == "auto":
            return [], ["this build of llama.cpp has no GPU support: everything runs on the CPU"]
        raise ModelFileError(
            f"{spec.path}: gpu_layers is {wish}, but llama.cpp was built without GPU support; {GPU_INSTALL}"
        )
    if spec.split_mode != "none":
        return devices, []
    if spec.main_gpu >= len(devices):
        raise ModelFileError(
            f"{spec.path}: main_gpu is {spec.main_gpu}, but there are {len(devices)} devices, from 0 on"
        )
    return [devices[spec.main_gpu]], []


def _notes(path: Path, spec: LlamaSpec, header: Header, plan: MemoryPlan, *, gpu: bool) -> list[str]:
    notes = []
    if header.context and plan.size > header.context:
        notes.append(f"context {plan.size} is longer than the {header.context} that {path.name} was trained on")
    if gpu and not plan.offload.layers:
        notes.append(f"{path.name} runs on the CPU: no layer of it fits on the GPU")
    elif gpu and spec.gpu_layers == "auto" and plan.offload.layers < header.settings.get("block_count", 0) + 1:
        notes.append(f"{path.name} runs partly on the CPU: {plan.offload.layers} of its layers fit on the GPU")
    return notes


def _load(path: Path, spec: LlamaSpec, plan: MemoryPlan, threads: int) -> tuple[Any, Any]:
    """Return pointers to the weights and to the context. Raises `ModelFileError`, and then frees both."""
    llama = backend.library()
    backend.forget()
    model = _load_weights(path, spec, plan.offload)
    if not model:
        raise ModelFileError(f"{path}: llama.cpp cannot load it: {backend.reason()}")
    try:
        _check_kind(path, model)
        context = llama.llama_init_from_model(model, _context_params(spec, plan, threads))
        if not context:
            raise ModelFileError(
                f"{path}: no memory for a KV cache of {plan.cells} tokens ({backend.reason()}); "
                f"set a smaller `context` or a quantised KV cache"
            )
    except BaseException:
        llama.llama_model_free(model)
        raise
    return model, context


def _check_kind(path: Path, model: Any) -> None:
    """Refuse models that llama.cpp loads but aborts on when they are to continue a text."""
    llama = backend.library()
    if llama.llama_vocab_type(llama.llama_model_get_vocab(model)) == llama.LLAMA_VOCAB_TYPE_NONE:
        raise ModelFileError(f"{path}: has no vocabulary; use a complete model file")
    if llama.llama_model_has_encoder(model) or not llama.llama_model_has_decoder(model):
        raise ModelFileError(f"{path}: is not a model that continues a text; use a decoder-only chat model")


def _load_weights(path: Path, spec: LlamaSpec, offload: Offload) -> Any:
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


def _context_params(spec: LlamaSpec, plan: MemoryPlan, threads: int) -> Any:
    llama = backend.library()
    params = llama.llama_context_default_params()
    params.n_ctx = plan.cells
    params.n_seq_max = plan.sequences
    params.kv_unified = not plan.rows
    params.n_batch = plan.batch
    params.n_ubatch = plan.microbatch
    params.n_threads = params.n_threads_batch = threads
    params.offload_kqv = spec.offload_kv
    params.flash_attn_type = getattr(llama, f"LLAMA_FLASH_ATTN_TYPE_{_FLASH[spec.flash_attention]}")
    params.type_k, params.type_v = _CACHE_TYPES[spec.kv_type_k], _CACHE_TYPES[spec.kv_type_v]
    return params
