"""Mutated replies of an OpenAI-compatible server: given by a real one, and read as a member of a network reads them."""

from __future__ import annotations

import asyncio
import json
import math
import os
import pickle
import random
from collections.abc import AsyncIterator
from copy import deepcopy
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from agentnet.agents.model_agent import confidence_of
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Completion, Request
from agentnet.models.openai.model import OpenAIModel
from agentnet.models.tokens import NextTokens
from agentnet.session import open_session
from benchmarks.fuzz.hostile import chat, event, hostile, next_token, whole
from benchmarks.fuzz.messages import LARGEST, check
from benchmarks.fuzz.values import change, change_text, written

DEADLINE = 1.0
"""Seconds of one turn."""
LATE = DEADLINE + 2.0
"""Seconds after which a turn has outlasted its deadline, on a busy machine too."""
ASK = Request(({"role": "user", "content": "What is 2 + 2?"},), Sampling(max_tokens=16), logprobs=True)
USAGE = {"prompt_tokens": 12, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
LOGPROBS = {
    "content": [{"token": "4", "logprob": -0.25, "bytes": [52]}, {"token": ".", "logprob": -0.5, "bytes": None}]
}
TOPS = (
    {"token": "4", "logprob": -0.5, "bytes": [52]}, {"token": "5", "logprob": -1.5, "bytes": [53]},
    {"token": "</s>", "logprob": -3.0, "bytes": None},
)  # fmt: skip
STATUSES = (b"200 OK", b"200 OK", b"200 OK", b"200 OK", b"204 No", b"301 Moved", b"400 Bad", b"401 No", b"404 No",
            b"429 Busy", b"500 Oops", b"503 Busy", b"999 ?", b"100 Continue", b"0 x", b"abc", b"200", b"")  # fmt: skip
HEADERS = (
    b"content-length: 5", b"content-length: -1", b"content-length: 999999999", b"content-length: x",
    b"content-length: 3\r\ncontent-length: 4", b"transfer-encoding: chunked", b"content-encoding: gzip",
    b"content-encoding: br", b"retry-after: 99999", b"retry-after: nan", b"retry-after: -1", b"retry-after: 1e400",
    b"retry-after: Fri, 31 Dec 9999 23:59:59 GMT", b"location: http://169.254.169.254/", b"location: \xff", b"\xff: x",
    b"no colon", b"x: \0", b"set-cookie: a=b", b"content-type: text/html; charset=rot13", b"x: " + b"y" * 100_000,
    b"content-type: application/json; charset=utf-16", b"upgrade: websocket", b"retry-after: 0",
)  # fmt: skip
ERRORS: tuple[Any, ...] = (
    {"error": {"message": "context_length_exceeded", "code": 5}},
    {"error": {"message": "logprobs response_format seed"}},
    {"error": {"message": "use max_completion_tokens", "code": None}},
    {"error": "busy"}, {"error": [["x"]]}, {"detail": {}},
    {"message": 5}, [], "stream_options", None, 7,
)  # fmt: skip
Part = bytes | float
"""What a server sends, or how long it waits."""


class Replies:
    """Chat completions, streams, next tokens and errors with up to four changes, for one request or a whole vote."""

    name = "replies"

    def write(self, draw: random.Random, folder: Path) -> tuple[Path, str]:
        _imported()
        form = draw.choice((*("generate", "stream", "next") * 3, "vote"))
        documents: list[Any]
        if draw.random() < 0.15:
            documents = [deepcopy(draw.choice(ERRORS))]
        elif form == "next":
            documents = [deepcopy(next_token(*deepcopy(TOPS)))]
        elif form == "stream":
            documents = [
                json.loads(event(text, logprobs=deepcopy(LOGPROBS))[6:]) for text in ("The ", "answer ", "is 4")
            ]
            documents += [json.loads(event("", "stop")[6:]), {"choices": [], "usage": deepcopy(USAGE)}]
        else:
            documents = [deepcopy(chat("4.", USAGE, LOGPROBS))]
        changes = [change(draw, documents) for _ in range(draw.choice((0, 1, 1, 1, 2, 4)))]
        texts = [written(document, ascii=draw.random() < 0.8) for document in documents]
        if form == "stream":
            texts = [b"data: " + text + b"\n\n" for text in texts] + [b"data: [DONE]\n\n"]
        if draw.random() < 0.3:
            at = draw.randrange(len(texts)) if texts else 0
            texts[at : at + 1], what = _frames(draw, texts[at] if texts else b"")
            changes.append(what)
        head, what = _head(draw, b"text/event-stream" if form == "stream" else b"application/json")
        parts: list[Part] = [head, *texts]
        if draw.random() < 0.05:
            parts.insert(draw.randrange(len(parts) + 1), draw.choice((0.05, 0.05, 0.05, 30.0)))
        path = folder / "reply"
        path.write_bytes(pickle.dumps((form, parts)))
        return path, f"{form}: {what}; {', '.join(changes)}"[:300]

    def use(self, path: Path) -> str:
        form, parts = pickle.loads(path.read_bytes())
        for name in ("OPENAI_API_KEY", "http_proxy", "HTTP_PROXY"):
            os.environ.pop(name, None)
        return asyncio.run(_vote(parts) if form == "vote" else _asked(form, parts))


@cache
def _imported() -> None:
    """Import once, in the process that all others are copies of, what a run imports when it begins."""
    for name in (
        "agentnet.coordinator",
        "agentnet.store.runs",
        "agentnet.network.registry",
        "langgraph.graph",
        "aiosqlite",
    ):
        import_module(name)


def _frames(draw: random.Random, text: bytes) -> tuple[list[bytes], str]:
    """Return bytes that stand for others: changed, in pieces, or with what belongs to no frame."""
    how = draw.choice(("bytes", "bytes", "pieces", "comments", "events", "nothing"))
    if how == "bytes":
        changed, what = change_text(draw, text)
        return [changed], what
    if how == "pieces":
        return [text[at : at + 3] for at in range(0, len(text), 3)][:200], how
    if how == "comments":
        return [b": x\n\n" * 2000, text], how
    if how == "events":
        odd = (
            b"event: error\n",
            b"id: \0\n",
            b"retry: x\n",
            b"data:\n\n",
            b"data\n\n",
            b"event: x\n\n",
            b"\xef\xbb\xbf",
        )
        return [draw.choice(odd), text], how
    return [], how


def _head(draw: random.Random, kind: bytes) -> tuple[bytes, str]:
    status = draw.choice(STATUSES) if draw.random() < 0.3 else b"200 OK"
    lines = [b"connection: close", b"content-type: " + kind]
    if draw.random() < 0.15:
        lines.insert(draw.randrange(3), draw.choice(HEADERS))
    head = b"HTTP/1.1 " + status + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"
    what = f"{status.decode()} {lines[0][:40]!r}"
    if draw.random() < 0.03:
        head, changed = change_text(draw, head)
        what += f" {changed}"
    return head, what


def _spec(url: str) -> OpenAISpec:
    return OpenAISpec(model="m", base_url=url, attempts=2, timeout=0.4, deadline=DEADLINE, max_wait=0.05)


async def _asked(form: str, parts: list[Part]) -> str:
    clock = asyncio.get_running_loop().time
    async with hostile(lambda _: _played(parts)) as url:
        model = OpenAIModel(_spec(url))
        started = clock()
        try:
            if form == "next":
                return _checked_tokens(await model.next_tokens(ASK, "It is"))
            if form == "generate":
                return _checked(await model.generate(ASK))
            chunks = [chunk async for chunk in model.stream(ASK)]
        finally:
            _in_time(clock() - started)
            await model.close()
    completion = chunks[-1].completion
    if completion is None or "".join(chunk.text for chunk in chunks) != completion.text:
        raise ValueError("the pieces of a stream are not its text")
    return _checked(completion)


async def _vote(parts: list[Part]) -> str:
    """Let an honest member and one that gives this reply vote: the run must end, and be stored, with the honest one."""
    clock = asyncio.get_running_loop().time
    async with hostile(lambda _: _played(parts)) as url, hostile(whole(chat("4", USAGE))) as honest:
        agents = [{"name": name, "model": _spec(where).model_dump()} for name, where in (("ann", honest), ("bob", url))]
        network = NetworkSpec.model_validate({"name": "pair", "agents": agents})
        async with open_session(network, store="sqlite://") as session:
            started = clock()
            outcome = await session.run("What is 2 + 2?", "{parallel: [ann, bob]}")
            _in_time(clock() - started)
            stored = await session.runs.messages(outcome.run)
    for message in stored:
        check(message)
    kinds = {message.sender: message.body for message in stored}
    if outcome.status != "done" or getattr(kinds.get("ann"), "answer", None) != "4":
        raise ValueError(f"a member's reply ended the run: {outcome.status} {outcome.detail}")
    detail = getattr(kinds["bob"], "detail", "")
    if "\n" in detail or len(detail) > 1500:
        raise ValueError(f"not one clear line: {detail[:1500]!r}")
    return f"{kinds['bob'].kind} {detail}"


async def _played(parts: list[Part]) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, float):
            await asyncio.sleep(part)
        else:
            yield part


