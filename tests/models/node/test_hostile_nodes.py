"""A node is a stranger: whatever it says over a session ends its own part in a text, and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.websockets import WebSocket
from websockets.http11 import Request as Asked
from websockets.server import ServerProtocol

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.protocols import Fuse
from agentnet.contracts.sampling import Sampling
from agentnet.errors import BadResponse, ModelError, ModelUnavailable
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.strategies import STRATEGIES, Mean, Median, Strategy, strategy_of
from agentnet.models.addresses import JOINED
from agentnet.models.base import Request
from agentnet.models.gguf.vocabulary import vocabulary_of
from agentnet.models.llama import LlamaModel
from agentnet.models.node import session as sessions
from agentnet.models.node.client import NodeClient
from agentnet.models.node.connection import Connection
from agentnet.models.node.frames import MOST_SAID, QUESTION, Ask, Failed, Held, Open, Opened, packed
from agentnet.models.node.vocabulary import VOCABULARIES
from agentnet.models.tokens import Argmax, Row, hold
from agentnet.zoo import catalog
from benchmarks.generated.vocabularies import open_vocabulary
from tests.models.node.nodes import NEAR, client, hostile, served

ASK = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=60))
PATH = catalog.path("math")
VOCABULARY = vocabulary_of(PATH)
with open_vocabulary(PATH) as _vocabulary:
    SIZE = _vocabulary.size

PING = b"\x89\x7d" + bytes(125)
"""The longest frame that wants an answer."""

Script = Callable[[WebSocket], Awaitable[None]]


def said(**changes: Any) -> str:
    """Return the word that opens a session, with changes."""
    opened = Opened(
        session="a1",
        admission="b2",
        prompt=(5, 6, 7),
        vocabulary=hashlib.sha256(VOCABULARY).hexdigest(),
        traces=False,
    )
    return opened.model_copy(update=changes).model_dump_json()


def opening(*words: str | bytes, stay: bool = True) -> Script:
    """Return a node that answers the first question with some frames, and then stays silent or leaves."""

    async def script(connection: WebSocket) -> None:
        assert isinstance(QUESTION.validate_json(await connection.receive_text()), Open)
        for word in words:
            await (connection.send_text(word) if isinstance(word, str) else connection.send_bytes(word))
        while stay:
            await connection.receive_text()

    return script


def answering(answer: Callable[[Ask], str | bytes | None]) -> Script:
    """Return a node that opens a session, grants slots, and answers questions for readings; None: not at all."""

    async def script(connection: WebSocket) -> None:
        assert isinstance(QUESTION.validate_json(await connection.receive_text()), Open)
        await connection.send_text(said())
        while True:
            question = QUESTION.validate_json(await connection.receive_text())
            if isinstance(question, Ask):
                data = answer(question)
                if data is not None:
                    await (connection.send_text(data) if isinstance(data, str) else connection.send_bytes(data))
            elif question.kind == "hold":
                await connection.send_text(Held().model_dump_json())

    return script


def row(value: float, *, token: int = 300) -> np.ndarray:
    logits = np.zeros(SIZE, np.float32)
    logits[token] = value
    return logits


def rows(value: float) -> Callable[[Ask], bytes]:
    return lambda ask: packed(ask.number, 1, [[row(value)]] * len(ask.sequences))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PATIENCE", 0.5)


async def failure(script: Script, vocabulary: bytes = VOCABULARY, *, step: bool = False) -> ModelError:
    """Return the error of opening a session on such a node, or of its first step."""
    async with served(hostile(script, vocabulary)) as url:
        stranger = client(url, "math", timeout=0.5)
        try:
            with pytest.raises(ModelError) as raised:
                await asyncio.wait_for(_used(stranger, step=step), 20)
        finally:
            await stranger.close()
        assert len(VOCABULARIES) == 0
        return raised.value


async def _used(stranger: NodeClient, *, step: bool) -> None:
    session = await stranger.open_session(ASK)
    assert step, "the session was opened"
    async with hold([session]):
        await session.step([], Row())


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (opening(), ModelUnavailable),
        (opening(stay=False), ModelUnavailable),
        (opening("no JSON"), BadResponse),
        (opening("[" * 100_000), BadResponse),
        (opening(b"\0" * 100), BadResponse),
        (opening(Held().model_dump_json()), BadResponse),
        (opening(Failed(code="unavailable", detail="go away\nnow").model_dump_json()), ModelUnavailable),
        (opening(Failed(code="system-exit", detail="").model_dump_json()), ModelError),
        (opening(said(prompt=(SIZE,))), BadResponse),
        (opening(said(prompt=())), BadResponse),
        (opening(said(session="x" * 100)), BadResponse),
        (opening(said(vocabulary="0" * 64)), BadResponse),
        (opening(said(vocabulary="../../etc/passwd")), BadResponse),
        (opening("x" * (MOST_SAID + 1)), ModelUnavailable),
    ],
    ids=range(14),
)
async def test_what_opens_no_session_is_an_error(script: Script, kind: type[ModelError]) -> None:
    error = await failure(script)
    assert isinstance(error, kind)
    assert len(str(error)) < 600
    assert "\n" not in str(error)


async def test_an_address_that_no_node_may_have_is_not_asked() -> None:
    async with served(hostile(opening())) as url:
        stranger = client(url, "math", policy=JOINED)
        with pytest.raises(ModelError, match="must begin with https"):
            await stranger.open_session(ASK)
        await stranger.close()


def weights() -> bytes:
    return PATH.read_bytes()


def shortened() -> bytes:
    return VOCABULARY[: len(VOCABULARY) // 2]


def with_another_entry() -> bytes:
    key, text = b"tokenizer.chat_template", b"{{ 1 }}"
    entry = len(key).to_bytes(8, "little") + key + (8).to_bytes(4, "little") + len(text).to_bytes(8, "little") + text
    count = int.from_bytes(VOCABULARY[16:24], "little") + 1
    return VOCABULARY[:16] + count.to_bytes(8, "little") + VOCABULARY[24:] + entry


def of_another_kind() -> bytes:
    for kind in (b"llama", b"gpt2"):
        key = b"tokenizer.ggml.model" + (8).to_bytes(4, "little") + len(kind).to_bytes(8, "little")
        if key + kind in VOCABULARY:
            return VOCABULARY.replace(key + kind, key + b"none".ljust(len(kind)))
    raise AssertionError("the vocabulary has no kind")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a GGUF file"),
        (b"GGUF", "truncated"),
        (shortened(), "truncated"),
        (weights(), "no weights"),
        (with_another_entry(), "no 'tokenizer.chat_template'"),
        (of_another_kind(), "its tokenizer is 'none"),
        (b"GGUF" + (3).to_bytes(4, "little") + bytes(16), "its tokenizer is None"),
    ],
    ids=["empty", "magic", "short", "weights", "template", "kind", "nothing"],
)
async def test_a_file_that_is_no_vocabulary_is_refused(content: bytes, why: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    error = await failure(opening(said(vocabulary=digest)), content)
    assert isinstance(error, BadResponse)
    assert why in str(error)
    assert "agentnet-" not in str(error)


async def test_another_vocabulary_than_was_announced_is_refused() -> None:
    error = await failure(opening(said(vocabulary="1" * 64)))
    assert "another vocabulary than it announced" in str(error)


async def test_a_vocabulary_that_breaks_llama_cpp_breaks_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from agentnet.models.llama import trial

    monkeypatch.delenv(trial.VARIABLE)
    monkeypatch.setattr(trial, "known_files", lambda: trial.KnownFiles(tmp_path / "known"))
    program = tmp_path / "aborting.py"
    program.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(trial.trial_load, "__file__", str(program))
    error = await failure(opening(said()))
    assert isinstance(error, BadResponse)
    assert "breaks down (exit code" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        lambda ask: None,
        lambda ask: "no JSON",
        lambda ask: Held().model_dump_json(),
        lambda ask: Failed(code="model", detail="no").model_dump_json(),
        lambda ask: b"",
        lambda ask: packed(ask.number + 1, 1, [[row(1)]]),
        lambda ask: packed(ask.number, 1, [[row(1)]] * 2),
        lambda ask: packed(ask.number, 1, [[row(1)[:-1]]]),
        lambda ask: packed(ask.number, 1, [None]),
        rows(float("nan")),
        rows(float("inf")),
        lambda ask: packed(ask.number, 1, [[np.full(SIZE, -np.inf, np.float32)]]),
        lambda ask: b"\0" * (MOST_SAID + 1),
    ],
    ids=range(13),
)
async def test_what_is_no_reading_is_an_error(answer: Callable[[Ask], Any]) -> None:
    assert isinstance(await failure(answering(answer), step=True), ModelError)


async def test_pings_of_a_node_that_reads_nothing_do_not_fill_the_memory() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = ServerProtocol()
        server.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = server.events_received()
        assert isinstance(request, Asked)
        server.send_response(server.accept(request))
        writer.write(b"".join(server.data_to_send()))
        with suppress(ConnectionError):
            while True:
                writer.write(PING * 100)
                await writer.drain()

    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.bind(("127.0.0.1", 0))
    async with await asyncio.start_server(flood, sock=small, limit=1024):
        connection = await Connection.open(f"http://127.0.0.1:{small.getsockname()[1]}", policy=NEAR, headers={})
        transport = connection._socket._transport
        assert transport is not None
        async with asyncio.timeout(20):
            while transport.is_reading():
                await asyncio.sleep(0.01)
        assert transport.get_write_buffer_size() < 2**20
        transport.abort()


async def test_slots_that_are_never_granted_are_not_waited_for() -> None:
    async def script(connection: WebSocket) -> None:
        await connection.receive_text()
        await connection.send_text(said())
        await connection.receive_text()
        await asyncio.sleep(20)

    assert isinstance(await failure(script, step=True), ModelUnavailable)


async def test_a_count_of_tokens_is_bounded_by_what_was_asked_for() -> None:
    async with served(hostile(answering(lambda ask: packed(ask.number, 2**60, [[row(1)]])), VOCABULARY)) as url:
        stranger = client(url, "math")
        session = await stranger.open_session(ASK)
        await session.step([], Row())
        assert session.evaluated == 3
        await session.step([5], Row())
        assert session.evaluated == 7
        await stranger.close()


@pytest.fixture
async def honest() -> AsyncIterator[LlamaModel]:
    model = LlamaModel(PATH, LlamaSpec(path=str(PATH), threads=1, sequences=2, reuse_prefix=False))
    yield model
    await model.close()


async def decoded(script: Script, honest: LlamaModel, strategy: Strategy, *, bytewise: bool, copies: int = 2) -> Fused:
    """Return the text of some honest members and one on such a node."""
    async with served(hostile(script, VOCABULARY)) as url:
        stranger = client(url, "math", timeout=0.5)
        opened = [*[await honest.open_session(ASK) for _ in range(copies)], await stranger.open_session(ASK)]
        members = [LocalMember(f"m{number}", session) for number, session in enumerate(opened)]
        try:
            async with asyncio.timeout(60), hold(opened):
                agreeing = [member.by_bytes() for member in members] if bytewise else members
                return await FusionLoop(agreeing, strategy, limit=60).decode()
        finally:
            await stranger.close()


def leaving(answers: int) -> Callable[[Ask], Any]:
    """A node that answers some questions, and is silent from then on."""
    return lambda ask: rows(0.1)(ask) if ask.number <= answers else None


@pytest.mark.parametrize("bytewise", [False, True], ids=["pieces", "bytes"])
@pytest.mark.parametrize("answer", [leaving(0), leaving(1), rows(float("nan")), lambda ask: b"?"], ids=range(4))
async def test_a_member_whose_node_fails_is_left_out(
    honest: LlamaModel, answer: Callable[[Ask], Any], bytewise: bool
) -> None:
    alone = await honest.generate(ASK)
    fused = await decoded(answering(answer), honest, Mean(), bytewise=bytewise)
    assert fused.text == alone.text
    assert set(fused.dropped) == {"m2"}


@pytest.mark.parametrize("value", [1e3, 1e30, 3.4e38, -3.4e38])
@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
async def test_logits_of_any_size_end_no_text(honest: LlamaModel, strategy: str, value: float) -> None:
    fuse = Fuse(members=("m0", "m1", "m2"), strategy=strategy)
    fused = await decoded(answering(rows(value)), honest, strategy_of(fuse, 0), bytewise=False)
    assert fused.text


@pytest.mark.parametrize("value", [1e3, 3.4e38])
async def test_the_median_says_what_the_honest_members_say(honest: LlamaModel, value: float) -> None:
    alone = await honest.generate(ASK)
    fused = await decoded(answering(rows(value)), honest, Median(), bytewise=True)
    assert fused.text == alone.text


async def test_a_liar_about_its_own_choice_changes_no_text(honest: LlamaModel) -> None:
    """What a node says that its model would say is a draft, and drafts are checked."""
    assert await honest.generate(ASK)
    liar = answering(lambda ask: packed(ask.number, 1, [[SIZE - 1]]))
    async with served(hostile(liar, VOCABULARY)) as url:
        stranger = client(url, "math")
        session = await stranger.open_session(ASK)
        assert await session.step([], Argmax()) == SIZE - 1
        with pytest.raises(BadResponse, match="barred"):
            await session.step([], Argmax(frozenset({SIZE - 1})))
        await stranger.close()
