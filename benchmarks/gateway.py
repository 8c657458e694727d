"""``python -m benchmarks.gateway``: what the gateway's chat API costs, and how it streams beside llama-server.

*Added*: a client in a process of its own streams the words of a member over HTTP; in turn, the same run is streamed in
the gateway's process (`Session.stream`). Both have the same model and the same store. Reported is what HTTP adds to the
time to the first piece, and to each further piece of a text, with a model so small that nothing hides it.

*Rate*: clients stream from a model of 100 million parameters at the same time, from the gateway and from llama-server,
each with a slot for each client and the same threads. The order changes at random.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from agentnet.contracts.events import TextStreamed
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.replies import ReplyOptions
from agentnet.serving.app import application
from agentnet.serving.gateway import Gateway
from agentnet.serving.openai.surface import openai_surface
from agentnet.serving.process import listen, serving, url_of
from agentnet.serving.running import RunService
from agentnet.session import Session, open_session
from benchmarks.engine.contestants import LlamaServer
from benchmarks.engine.one_llama import Load
from benchmarks.generated import model_file, words
from tools.conformance.gateway import served

MEMBER, NETWORK, PATH = "member", "bench", "/v1/chat/completions"
ADDED_MODEL, ADDED_TOKENS = "zoo:scout", 200
RATE_MODEL, RATE_TOKENS = "m100", 128
PREFIX, TAIL = 256, 24
"""Words of a chat: what all clients begin with and no server has seen, and what each one adds."""
PROMPT_WORDS, CONTEXT = 8, 512
WORKLOADS = ("chat", "short")
"""Short: hardly anything to read, so that what is measured is writing."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """One streamed text: seconds to its first piece and to its end, its pieces, and its tokens."""

    first: float
    whole: float
    pieces: int
    tokens: int

    @property
    def each(self) -> float:
        """Seconds from one piece to the next."""
        return (self.whole - self.first) / max(1, self.pieces - 1)


class Stream:
    """A client of one connection, as light as it can be: lines of a chunked response, unparsed."""

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = urlsplit(url), model
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, prompt: str, tokens: int, **fields: Any) -> Streamed:
        """Stream a reply of so many tokens."""
        if self._reader is None or self._writer is None or self._reader.at_eof():  # some servers close idle connections
            self._reader, self._writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
            **fields,
        }
        data = json.dumps(body).encode()
        head = f"POST {PATH} HTTP/1.1\r\nHost: {self._url.netloc}\r\nContent-Type: application/json\r\n"
        started = time.perf_counter()
        self._writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        first, pieces, used = 0.0, 0, 0
        while not (line := await self._reader.readline()).startswith(b"data: [DONE]"):
            if not line or (line.startswith(b"HTTP/1.1 ") and b" 200 " not in line):
                raise RuntimeError(f"the server refused: {line!r} {await self._reader.read(2000)!r}")
            if b'"content":"' in line and b'"content":""' not in line:
                first = first or time.perf_counter() - started
                pieces += 1
            elif b'"usage":{' in line:
                used = json.loads(line[6:])["usage"]["completion_tokens"]
        whole = time.perf_counter() - started
        while await self._reader.readline() != b"0\r\n":
            """The end of the chunked body."""
        await self._reader.readline()
        return Streamed(first, whole, pieces, used)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


async def in_process(session: Session, prompt: str, tokens: int) -> Streamed:
    """The same run by a caller of this process."""
    started = time.perf_counter()
    first, pieces = 0.0, 0
    replies = ReplyOptions(max_tokens=tokens, temperature=0, whole=True)
    async for event in session.stream(prompt, MEMBER, replies=replies, stream_text=True):
        if isinstance(event, TextStreamed):
            first = first or time.perf_counter() - started
            pieces += 1
    return Streamed(first, time.perf_counter() - started, pieces, tokens)


def network(path: Path, slots: int, threads: int) -> dict[str, Any]:
    """The content of a network file with one member."""
    model = {"path": str(path.resolve()), "threads": threads, "sequences": slots, "context": CONTEXT}
    return {"name": NETWORK, "agents": [{"name": MEMBER, "model": model, "pack": "compact"}]}


@asynccontextmanager
async def gateway(path: Path, slots: int, threads: int) -> AsyncIterator[str]:
    """Run ``agentnet serve`` with one member, and yield its URL."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.yaml"
        file.write_text(json.dumps(network(path, slots, threads)), encoding="utf-8")
        with served(network=str(file), AGENTNET_TRIAL="off") as found:
            yield found.url


