"""A program for `trial`: render a GGUF file's chat template, load the file, and decode some tokens.

It imports of AgentNet and of the binding only what it needs, so that it starts quickly. It ends with exit code 0 if all
goes well, and also where the file is refused: that is reported where the file is loaded in earnest. Whatever else
happens, happens to this process alone.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

TEXT = "".join(map(chr, range(1, 0x300))) + "語\U0001f600\U0010ffff"
"""With every byte that UTF-8 has."""
NO_NUMBERS = "its logits are not numbers: the weights are damaged"
PLACES = 4
"""Sequences of the context."""
BATCH = 32
EVALUATE, LOAD, VOCABULARY = "evaluate", "load", "vocabulary"
"""What is tried: a whole model; a model whose weights are not read; a file that has a vocabulary alone."""

ROOM = 256 * 2**20
"""Bytes that a template may take."""
TIME = 3
"""Seconds of computing that a template may take."""
NO_ROOM = "its chat template takes too much memory"
_ROLES = (("user",), ("system", "user"), ("user", "assistant", "user"))


def main(binding: str, file: str, how: str) -> None:
    """`binding` is the folder of the package llama_cpp; `how` says what is tried.

    The chat template comes on the standard input, if there is one.
    """
    if template := sys.stdin.buffer.read().decode():
        _render(template)
    llama = _functions(binding)
    llama.llama_backend_init()
    model = _model(llama, os.fsencode(file), how)
    if not model:
        return
    vocab = llama.llama_model_get_vocab(model)
    if llama.llama_vocab_type(vocab) == llama.LLAMA_VOCAB_TYPE_NONE:
        return
    tokens = _tokens(llama, vocab)
    if how == VOCABULARY or llama.llama_model_has_encoder(model) or not llama.llama_model_has_decoder(model):
        return
    context = _context(llama, model)
    if context and how == EVALUATE:
        _decode(llama, context, tokens[:BATCH] or [0], int(llama.llama_vocab_n_tokens(vocab)))


def _render(template: str) -> None:
    """Render some prompts within bounds of time and memory."""
    spec = spec_from_file_location("chat_environment", Path(__file__).with_name("chat_environment.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for roles in _ROLES:
        messages = [{"role": role, "content": "some words"} for role in roles]
        words = {"messages": messages, "add_generation_prompt": True, "bos_token": "", "eos_token": "", "tools": None}
        try:
            with _bounded():
                module.chat_environment().from_string(template).render(words)
        except MemoryError:
            sys.exit(NO_ROOM)
        except Exception:  # of these words, or always: `ChatTemplate` tells
            continue


@contextmanager
def _bounded() -> Iterator[None]:
    """Bound the time and the memory of what is done within, where the system can do that."""
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    taken, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (ROOM, most))
    signal.setitimer(signal.ITIMER_PROF, TIME)  # ends the process, even within one long operation
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (taken, most))


def _functions(folder: str) -> Any:
    """Return the binding's functions without its classes, whose imports take longer than a load."""
    package = ModuleType("llama_cpp")
    package.__path__ = [folder]
    sys.modules["llama_cpp"] = package
    return import_module("llama_cpp.llama_cpp")


def _model(llama: Any, file: bytes, how: str) -> Any:
    params = llama.llama_model_default_params()
    params.n_gpu_layers = 0
    params.vocab_only = how == VOCABULARY
    for name, value in (("use_extra_bufts", False), ("no_alloc", how == LOAD)):
        if hasattr(params, name):
            setattr(params, name, value)
    if how == LOAD and hasattr(params, "load_mode"):
        params.load_mode = llama.LLAMA_LOAD_MODE_NONE  # llama.cpp aborts where it maps what it does not allocate
    return llama.llama_model_load_from_file(file, params)


def _tokens(llama: Any, vocab: Any) -> list[int]:
    """Return the tokens of `TEXT`, and ask for the bytes of each token of the vocabulary."""
    data = TEXT.encode()
    room = 8 * len(data)
    tokens = (ctypes.c_int32 * room)()
    for special in (True, False):
        count = llama.llama_tokenize(vocab, data, len(data), tokens, room, True, special)
    buffer = ctypes.create_string_buffer(1 << 16)
    for token in range(llama.llama_vocab_n_tokens(vocab)):
        llama.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, True)
        llama.llama_vocab_is_eog(vocab, token)
    return list(tokens[: max(0, count)])


def _context(llama: Any, model: Any) -> Any:
    params = llama.llama_context_default_params()
    params.n_ctx, params.n_seq_max, params.kv_unified = 256, PLACES, True
    params.n_batch = params.n_ubatch = BATCH
    params.n_threads = params.n_threads_batch = 1
    return llama.llama_init_from_model(model, params)


def _decode(llama: Any, context: Any, tokens: list[int], vocabulary: int) -> None:
    """Decode a prompt and one token more, and look at the logits."""
    for some in (tokens, tokens[-1:]):
        array = (ctypes.c_int32 * len(some))(*some)
        if llama.llama_decode(context, llama.llama_batch_get_one(array, len(some))):
            return
        logits = llama.llama_get_logits_ith(context, -1)
        if logits and not all(map(math.isfinite, logits[:vocabulary])):
            sys.exit(NO_NUMBERS)


if __name__ == "__main__":
    main(*sys.argv[1:])
