"""From a file and a spec to a context on loaded weights: memory, threads and GPU settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelFileError
from agentnet.logs import logger
from agentnet.models.devices import GPU_INSTALL, Device, offload_devices
from agentnet.models.gguf import Header
from agentnet.models.llama import backend
from agentnet.models.llama.ledger import Ledger, MemoryReservation
from agentnet.models.llama.offload import Offload
from agentnet.models.llama.plan import MemoryPlan, plan_memory
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.llama.weights import OpenWeights, Weights

log = logger("llama")

_CACHE_TYPES = {"f32": 0, "f16": 1, "bf16": 30, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8}
"""ggml's numbers: the binding does not name all of them."""
_FLASH = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}


@dataclass(slots=True)
class Loaded:
    """A context on loaded weights: llama.cpp's pointers, which `close` frees, and its sizes."""

    weights: Weights
    """What it shares with other contexts of the same file."""
    context: Any
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
    batch: int
    """Tokens that one step may have: at one more, llama.cpp would abort the process."""
    reservation: MemoryReservation
    """The memory that is reserved for the context, and the plan of it and of the weights that it needed."""
    notes: tuple[str, ...]
    """Wishes of the spec that could not be granted."""
    _open_weights: OpenWeights

    @property
    def model(self) -> Any:
        """llama.cpp's pointer to the weights."""
        return self.weights.model

    @property
    def repacked(self) -> bool:
        """Whether llama.cpp has repacked weights for the CPU (see `Context`)."""
        return self.weights.repacked

    @property
    def header(self) -> Header:
        return self.weights.header

    @property
    def vocabulary(self) -> Vocabulary:
        return self.weights.vocabulary

    def close(self) -> None:
        """Free the context, and the weights with their last context. Closing twice is harmless."""
        if self.context is not None:
            backend.library().llama_free(self.context)
            self.context = None
            self.reservation.release()
            self._open_weights.release(self.weights)


def load(
    path: Path, spec: LlamaSpec, *, memory: Ledger, threads: int, open_weights: OpenWeights | None = None
) -> Loaded:
    """Make a context for a GGUF file, with memory that is reserved in a ledger.

    Its weights are those that are in memory already where `open_weights` has them; None shares them with no other
    context. Raises `ModelFileError` where the file is broken, does not fit, or asks for what this build of llama.cpp
    lacks.
    """
    if spec.kv_type_v not in ("f16", "f32", "bf16") and spec.flash_attention == "off":
        raise ModelFileError(f"{path}: a quantised V cache needs flash attention; set flash_attention to auto or on")
    devices, notes = usable_devices(spec)
    open_weights = OpenWeights() if open_weights is None else open_weights
    with open_weights.use(path, spec, devices) as weights:
        header, most, shared = weights.header, None, weights.offload is not None
        while True:
            reservation = _reserve(path, header, spec, devices, memory, most=most, loaded=weights.offload)
            try:
                if not shared:
                    weights.load(spec, reservation)
                context = _make_context(path, weights, spec, reservation.plan, threads)
                break
            except BaseException as error:
                reservation.release()
                if shared:
                    raise
                weights.unload()
                layers = reservation.plan.offload.layers
                if not isinstance(error, ModelFileError) or not layers or spec.gpu_layers != "auto":
                    raise
                most = layers // 2
                notes.append(f"the GPU could not take {layers} layers of {path.name} ({error})")
                log.warning("%s", notes[-1])
    reservation.loaded()
    llama = backend.library()
    forks = not (llama.llama_model_is_recurrent(weights.model) or llama.llama_model_is_hybrid(weights.model))
    return Loaded(
        weights=weights,
        context=context,
        memory=llama.llama_get_memory(context),
        size=min(reservation.plan.size, int(llama.llama_n_ctx(context))),
        cells=int(llama.llama_n_ctx(context)),
        row=int(llama.llama_n_ctx_seq(context)) if reservation.plan.rows else 0,
        sequences=int(llama.llama_n_seq_max(context)) - (forks and not reservation.plan.rows),
        forks=forks,
        batch=int(llama.llama_n_batch(context)),
        reservation=reservation,
        notes=(*notes, *_notes(path, spec, header, reservation.plan, gpu=bool(devices))),
        _open_weights=open_weights,
    )


def _reserve(
    path: Path,
    header: Header,
    spec: LlamaSpec,
    devices: Sequence[Device],
    memory: Ledger,
    *,
    most: int | None,
    loaded: Offload | None,
) -> MemoryReservation:
    """Reserve the memory of a model. Raises `ModelFileError` if it does not fit: the system would kill the process."""
    reservation = reserve_memory(header, spec, devices, ledger=memory, most=most, loaded=loaded)
    if not reservation.plan.fits:
        raise ModelFileError(f"{path}: {reservation.plan.shortage()}")
    return reservation


def reserve_memory(
    header: Header,
    spec: LlamaSpec,
    devices: Sequence[Device],
    *,
    ledger: Ledger,
    most: int | None = None,
    loaded: Offload | None = None,
) -> MemoryReservation:
    """Plan the memory of a model with at most `most` layers on the devices, and reserve it if it fits.

    `loaded` tells where its weights lie if they are in memory already: then only a context is planned.
    """
    return ledger.reserve(
        lambda free, rooms: plan_memory(header, spec, free=free, rooms=rooms, most=most, loaded=loaded), devices
    )


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
    if spec.cache_layout == "rows" and not plan.rows:
        notes.append(f"the KV cache of {path.name} is one pool: it has layers whose states cannot be cut")
    if spec.offload_kv and not plan.offload_kv:
        notes.append(f"the KV cache of {path.name} lies in RAM: the GPU has no room for it beside the shared weights")
    if gpu and not plan.offload.layers:
        notes.append(f"{path.name} runs on the CPU: no layer of it fits on the GPU")
    elif gpu and spec.gpu_layers == "auto" and plan.offload.layers < header.settings.get("block_count", 0) + 1:
        notes.append(f"{path.name} runs partly on the CPU: {plan.offload.layers} of its layers fit on the GPU")
    return notes


def _make_context(path: Path, weights: Weights, spec: LlamaSpec, plan: MemoryPlan, threads: int) -> Any:
    """Return a pointer to a context on loaded weights. Raises `ModelFileError`."""
    backend.forget()
    context = backend.library().llama_init_from_model(weights.model, _context_params(spec, plan, threads))
    if not context:
        raise ModelFileError(
            f"{path}: no memory for a KV cache of {plan.cells} tokens ({backend.reason()}); "
            f"set a smaller `context` or a quantised KV cache"
        )
    return context


def _context_params(spec: LlamaSpec, plan: MemoryPlan, threads: int) -> Any:
    llama = backend.library()
    params = llama.llama_context_default_params()
    params.n_ctx = plan.cells
    params.n_seq_max = plan.sequences
    params.kv_unified = not plan.rows
    params.n_batch = plan.batch
    params.n_ubatch = plan.microbatch
    params.n_threads = params.n_threads_batch = threads
    params.offload_kqv = plan.offload_kv
    params.flash_attn_type = getattr(llama, f"LLAMA_FLASH_ATTN_TYPE_{_FLASH[spec.flash_attention]}")
    params.type_k, params.type_v = _CACHE_TYPES[spec.kv_type_k], _CACHE_TYPES[spec.kv_type_v]
    return params