async def added(repeat: int) -> list[tuple[Streamed, Streamed]]:
    """Pairs of one text over HTTP and in process; the client has a process of its own."""
    path, draw = model_file(ADDED_MODEL), random.Random(0)
    spec = NetworkSpec.model_validate(network(path, 1, 1))
    listening = listen("127.0.0.1", 0)
    url, pairs = url_of(listening), []
    with tempfile.TemporaryDirectory() as folder:
        async with open_session(spec, store=Path(folder) / "bench.db") as session:
            mounted = openai_surface(Gateway(session, RunService(session), url))
            async with serving(application(mounted.routes), listening), client_process(url) as ask:
                for repetition in range(-2, repeat):
                    prompt = words(PROMPT_WORDS, draw)
                    if repetition % 2:
                        over, here = await ask(prompt), await in_process(session, prompt, ADDED_TOKENS)
                    else:
                        here, over = await in_process(session, prompt, ADDED_TOKENS), await ask(prompt)
                    if repetition >= 0:
                        pairs.append((over, here))
    return pairs


@asynccontextmanager
async def client_process(url: str) -> AsyncIterator[Callable[[str], Awaitable[Streamed]]]:
    """Start a client, and yield what lets it ask."""
    command = (sys.executable, "-m", "benchmarks.gateway", "--ask", url)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None

    async def ask(prompt: str) -> Streamed:
        process.stdin.write(f"{prompt}\n".encode())
        return Streamed(*json.loads(await process.stdout.readline()))

    try:
        yield ask
    finally:
        process.stdin.close()
        await process.wait()


async def asking(url: str) -> None:
    """Be that client: ask each line of the standard input, and print what was streamed."""
    client = Stream(url, f"{NETWORK}/{MEMBER}")
    for prompt in iter(sys.stdin.readline, ""):
        print(json.dumps(astuple(await client.ask(prompt.strip(), ADDED_TOKENS))), flush=True)
    client.close()


async def rates(
    clients: int, threads: int, repeat: int, model: str, workloads: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Tokens per second of both servers by workload, one figure for each repetition."""
    path, draw = model_file(model), random.Random(0)
    found: dict[str, dict[str, list[float]]] = {each: {"AgentNet": [], LlamaServer.name: []} for each in workloads}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(gateway(path, clients, threads))
        load = Load(path, agents=clients, threads=threads, context=CONTEXT)
        rival = await stack.enter_async_context(LlamaServer.open(load))
        ours = [Stream(url, f"{NETWORK}/{MEMBER}") for _ in range(clients)]
        theirs = [Stream(str(rival.client.base_url), "model") for _ in range(clients)]
        order = [("AgentNet", ours, {}), (LlamaServer.name, theirs, {"ignore_eos": True, "cache_prompt": True})]
        for repetition in range(-1, repeat):  # the first one warms up
            for workload in workloads:
                prompts = _prompts(workload, clients, draw)
                draw.shuffle(order)
                for name, streams, fields in order:
                    started = time.perf_counter()
                    pairs = zip(streams, prompts, strict=True)
                    told = await asyncio.gather(*(stream.ask(text, RATE_TOKENS, **fields) for stream, text in pairs))
                    seconds = time.perf_counter() - started
                    if repetition >= 0:
                        found[workload][name].append(sum(one.tokens for one in told) / seconds)
        for stream in (*ours, *theirs):
            stream.close()
    return found


def _prompts(workload: str, clients: int, draw: random.Random) -> list[str]:
    if workload == "short":
        return [words(PROMPT_WORDS, draw) for _ in range(clients)]
    shared = words(PREFIX, draw)
    return [f"{shared} {words(TAIL, draw)}" for _ in range(clients)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default=RATE_MODEL, help="the model of the rate")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--ask", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        asyncio.run(asking(options.ask))
        return
    console = Console()
    pairs = asyncio.run(added(max(options.repeat, 15)))
    table = Table("milliseconds", title="one streamed text of a small model (medians)")
    for heading in ("over HTTP", "in process", "added"):
        table.add_column(heading, justify="right")
    for name in ("first", "each"):
        over, here = (statistics.median(getattr(pair[side], name) for pair in pairs) * 1e3 for side in (0, 1))
        more = statistics.median(getattr(one, name) - getattr(two, name) for one, two in pairs) * 1e3
        label = "to the first piece" if name == "first" else "from piece to piece"
        table.add_row(label, f"{over:.2f}", f"{here:.2f}", f"{more:.3f}")
    console.print(table)
    if missing := LlamaServer.missing():
        console.print(missing)
        return
    found = asyncio.run(rates(options.clients, options.threads, options.repeat, options.model, options.workloads))
    table = Table("workload", title=f"tokens per second of {options.clients} streaming clients, {options.model}")
    for heading in ("AgentNet", LlamaServer.name, "ratio"):
        table.add_column(heading, justify="right")
    for workload, figures in found.items():
        ratio = statistics.median(one / two for one, two in zip(*figures.values(), strict=True))
        medians = (f"{statistics.median(each):.0f}" for each in figures.values())
        table.add_row(workload, *medians, f"{ratio:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