def _in_time(seconds: float) -> None:
    if seconds > LATE:
        raise RuntimeError(f"took {seconds:.1f} s with a deadline of {DEADLINE:g} s")


def _checked(completion: Completion) -> str:
    completion.text.encode()
    confidence, usage = confidence_of(completion), completion.usage
    if confidence is not None and not 0 <= confidence <= 1:
        raise ArithmeticError(f"confidence {confidence}")
    _counted(usage.prompt_tokens, usage.completion_tokens, usage.reused_tokens)
    if len(completion.text) > 80_000 or not math.isfinite(usage.seconds):
        raise ValueError(f"{len(completion.text)} characters for {ASK.sampling.max_tokens} tokens")
    return repr(completion.text[:60])


def _checked_tokens(found: NextTokens) -> str:
    _counted(found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.reused_tokens)
    mass = math.fsum(math.exp(logprob) for _, logprob in found.tokens)
    if not mass <= 1.01 or any(piece is not None and not 0 < len(piece) <= 64 for piece, _ in found.tokens):
        raise ArithmeticError(f"no distribution: {found.tokens}")
    return repr(found.tokens)[:200]


def _counted(*counts: int) -> None:
    if not all(type(count) is int and 0 <= count < LARGEST for count in counts):
        raise ArithmeticError(f"counts {counts}")
