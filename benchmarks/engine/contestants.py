"""Ways to serve one GGUF file to several agents at once, behind one interface.

All of them read the same text, draw greedily and use the same number of threads.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Literal

import httpx

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from benchmarks.engine import one_llama
from benchmarks.engine.one_llama import Load
from benchmarks.engine.server_build import server_program

STARTUP = 120.0
"""Seconds that a server may take to load."""


class Contestant(ABC):
    name: ClassVar[str]

    @classmethod
    def missing(cls) -> str:
        """Why this one cannot take part; empty if it can."""
        return ""

    @classmethod
    @abstractmethod
    def open(cls, load: Load) -> Any:
        """An async context manager of a running contestant."""

    @abstractmethod
    async def ask(self, prompt: str, tokens: int) -> str:
        """Exactly so many tokens behind a prompt."""


class Ours(Contestant):
    name = "AgentNet"
    layout: ClassVar[Literal["auto", "pool"]] = "auto"

    def __init__(self, model: LlamaModel) -> None:
        self.model = model

    @classmethod
    @asynccontextmanager
    async def open(cls, load: Load) -> AsyncIterator[Ours]:
        spec = LlamaSpec(
            path=str(load.path),
            context=load.context,
            sequences=load.agents,
            threads=load.threads,
            cache_layout=cls.layout,
        )
        model = await asyncio.to_thread(LlamaModel, load.path, spec)
        try:
            yield cls(model)
        finally:
            await model.close()

    async def ask(self, prompt: str, tokens: int) -> str:
        request = Request(({"role": "user", "content": prompt},), Sampling(max_tokens=tokens))
        return (await self.model.generate(request)).text


class Pooled(Ours):
    """The same with one pool of cells for all agents."""

    name, layout = "AgentNet, one pool", "pool"


class OneLlama(Contestant):
    """The high-level class of llama-cpp-python behind a lock: what frameworks do that run models in process.

    It has a process of its own here: the threads that it keeps would slow us down, and ours it.
    """

    name = "one Llama, locked"

    def __init__(self, process: ProcessPoolExecutor) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def open(cls, load: Load) -> AsyncIterator[OneLlama]:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), one_llama.open_llama, (load,)) as process:
            yield cls(process)

    async def ask(self, prompt: str, tokens: int) -> str:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._process, one_llama.complete, prompt, tokens)


class Server(Contestant):
    """A server process on the loopback interface."""

    route: ClassVar[str]
    ready: ClassVar[str]

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    @classmethod
    @abstractmethod
    def command(cls, load: Load, port: int) -> Sequence[str]: ...

    @classmethod
    @asynccontextmanager
    async def open(cls, load: Load) -> AsyncIterator[Server]:
        port = _free_port()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(cls.command(load, port), **quiet)  # type: ignore[call-overload]
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=600, limits=limits, trust_env=False
            ) as client:
                await _wait_for(client, cls.ready, process)
                yield cls(client)
        finally:
            process.terminate()
            process.wait(30)

    async def ask(self, prompt: str, tokens: int) -> str:
        reply = await self.client.post(self.route, json=self.body(prompt, tokens))
        reply.raise_for_status()
        return self.text(reply.json())

    @abstractmethod
    def body(self, prompt: str, tokens: int) -> dict[str, Any]: ...

    @abstractmethod
    def text(self, reply: Any) -> str: ...


class PythonServer(Server):
    name, route, ready = "llama_cpp.server", "/v1/completions", "/v1/models"

    @classmethod
    def command(cls, load: Load, port: int) -> Sequence[str]:
        flags = {"model": load.path, "port": port, "n_ctx": load.context, "interrupt_requests": "False"}
        flags |= {"n_threads": load.threads, "n_threads_batch": load.threads}
        return [
            sys.executable,
            "-m",
            "llama_cpp.server",
            *(str(part) for flag in flags.items() for part in _flag(flag)),
        ]

    def body(self, prompt: str, tokens: int) -> dict[str, Any]:
        return {"prompt": prompt, "max_tokens": tokens, "temperature": 0}

    def text(self, reply: Any) -> str:
        return str(reply["choices"][0]["text"])


class LlamaServer(Server):
    """llama.cpp's own server, a slot for each agent."""

    name, route, ready = "llama-server", "/completion", "/health"
    unified: ClassVar[bool] = False

    @classmethod
    def missing(cls) -> str:
        return "" if server_program().is_file() else "llama-server is not built: make bench-server"

    @classmethod
    def command(cls, load: Load, port: int) -> Sequence[str]:
        cells = load.context * load.agents
        flags = {"model": load.path, "port": port, "ctx_size": cells, "parallel": load.agents, "threads": load.threads}
        kv = "--kv-unified" if cls.unified else "--no-kv-unified"
        return [str(server_program()), *(str(part) for flag in flags.items() for part in _flag(flag, dash="-")), kv]

    def body(self, prompt: str, tokens: int) -> dict[str, Any]:
        return {"prompt": prompt, "n_predict": tokens, "temperature": 0, "cache_prompt": True, "ignore_eos": True}

    def text(self, reply: Any) -> str:
        return str(reply["content"])


class UnifiedLlamaServer(LlamaServer):
    """The same with one KV cache for all slots."""

    name, unified = "llama-server, one KV cache", True


CONTESTANTS: tuple[type[Contestant], ...] = (
    Ours,
    Pooled,
    OneLlama,
    PythonServer,
    LlamaServer,
    UnifiedLlamaServer,
)


def _flag(flag: tuple[str, object], *, dash: str = "_") -> tuple[str, object]:
    return f"--{flag[0].replace('_', dash)}", flag[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _wait_for(client: httpx.AsyncClient, path: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTUP
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode} before it was ready")
        try:
            if (await client.get(path)).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError(f"the server was not ready within {STARTUP:g} seconds")
