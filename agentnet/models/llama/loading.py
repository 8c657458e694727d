"""From a spec to loaded weights and a context: sizes, threads and GPU settings."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelFileError
from agentnet.models.devices import GPU_INSTALL, memory
from agentnet.models.gguf import Header, read_header
from agentnet.models.llama import backend

MAX_DEFAULT_CONTEXT = 8192
MAX_MICROBATCH = 512
CELLS = 16384
ALL_LAYERS = 999
_CACHE_BYTES = {"f32": 4, "f16": 2, "bf16": 2, "q8_0": 1.07, "q5_1": 0.75, "q5_0": 0.69, "q4_1": 0.63, "q4_0": 0.57}
"""Of one number in the KV cache."""
_SPLIT = {"none": "LLAMA_SPLIT_MODE_NONE", "layer": "LLAMA_SPLIT_MODE_LAYER", "row": "LLAMA_SPLIT_MODE_ROW"}
_FLASH = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}


@dataclass(slots=True)
class Loaded:
    """Pointers that `close` frees, and what is known of the model. `notes` say where a wish could not be granted."""

    model: Any
    context: Any
    vocab: Any
    memory: Any
    size: int
    """Tokens of context that one request has."""
    cells: int
    """Tokens that the KV cache holds for all sequences together."""
    sequences: int
    """How many sequence numbers there are."""
    forks: bool
    """Whether a sequence can be copied and cut in part: a recurrent state can not."""
    batch: int
    """Tokens that may be decoded at once: one more would abort the process."""
    header: Header
    notes: tuple[str, ...]

    def close(self) -> None:
        llama = backend.library()
        if self.context is not None:
            llama.llama_free(self.context)
            llama.llama_model_free(self.model)
        self.context = self.model = None


def load(path: Path, spec: LlamaSpec, threads: int) -> Loaded:
    """Load a GGUF file. Raises `ModelFileError` where it is broken, does not fit, or asks for what the build lacks."""
    header = read_header(path)
    llama = backend.library()
    layers, notes = _gpu_layers(spec, bool(llama.llama_supports_gpu_offload()))
    size = spec.context or min(header.context or MAX_DEFAULT_CONTEXT, MAX_DEFAULT_CONTEXT)
    if header.context and size > header.context:
        notes.append(f"context {size} is longer than the {header.context} that {path.name} was trained on")
    if spec.kv_type_v not in ("f16", "f32", "bf16") and spec.flash_attention == "off":
        raise ModelFileError(f"{path}: a quantised V cache needs flash attention; set flash_attention to auto or on")
    try:
        model, context = _load(path, spec, header, layers, size, threads)
    except ModelFileError as error:
        if not layers or spec.gpu_layers != "auto":
            raise
        notes.append(f"the GPU could not take {path.name}, it runs on the CPU ({error})")
        model, context = _load(path, spec, header, 0, size, threads)
    vocab = llama.llama_model_get_vocab(model)
    return Loaded(
        model=model,
        context=context,
        vocab=vocab,
        memory=llama.llama_get_memory(context),
        size=min(size, int(llama.llama_n_ctx(context))),  # llama.cpp rounds a context up
        cells=int(llama.llama_n_ctx(context)),
        sequences=int(llama.llama_n_seq_max(context)),
        forks=not (llama.llama_model_is_recurrent(model) or llama.llama_model_is_hybrid(model)),
        batch=int(llama.llama_n_batch(context)),
        header=header,
        notes=tuple(notes),
    )


def _load(path: Path, spec: LlamaSpec, header: Header, layers: int, size: int, threads: int) -> tuple[Any, Any]:
    """Weights and context, or neither."""
    llama = backend.library()
    if not layers:
        _check_memory(path, spec, header, size)
    backend.forget_errors()
    model = _load_weights(path, spec, layers)
    if not model:
        raise ModelFileError(f"{path}: llama.cpp cannot load it: {backend.last_error() or 'no reason given'}")
    try:
        _check_kind(path, model)
        cells = max(size, spec.cache_tokens or min(size * spec.sequences, CELLS))
        context = llama.llama_init_from_model(model, _context_params(spec, size, cells, threads))
        if not context:
            raise ModelFileError(
                f"{path}: no memory for a context of {size} tokens ({backend.last_error() or 'no reason given'}); "
                f"set a smaller `context` or a quantised KV cache"
            )
    except BaseException:
        llama.llama_model_free(model)
        raise
    return model, context


def _check_memory(path: Path, spec: LlamaSpec, header: Header, size: int) -> None:
    """Refuse a KV cache that the machine cannot hold: the system would end the process instead of saying no."""
    free = memory()[1]
    if header.cache_width is None or not free:
        return
    needed = header.cache_width * size * max(_CACHE_BYTES[spec.kv_type_k], _CACHE_BYTES[spec.kv_type_v])
    if needed > free:
        raise ModelFileError(
            f"{path}: a context of {size} tokens takes {needed / 2**30:.1f} GiB of KV cache and {free / 2**30:.1f} GiB "
            f"are free; set a smaller `context` or a quantised KV cache"
        )


def _check_kind(path: Path, model: Any) -> None:
    """Refuse what llama.cpp loads but cannot generate text with in our way; it would abort later."""
    llama = backend.library()
    if llama.llama_vocab_type(llama.llama_model_get_vocab(model)) == llama.LLAMA_VOCAB_TYPE_NONE:
        raise ModelFileError(f"{path}: has no vocabulary; use a complete model file")
    if llama.llama_model_has_encoder(model) or not llama.llama_model_has_decoder(model):
        raise ModelFileError(f"{path}: is not a model that continues a text; use a decoder-only chat model")


def _gpu_layers(spec: LlamaSpec, supported: bool) -> tuple[int, list[str]]:
    """How many layers to offload, and notes. Only an explicit wish that cannot be granted is an error."""
    wish = spec.gpu_layers
    if wish in ("none", 0):
        return 0, []
    if supported:
        return (wish if isinstance(wish, int) else ALL_LAYERS), []
    if wish == "auto":
        return 0, ["this build of llama.cpp has no GPU support: everything runs on the CPU"]
    raise ModelFileError(
        f"{spec.path}: gpu_layers is {wish}, but llama.cpp was built without GPU support; {GPU_INSTALL}"
    )


def _load_weights(path: Path, spec: LlamaSpec, layers: int) -> Any:
    llama = backend.library()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = layers
    params.split_mode = getattr(llama, _SPLIT[spec.split_mode])
    params.main_gpu = spec.main_gpu
    split: Any = None
    if spec.tensor_split is not None:
        most = int(llama.llama_max_devices())
        if len(spec.tensor_split) > most:
            raise ModelFileError(f"{path}: tensor_split names more than the {most} devices that llama.cpp can use")
        split = (ctypes.c_float * most)(*spec.tensor_split)
        params.tensor_split = split
    _choose_load_mode(llama, params, spec)
    return llama.llama_model_load_from_file(os.fsencode(path), params)


def _choose_load_mode(llama: Any, params: Any, spec: LlamaSpec) -> None:
    """Memory mapping and locking: one field in new builds of llama.cpp, two in older ones."""
    if hasattr(params, "use_mmap"):
        params.use_mmap, params.use_mlock = spec.mmap, spec.mlock
    elif spec.mlock:
        params.load_mode = llama.LLAMA_LOAD_MODE_MLOCK
    elif not spec.mmap:
        params.load_mode = llama.LLAMA_LOAD_MODE_NONE


def _context_params(spec: LlamaSpec, size: int, cells: int, threads: int) -> Any:
    llama = backend.library()
    params = llama.llama_context_default_params()
    params.n_ctx = cells
    params.n_seq_max = 2 * spec.sequences + 2  # idle ones keep prefixes, and scoring forks
    params.n_batch = max(min(spec.batch, size), params.n_seq_max)  # llama.cpp aborts where a step cannot hold them all
    params.kv_unified = True
    params.n_ubatch = min(params.n_batch, MAX_MICROBATCH)
    params.n_threads = params.n_threads_batch = threads
    params.offload_kqv = spec.offload_kv
    params.flash_attn_type = getattr(llama, f"LLAMA_FLASH_ATTN_TYPE_{_FLASH[spec.flash_attention]}")
    params.type_k = getattr(llama, f"GGML_TYPE_{spec.kv_type_k.upper()}")
    params.type_v = getattr(llama, f"GGML_TYPE_{spec.kv_type_v.upper()}")
    return params
