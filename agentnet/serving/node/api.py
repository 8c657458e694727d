"""What a node serves: its members' models over OpenAI's API, and what fusion and scoring need beside it.

===============================  ======================================================================
``GET /v1/models``               the members
``POST /v1/chat/completions``    a reply, whole or streamed
``POST /node/v1/score``          how likely given replies are
``POST /node/v1/proof``          that the node's key is here: a nonce of the hub's, signed
``WebSocket /node/v1/tokens``    sessions of tokens (see `agentnet.serving.tokens`)
``GET /node/v1/vocabulary``      what they need of a model's vocabulary
===============================  ======================================================================
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.agents.model_agent import tokens_of
from agentnet.contracts.base import first_problem
from agentnet.contracts.joining import PROOF_PATH, Proof
from agentnet.errors import SchemaUnsupported
from agentnet.files.names import suggestion
from agentnet.models.base import Chunk, Completion, Request, Scorer, Scores
from agentnet.models.tokens import TokenStepper
from agentnet.serving.app import Problem
from agentnet.serving.keys import NodeKey
from agentnet.serving.node.admission import Admission
from agentnet.serving.node.members import Served
from agentnet.serving.openai.replies import Choice, Replies, usage_data
from agentnet.serving.openai.requests import ChatBody, Messages, chat_messages
from agentnet.serving.openai.streaming import ClientGone, EventStream, while_connected
from agentnet.serving.reading import read_json
from agentnet.serving.tokens import TokenService

MOST_REPLIES = 1024


@dataclass(frozen=True, slots=True)
class NodeApi:
    """The members of a node, and what lets their requests in."""

    name: str
    key: NodeKey
    members: Mapping[str, Served]
    admission: Admission

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the API."""
        return [
            Route("/v1/models", self.models),
            Route("/v1/models/{name}", self.model),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/node/v1/score", self.score, methods=["POST"]),
            Route(PROOF_PATH, self.proof, methods=["POST"]),
            *TokenService(self.members, self.admission.enter).routes(),
        ]

    def member(self, name: str) -> Served:
        """Return a member by its name. Raises `Problem`."""
        if name not in self.members:
            raise Problem(
                404,
                f"node {self.name} has no model {name[:100]!r}{suggestion(name, self.members)} "
                f"(it has {', '.join(self.members)})",
                "model_not_found",
                param="model",
            )
        return self.members[name]

    async def models(self, request: HttpRequest) -> Response:
        return JSONResponse({"object": "list", "data": [self._listed(name) for name in self.members]})

    async def model(self, request: HttpRequest) -> Response:
        return JSONResponse(self._listed(self.member(request.path_params["name"]).name))

    def _listed(self, name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": _STARTED, "owned_by": self.name}

    async def chat(self, http: HttpRequest) -> Response:
        body = ChatBody.read(await read_json(http), but=("n", "agentnet"))
        member = self.member(body.model)
        request = body.request(member.offer.sampling)
        _check(member, request)
        if body.stream:
            replies = Replies(member.name)
            return EventStream(_events(replies, self._written(member, request), usage=body.wants_usage))
        try:
            completion = await while_connected(http.receive, self._completed(member, request))
        except ClientGone:
            return Response(status_code=499)
        choice = Choice(completion.finish, completion.text, tokens=tokens_of(completion))
        return JSONResponse(Replies(member.name).whole([choice], usage_data(completion.usage)))

    async def _completed(self, member: Served, request: Request) -> Completion:
        async with aclosing(self._written(member, request)) as chunks:
            async for chunk in chunks:
                if chunk.completion is not None:
                    return chunk.completion
        raise Problem(500, f"{member.name} ended a reply before it was finished", "unfinished")

    async def _written(self, member: Served, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield a reply piece by piece, and measure it."""
        with self.admission.enter(member.name) as visit:
            async with aclosing(_stream(member, request)) as chunks:
                async for chunk in chunks:
                    visit.begun()
                    if chunk.completion is not None:
                        visit.used(chunk.completion.usage)
                    yield chunk

    async def score(self, http: HttpRequest) -> Response:
        body = _ScoreBody.read(await read_json(http))
        member = self.member(body.model)
        request = Request(chat_messages(body.messages))
        try:
            scores = await while_connected(http.receive, self._scored(member, request, body))
        except ClientGone:
            return Response(status_code=499)
        return JSONResponse({"logprobs": scores.logprobs, "usage": usage_data(scores.usage)})

    async def _scored(self, member: Served, request: Request, body: _ScoreBody) -> Scores:
        if not isinstance(member.model, Scorer):
            raise Problem(400, f"{member.name} cannot score replies", "unsupported", param="model")
        score = member.model.score_choices if body.among else member.model.score
        with self.admission.enter(member.name) as visit:
            try:
                scores = await score(request, body.continuations)
            except ValueError as error:
                raise Problem(400, f"continuations: {error}", "bad-request", param="continuations") from None
            visit.used(scores.usage)
            return scores

    async def proof(self, http: HttpRequest) -> Response:
        try:
            proof = Proof.model_validate({**await read_json(http), "what": "proof", "key": self.key.public})
        except ValidationError as error:
            raise Problem(400, first_problem(error), "bad-request") from None
        return JSONResponse(self.key.sign(proof.model_dump()).model_dump())


class _ScoreBody(BaseModel):
    """The body of a request to score replies."""

    model: str
    messages: Messages
    continuations: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1, max_length=MOST_REPLIES)
    among: bool = Field(default=False, description="compare the replies with each other alone")

    @classmethod
    def read(cls, data: dict[str, object]) -> _ScoreBody:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise Problem(400, first_problem(error), "bad-request") from None


def _check(member: Served, request: Request) -> None:
    """Raise `Problem` for a form or alternatives that a member cannot give."""
    if (request.regex is not None or request.lark is not None) and not member.offer.abilities.grammar:
        raise Problem.of(SchemaUnsupported(f"{member.name} cannot hold replies to a grammar: use a JSON Schema"))
    if request.top_logprobs and not isinstance(member.model, TokenStepper):
        raise Problem(400, f"{member.name} gives no alternatives to its tokens", "unsupported", param="top_logprobs")


async def _stream(member: Served, request: Request) -> AsyncGenerator[Chunk, None]:
    chunks: AsyncIterator[Chunk] = member.model.stream(request)
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


async def _events(
    replies: Replies, written: AsyncGenerator[Chunk, None], *, usage: bool
) -> AsyncGenerator[bytes, None]:
    """Yield the events of a reply."""
    begun = False
    async with aclosing(written) as chunks:
        async for chunk in chunks:
            if chunk.text:
                yield replies.piece(chunk.text, first=not begun)
                begun = True
            if (completion := chunk.completion) is not None:
                yield replies.end(completion.finish, tokens_of(completion), first=not begun)
                yield replies.last(usage_data(completion.usage) if usage else None)


_STARTED = int(time.time())
