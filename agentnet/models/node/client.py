"""`NodeClient`: one member on one node, behind the interfaces of models.

Replies come over OpenAI's API, scores over a request beside it, and sessions of tokens over a WebSocket. A node is a
stranger: its addresses are checked, its answers bounded, its numbers claims.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.nodes import Offer
from agentnet.errors import BadResponse
from agentnet.models.addresses import JOINED, AddressPolicy, Resolver
from agentnet.models.base import Chunk, Completion, Request, Scores
from agentnet.models.gguf.vocabulary import MOST_BYTES as MOST_VOCABULARY
from agentnet.models.node.connection import Connection
from agentnet.models.node.frames import PATH, VOCABULARY_PATH, Open, Opened, Said
from agentnet.models.node.http import NodeHttp
from agentnet.models.node.session import NodeSession, TracingNodeSession, admission_of
from agentnet.models.node.vocabulary import VOCABULARIES, NodeVocabulary
from agentnet.models.openai.bounds import Bounds
from agentnet.models.openai.errors import quoted
from agentnet.models.openai.model import OpenAIModel

SCORE_PATH = "/node/v1/score"
MOST_SCORES = 4 * 2**20
"""Bytes of the answer to a request for scores."""
ROUNDING = 1e-3
"""How far above 0 a log-probability counts as rounded."""


class _Scored(BaseModel):
    """The answer to a request for scores."""

    logprobs: list[list[Annotated[float, Field(le=ROUNDING, allow_inf_nan=False)]]]
    usage: dict[str, Any] = {}


class NodeClient:
    """One member as one node serves it.

    `url` is the node's address, `access` what it wants to hear from callers, and `timeout` the seconds of an attempt.
    Nothing is tried twice: another node may be able to answer.
    """

    def __init__(
        self,
        url: str,
        offer: Offer,
        *,
        access: str = "",
        timeout: float = 60.0,
        policy: AddressPolicy = JOINED,
        resolver: Resolver | None = None,
    ) -> None:
        self.name = offer.name
        self._url, self._access, self._timeout = url.rstrip("/"), access, timeout
        self._policy, self._resolver = policy, resolver
        able = offer.abilities
        self._spec = OpenAISpec(
            model=offer.name,
            base_url=f"{self._url}/v1",
            context=offer.context,
            timeout=timeout,
            attempts=1,
            structured="json_schema" if able.json_schema else "none",
            logprobs=able.logprobs,
        )
        self._chat = OpenAIModel(self._spec, policy=policy, resolver=resolver, access=access, grammars=able.grammar)
        self._http = NodeHttp(self._url, access=access, timeout=timeout, policy=policy, resolver=resolver)
        self._vocabulary: NodeVocabulary | None = None
        self._fetching = asyncio.Lock()
        self._sessions: set[NodeSession] = set()

    async def generate(self, request: Request) -> Completion:
        return await self._chat.generate(request)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        return self._chat.stream(request)

    async def score(self, request: Request, continuations: Sequence[str]) -> Scores:
        return await self._score(request, continuations, among=False)

    async def score_choices(self, request: Request, replies: Sequence[str]) -> Scores:
        return await self._score(request, replies, among=True)

    async def open_session(self, request: Request) -> NodeSession:
        """Return a session behind the prompt of a request. Raises `ModelError`."""
        headers = {"Authorization": f"Bearer {self._access}"} if self._access else {}
        connection = await Connection.open(
            f"{self._url}{PATH}", policy=self._policy, headers=headers, resolver=self._resolver
        )
        try:
            messages = tuple(Said(role=message["role"], content=message["content"]) for message in request.messages)
            question = Open(member=self.name, messages=messages, priority=request.priority)
            connection.send(question.model_dump_json())
            opened = await connection.word(Opened, self._timeout)
            vocabulary = await self._known(opened.vocabulary)
            if max(opened.prompt) >= vocabulary.size:
                raise connection.broken("its prompt has tokens that its vocabulary lacks")
        except BaseException:
            connection.close()
            raise
        session = (TracingNodeSession if opened.traces else NodeSession)(
            connection,
            opened,
            name=self.name,
            vocabulary=vocabulary,
            admission=admission_of(self._url, opened.admission),
            timeout=self._timeout,
        )
        self._sessions = {other for other in self._sessions if not other.closed} | {session}
        return session

    async def close(self) -> None:
        """End all sessions and connections. Closing twice is harmless."""
        for session in self._sessions:
            session.close()
        self._sessions = set()
        await asyncio.gather(self._chat.close(), self._http.close())
        vocabulary, self._vocabulary = self._vocabulary, None
        if vocabulary is not None:
            VOCABULARIES.release(vocabulary)

    async def _known(self, digest: str) -> NodeVocabulary:
        """Return the vocabulary that the node says is its member's; it is fetched at the first time."""
        async with self._fetching:
            if self._vocabulary is None:
                self._vocabulary = VOCABULARIES.take(digest)
            if self._vocabulary is None:
                content = await self._http.get(VOCABULARY_PATH, most=MOST_VOCABULARY, member=self.name)
                self._vocabulary = await asyncio.to_thread(VOCABULARIES.load, content, digest, self._url)
            if self._vocabulary.digest != digest:
                raise BadResponse(f"{self._url}: its vocabulary of {self.name} is another one now; let it join again")
            return self._vocabulary

    async def _score(self, request: Request, replies: Sequence[str], *, among: bool) -> Scores:
        if not replies or not all(replies):
            raise ValueError("there must be at least one continuation, and none may be empty")
        if among and any(reply != longer and longer.startswith(reply) for reply in replies for longer in replies):
            raise ValueError("no reply may be the beginning of another")
        started = time.perf_counter()
        data = {"model": self.name, "messages": request.messages, "continuations": replies, "among": among}
        answer = await self._http.post(SCORE_PATH, data, most=MOST_SCORES)
        try:
            scored = _Scored.model_validate_json(answer)
        except ValidationError:
            raise BadResponse(f"{self._url} sent something that is no scores, {quoted(answer[:200])}") from None
        longest = max(len(reply.encode()) for reply in replies)
        if len(scored.logprobs) != len(replies) or max(map(len, scored.logprobs)) > longest:
            raise BadResponse(f"{self._url} sent scores of other replies than it was asked for")
        usage = Bounds.of(request, self._spec).usage(scored.usage, "", time.perf_counter() - started)
        return Scores(tuple(tuple(min(0.0, logprob) for logprob in logprobs) for logprobs in scored.logprobs), usage)
