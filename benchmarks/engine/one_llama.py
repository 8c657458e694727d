"""One `Llama` object in a process of its own: requests come in turn, as behind a lock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

_llama: Any = None


@dataclass(frozen=True)
class Load:
    """What is to be served: a file to so many agents, each with a context of `context` tokens."""

    path: Path
    agents: int
    threads: int
    context: int


def open_llama(load: Load) -> None:
    global _llama
    from llama_cpp import Llama

    _llama = Llama(
        str(load.path), n_ctx=load.context, n_threads=load.threads, n_threads_batch=load.threads, verbose=False
    )


def complete(prompt: str, tokens: int) -> str:
    return str(_llama.create_completion(prompt, max_tokens=tokens, temperature=0)["choices"][0]["text"])
