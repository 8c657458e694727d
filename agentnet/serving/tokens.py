"""Models that are decoded token by token from elsewhere: a WebSocket for each session (see `models/node/frames`).

====================================  =================================================================
``WebSocket /node/v1/tokens``         a session of a member's model
``GET /node/v1/vocabulary?member=``   the member's vocabulary as a GGUF file without weights
====================================  =================================================================
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from agentnet.errors import AgentNetError, ModelError, ModelUnavailable
from agentnet.logs import logger
from agentnet.models.base import ChatMessage, Model, Request
from agentnet.models.gguf.vocabulary import vocabulary_of
from agentnet.models.node.frames import (
    MOST_ASKED,
    MOST_ROWS,
    PATH,
    QUESTION,
    VOCABULARY_PATH,
    Ask,
    Bar,
    Failed,
    Held,
    Hold,
    Open,
    Opened,
    Release,
    packed,
    values_of,
)
from agentnet.models.tokens import Argmax, Reading, Row, TokenSession, TokenStepper, TracingSession, WithOwn, hold
from agentnet.serving.app import Problem

log = logger("serving.tokens")

FEW = 16
"""New tokens of a question that is answered at once. A client that leaves meanwhile is noticed after it."""
MOST_SESSIONS = 128
"""Sessions that a node has at the same time."""
OPENING = 10.0
"""Seconds until a new connection has said which session it wants."""
IDLE = 60.0
"""Seconds that a session may be idle. Its slots are not there for others meanwhile."""


class Served(Protocol):
    """What is needed of a member."""

    @property
    def model(self) -> Model: ...

    @property
    def path(self) -> Path | None:
        """The first GGUF file of a local model; None for others."""
        ...


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    content: bytes
    digest: str


class TokenService:
    """The sessions of a node. `enter` counts a request of a member as long as its context lasts, or refuses it."""

    def __init__(self, members: Mapping[str, Served], enter: Callable[[str], AbstractContextManager[Any]]) -> None:
        self._members, self.enter = members, enter
        self._vocabularies: dict[str, _Vocabulary] = {}
        self.sessions: dict[str, TokenSession] = {}
        """By their secret names."""

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the service."""
        return [WebSocketRoute(PATH, self._serve), Route(VOCABULARY_PATH, self._vocabulary)]

    def stepper(self, name: str) -> TokenStepper:
        """Return the model of a member. Raises `ModelError` if it cannot be decoded token by token here."""
        member = self._members.get(name)
        if member is None:
            raise ModelError(f"there is no member {name[:64]!r} here (there are {', '.join(self._members)})")
        if member.path is None or not isinstance(member.model, TokenStepper):
            raise ModelError(f"{name} does not show its next tokens: its model is behind a server itself")
        return member.model

    async def vocabulary(self, name: str) -> _Vocabulary:
        """Return the vocabulary of a member. Raises `ModelError`."""
        self.stepper(name)
        found = self._vocabularies.get(name)
        if found is None:
            path = self._members[name].path
            assert path is not None
            content = await asyncio.to_thread(vocabulary_of, path)
            found = self._vocabularies[name] = _Vocabulary(content, hashlib.sha256(content).hexdigest())
        return found

    async def _vocabulary(self, request: HttpRequest) -> Response:
        try:
            found = await self.vocabulary(request.query_params.get("member", ""))
        except ModelError as error:
            return Response(str(error), 404, media_type="text/plain")
        return Response(found.content, media_type="application/octet-stream")

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        await _Conversation(self, socket).run()


