"""The node's side of sessions: who says what he may not is cut off, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.llama import LlamaModel
from agentnet.models.node.frames import MOST_ASKED, PATH, WORD, Ask, Bar, Cut, Failed, Hold, Open, Opened, Said
from agentnet.models.scripted import ScriptedModel
from agentnet.serving import tokens
from agentnet.serving.node.admission import Admission
from agentnet.serving.tokens import TokenService
from agentnet.zoo import catalog
from tests.models.node.nodes import Entered, Here, served, service

FILE = catalog.path("math")
OPEN = Open(member="math", messages=(Said(role="user", content="What is 1 + 1?\nsolve"),)).model_dump_json()


@pytest.fixture
async def model() -> AsyncIterator[LlamaModel]:
    found = LlamaModel(FILE, LlamaSpec(path=str(FILE), threads=1, sequences=2))
    yield found
    await found.close()


@pytest.fixture
def entered() -> Entered:
    return Entered()


@pytest.fixture
async def url(model: LlamaModel, entered: Entered) -> AsyncIterator[str]:
    members = {"math": Here(model, FILE), "scripted": Here(ScriptedModel(["x"]), None)}
    async with served(service(members, entered).routes()) as address:
        yield address


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"{url.replace('http', 'ws')}{PATH}", compression=None, proxy=None) as connection:
        yield connection


async def told(connection: ClientConnection, *texts: str | bytes) -> Opened | Failed:
    """Return what the node says to the last of some questions."""
    for text in texts:
        await connection.send(text)
    async with asyncio.timeout(20):
        word = WORD.validate_json(await connection.recv())
    assert isinstance(word, Opened | Failed)
    return word


def ask(keep: int, *tokens: int, read: tuple[str | int, ...] = ("row",), ahead: int | None = None) -> str:
    cut = Cut(keep=keep, tokens=tokens)
    return Ask(number=1, sequences=(cut,), read=read, ahead=ahead).model_dump_json()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "question",
    ["", "{}", "[" * 10_000, b"\0", '{"kind": "open"}', "x" * (MOST_ASKED + 1), OPEN + OPEN],
    ids=range(7),
)
async def test_what_is_no_question_ends_the_connection(url: str, question: str | bytes, entered: Entered) -> None:
    async with connected(url) as connection:
        assert isinstance(await told(connection, question), Failed)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(connection.recv(), 20)
    assert not any(entered.inside.values())


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (ask(0), "begins with the prompt"),
        (ask(10**6), "begins with the prompt"),
        (ask(24, 2**31 - 1), "not in the vocabulary"),
        (ask(24, read=(3,)), "was not said before"),
        (ask(24, read=("row", "row")), "a row is read first"),
        (ask(24, read=("row",), ahead=2), "by its own choice"),
        (ask(24, *range(300, 320), *[300] * 9000), "do not fit"),
        (Hold(sessions=("ab",)).model_dump_json(), "by its own connection"),
    ],
    ids=range(8),
)
async def test_a_question_that_cannot_be_answered_is_a_failure_and_the_session_goes_on(
    url: str, question: str, why: str
) -> None:
    async with connected(url) as connection:
        opened = await told(connection, OPEN)
        assert isinstance(opened, Opened)
        question = question.replace('"keep":24', f'"keep":{len(opened.prompt)}')
        failed = await told(connection, question)
        assert isinstance(failed, Failed)
        assert why in failed.detail
        await connection.send(ask(len(opened.prompt)))
        assert isinstance(await asyncio.wait_for(connection.recv(), 20), bytes)


async def test_barred_tokens_that_there_are_not_end_the_connection(url: str) -> None:
    async with connected(url) as connection:
        await told(connection, OPEN)
        failed = await told(connection, Bar(number=0, tokens=(10**9,)).model_dump_json())
        assert isinstance(failed, Failed)
        assert "not in the vocabulary" in failed.detail


async def test_one_question_at_a_time(url: str) -> None:
    async with connected(url) as connection:
        opened = await told(connection, OPEN)
        assert isinstance(opened, Opened)
        for _ in range(3):
            await connection.send(ask(len(opened.prompt), *range(300, 340)))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(_all(connection), 20)


async def _all(connection: ClientConnection) -> None:
    """Receive until the connection ends."""
    while True:
        await connection.recv()


async def test_a_member_without_tokens_says_so(url: str) -> None:
    async with connected(url) as connection:
        failed = await told(connection, OPEN.replace("math", "scripted"))
    assert isinstance(failed, Failed)
    assert "behind a server itself" in failed.detail


async def test_a_node_that_is_leaving_opens_no_session(model: LlamaModel) -> None:
    admission = Admission({"math": 1})
    admission.close()
    routes = TokenService({"math": Here(model, FILE)}, admission.enter).routes()
    async with served(routes) as url, connected(url) as connection:
        failed = await told(connection, OPEN)
    assert isinstance(failed, Failed)
    assert (failed.code, "leaving" in failed.detail) == ("unavailable", True)


async def test_sessions_are_bounded_in_number_and_in_idle_time(
    url: str, entered: Entered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_SESSIONS", 1)
    async with connected(url) as one, connected(url) as other:
        assert isinstance(await told(one, OPEN), Opened)
        failed = await told(other, OPEN)
        assert isinstance(failed, Failed)
        assert failed.code == "unavailable"
    await _until(lambda: entered.inside == {"math": 0})
    monkeypatch.setattr(tokens, "IDLE", 0.1)
    monkeypatch.setattr(tokens, "OPENING", 0.1)
    async with connected(url) as silent:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(silent.recv(), 20)
    async with connected(url) as idle:
        assert isinstance(await told(idle, OPEN), Opened)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(idle.recv(), 20)
    await _until(lambda: entered.inside == {"math": 0})


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