class _Conversation:
    """One connection, and the session that it may open."""

    def __init__(self, service: TokenService, socket: WebSocket) -> None:
        self._service, self._socket = service, socket
        self._session: TokenSession | None = None
        self._id = ""
        self._base: list[int] = []
        """The first sequence of the question before, prompt included."""
        self._bars: dict[int, Argmax] = {}
        self._slots = AsyncExitStack()
        self._inside = AsyncExitStack()
        """Left at the end of the connection."""
        self._work: asyncio.Task[None] | None = None
        """The question that is being answered."""

    async def run(self) -> None:
        """Answer questions until the other side leaves, is idle for too long, or says what it may not."""
        try:
            while True:
                text = await self._received()
                if text is None:
                    break
                await self._take(text)
        except (WebSocketDisconnect, RuntimeError):  # Starlette's error for sending to who has left
            pass
        except _Refused as refused:
            with suppress(Exception):
                await self._say(Failed(code=ModelError.code, detail=str(refused)))
                await self._socket.close(1008)
        finally:
            await self._end()

    async def _received(self) -> str | None:
        """Return the next text; None where there is none in time. Raises `WebSocketDisconnect` and `_Refused`."""
        while True:
            try:
                async with asyncio.timeout(OPENING if self._session is None else IDLE):
                    message = await self._socket.receive()
            except TimeoutError:
                if self._work is not None and not self._work.done():
                    continue
                await self._socket.close(1001)
                return None
            if message["type"] == "websocket.disconnect":
                return None
            text: str | None = message.get("text")
            if text is None or len(text) > MOST_ASKED:
                raise _Refused(f"a question is a text of at most {MOST_ASKED} characters")
            return text

    async def _take(self, text: str) -> None:
        try:
            question = QUESTION.validate_json(text)
        except ValueError:
            raise _Refused("this is no question") from None
        if self._work is not None and not self._work.done():
            raise _Refused("one question at a time")
        if isinstance(question, Bar):
            if self._session is None or max(question.tokens, default=0) >= self._session.vocabulary.size:
                raise _Refused("a set of barred tokens has one that is not in the vocabulary")
            self._bars[question.number] = Argmax(frozenset(question.tokens))
        elif isinstance(question, Release):
            await self._slots.aclose()
        elif isinstance(question, Ask) and len(question.sequences[0].tokens) <= FEW:
            await self._answered(self._answer, question)  # it takes no longer than a task and a look at the connection
        elif isinstance(question, Ask):
            self._work = asyncio.create_task(self._answered(self._answer, question))
        elif isinstance(question, Hold):
            self._work = asyncio.create_task(self._answered(self._hold, question))
        elif self._session is None:
            self._work = asyncio.create_task(self._answered(self._open, question))
        else:
            raise _Refused("a connection has one session")

    async def _answered(self, answer: Callable[[Any], Any], question: Any) -> None:
        """Answer a question; a failure is an answer, too."""
        try:
            await answer(question)
        except (WebSocketDisconnect, RuntimeError):
            return
        except Exception as error:
            failed = _failed(error)
            with suppress(Exception):
                await self._say(failed)

    async def _open(self, question: Open) -> None:
        if len(self._service.sessions) >= MOST_SESSIONS:
            raise ModelUnavailable(f"this node has {MOST_SESSIONS} sessions already: ask another one")
        model = self._service.stepper(question.member)
        vocabulary = await self._service.vocabulary(question.member)
        messages: tuple[ChatMessage, ...] = tuple(
            {"role": message.role, "content": message.content} for message in question.messages
        )
        self._inside.enter_context(self._service.enter(question.member))
        session = await model.open_session(Request(messages, priority=question.priority))
        self._session, self._base = session, list(session.prompt)
        self._id = secrets.token_hex(16)
        self._service.sessions[self._id] = session
        opened = Opened(
            session=self._id,
            admission=session.admission.order if session.admission is not None else self._id,
            prompt=tuple(session.prompt),
            vocabulary=vocabulary.digest,
            traces=isinstance(session, TracingSession),
        )
        await self._say(opened)

    async def _hold(self, question: Hold) -> None:
        sessions = [self._service.sessions.get(name) for name in question.sessions]
        found = [session for session in sessions if session is not None]
        if self._session is None or self._session not in found:
            raise ModelError("a session is held by its own connection")
        await self._slots.aclose()
        await self._slots.enter_async_context(hold(found))
        await self._say(Held())

    async def _answer(self, question: Ask) -> None:
        session = self._session
        if session is None:
            raise ModelError("there is no session yet")
        reading = self._reading(question)
        sequences = [self._sequence(cut.keep, cut.tokens, session) for cut in question.sequences]
        behind = [sequence[len(session.prompt) :] for sequence in sequences]
        self._base = sequences[0]
        rows = question.read.count("row") * (len(behind) + (question.ahead or 0))
        if rows > 1 and 4 * rows * session.vocabulary.size > MOST_ROWS:
            raise ModelError(f"an answer has at most {MOST_ROWS} bytes of rows, or one row")
        readings: list[Any]
        if question.ahead is not None or len(behind) > 1:
            if not isinstance(session, TracingSession):
                raise ModelError(f"{session.name} evaluates one sequence at a time")
            if question.ahead is None:
                readings = await session.trace(behind, reading)
            elif isinstance(reading, WithOwn) and len(behind) == 1:
                readings = list(await session.run_ahead(behind[0], reading.reading, reading.own, question.ahead))
            else:
                raise ModelError("a session runs ahead of one sequence, by its own choice")
        else:
            readings = [await session.step(behind[0], reading)]
        values = [None if read is None else values_of(reading, read) for read in readings]
        await self._socket.send_bytes(packed(question.number, session.evaluated, values))

    def _reading(self, question: Ask) -> Reading[Any]:
        """Return the reading of a question. Raises `ModelError` for a set of barred tokens without a meaning."""
        try:
            first, *others = [Row() if atom == "row" else self._bars[atom] for atom in question.read]
        except KeyError:
            raise ModelError("a set of barred tokens was not said before") from None
        reading: Reading[Any] = first
        for other in others:
            if not isinstance(other, Argmax):
                raise ModelError("a row is read first")
            reading = WithOwn(reading, other)
        return reading

    def _sequence(self, keep: int, tokens: tuple[int, ...], session: TokenSession) -> list[int]:
        """Return a whole sequence. Raises `ModelError` for one that no session of this prompt can have."""
        if not len(session.prompt) <= keep <= len(self._base):
            raise ModelError("a sequence begins with the prompt, and with what there was before")
        if tokens and max(tokens) >= session.vocabulary.size:
            raise ModelError("a sequence has a token that is not in the vocabulary")
        return [*self._base[:keep], *tokens]

    async def _say(self, word: Opened | Held | Failed) -> None:
        await self._socket.send_text(word.model_dump_json())

    async def _end(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._service.sessions.pop(self._id, None)
        await self._slots.aclose()
        if self._session is not None:
            self._session.close()
        await self._inside.aclose()


class _Refused(Exception):
    """The other side does not keep to the protocol: the connection ends."""


def _failed(error: Exception) -> Failed:
    if isinstance(error, Problem):  # the node is leaving, or has too much to do: another one may answer
        code = ModelUnavailable.code if error.again is not None else ModelError.code
        return Failed(code=code, detail=str(error)[:2000])
    if isinstance(error, AgentNetError):
        return Failed(code=error.code, detail=str(error)[:2000])
    log.error("a session failed unexpectedly: %s: %s", type(error).__name__, error, exc_info=error)
    return Failed(code=AgentNetError.code, detail=f"unexpected {type(error).__name__}; see the node's log")
