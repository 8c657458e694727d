"""The Responses API of a gateway.

======================================  ====================================================================
``POST /v1/responses``                  a response: whole, streamed, or in the background
``GET /v1/responses/ID``                a stored response; with ``?stream=true`` its events, from the first on
``POST /v1/responses/ID/cancel``        end a background response
``DELETE /v1/responses/ID``             forget a response, with all that its run recorded
``GET /v1/responses/ID/input_items``    what it was asked
======================================  ====================================================================
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from random import SystemRandom

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.contracts.conversation import Conversation, Utterance
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.serving import Caller, Served
from agentnet.errors import ResumeError
from agentnet.serving.app import Problem, caller_of
from agentnet.serving.asked import Asked
from agentnet.serving.gateway import Gateway
from agentnet.serving.openai.models import Models, require_tokens
from agentnet.serving.openai.requests import IDEMPOTENCY, Extras
from agentnet.serving.openai.responses.bodies import PREFIX, Kept, ResponseView
from agentnet.serving.openai.responses.events import ResponseEvents
from agentnet.serving.openai.responses.requests import ResponseBody
from agentnet.serving.openai.spoken import RUN_HEADER, Spoken, Step, carried_out, told_of
from agentnet.serving.openai.streaming import ClientGone, EventStream, while_connected
from agentnet.serving.reading import read_json

_draw = SystemRandom()
_ECHOED = {"instructions", "max_output_tokens", "previous_response_id", "temperature", "top_p", "metadata", "text"}
"""Fields of a request that its response repeats."""


class ResponsesSurface:
    """Responses of a network."""

    def __init__(self, gateway: Gateway, models: Models) -> None:
        self._gateway, self._runs, self._models = gateway, gateway.runs, models

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the API."""
        one = "/v1/responses/{id}"
        return [
            Route("/v1/responses", self.create, methods=["POST"]),
            Route(one, self.retrieve, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
            Route(f"{one}/input_items", self.input_items),
        ]

    async def create(self, http: HttpRequest) -> Response:
        data, caller = await read_json(http), caller_of(http)
        body = ResponseBody.read(data)
        request = {"path": http.url.path, "body": data}
        asked, kept = await self._asked(body, caller, data)
        key = http.headers.get(IDEMPOTENCY)
        (id,) = await self._runs.reserve(caller, request, key=key)
        asked = replace(asked, run=id, repeated=key is not None)
        view = ResponseView.new(id, kept)
        headers = {RUN_HEADER: id}
        if body.background:
            await self._runs.start(caller, asked)
            if not body.stream:
                return JSONResponse(view.unfinished("queued"), headers=headers)
            return self._streamed(view, self._followed(caller, view))
        steps = carried_out(self._runs, caller, asked, kept.agent, reasoning=kept.reasoning)
        if body.stream:
            return self._streamed(view, steps)
        try:
            spoken = await while_connected(http.receive, _ended(steps))
        except ClientGone:
            return Response(status_code=499)
        if spoken.problem is not None:
            raise spoken.problem
        return JSONResponse(view.whole(spoken), headers=headers)

    async def retrieve(self, http: HttpRequest) -> Response:
        caller = caller_of(http)
        view, record = await self._found(caller, http)
        if http.query_params.get("starting_after") is not None:
            raise Problem(400, "starting_after is not supported: leave it out", "unsupported", param="starting_after")
        if http.query_params.get("stream") == "true":
            return self._streamed(view, self._followed(caller, view))
        return JSONResponse(await self._now(caller, view, record))

    async def cancel(self, http: HttpRequest) -> Response:
        caller = caller_of(http)
        view, _ = await self._found(caller, http)
        if not view.kept.echo.get("background"):
            raise Problem(400, f"{view.id} is no background response: close its connection", "not-background")
        await self._runs.cancel(caller, view.run)
        return JSONResponse(await self._now(caller, *await self._found(caller, http)))

    async def delete(self, http: HttpRequest) -> Response:
        view, _ = await self._found(caller_of(http), http)
        try:
            await self._gateway.session.runs.forget(view.run)
        except ResumeError as error:
            raise Problem(409, str(error), "response-active") from None
        return JSONResponse({"id": view.id, "object": "response", "deleted": True})

    async def input_items(self, http: HttpRequest) -> Response:
        view, _ = await self._found(caller_of(http), http)
        items = [_item(view, index, turn) for index, turn in enumerate(view.kept.input)]
        ids = [item["id"] for item in items] or [None]
        return JSONResponse(
            {"object": "list", "data": items, "first_id": ids[0], "last_id": ids[-1], "has_more": False}
        )

    async def _asked(self, body: ResponseBody, caller: Caller, data: dict[str, object]) -> tuple[Asked, Kept]:
        """Return what a body asks, and what is kept of it. Raises `Problem`."""
        ready, replies, extras = self._models.find(body.model), body.replies(), body.agentnet or Extras()
        agent = ready.choice.agent
        if replies.top_logprobs is not None:
            require_tokens(body.model, ready.expression)
        before = await self._before(caller, body.previous_response_id)
        system = () if body.instructions is None else (Utterance(role="system", content=body.instructions),)
        turns = body.turns()
        if not (before or turns):
            raise Problem(400, "input is empty: there is nothing to ask the network", "bad-request", param="input")
        kept = Kept(
            model=body.model,
            agent=agent,
            turns=tuple(before),
            input=tuple(turns),
            store=body.store is not False,
            reasoning=extras.reasoning,
            echo={name: data[name] for name in _ECHOED if data.get(name) is not None}
            | {"background": bool(body.background)},
        )
        detached = bool(body.background)
        served = Served(caller=caller.id, surface="openai", detached=detached, data=kept.model_dump(mode="json"))
        asked = Asked(
            question=Conversation(turns=(*system, *before, *turns)),
            served=served,
            protocol=ready.choice.protocol,
            label=extras.label,
            seed=_draw.getrandbits(32),
            limits=extras.limits,
            replies=replies.model_copy(update={"whole": agent is not None}),
            stream_text=bool(body.stream or body.background) or agent is not None,
        )
        return asked, kept

    async def _before(self, caller: Caller, id: str | None) -> list[Utterance]:
        """Return the conversation up to the end of an earlier response. Raises `Problem` where there is no end."""
        if id is None:
            return []
        record = await self._record(caller, id)
        view = ResponseView.of(record)
        if view is None:
            raise _unknown(id)
        if record.status == "running":
            raise Problem(400, f"{id} is not finished yet", "not-finished", param="previous_response_id")
        spoken = await _ended(self._followed(caller, view))
        text = spoken.text("content") or spoken.text("refusal")
        said = [] if text is None else [Utterance(role="assistant", content=text)]
        return [*view.kept.turns, *view.kept.input, *said]

    async def _now(self, caller: Caller, view: ResponseView, record: RunRecord) -> dict[str, object]:
        """Return a stored response as it is now."""
        if record.status == "running":
            return view.unfinished("in_progress")
        if record.status == "interrupted" and record.served is not None and record.served.detached:
            return view.unfinished("queued")  # a server that starts resumes it
        return view.whole(await _ended(self._followed(caller, view)))

    async def _followed(self, caller: Caller, view: ResponseView) -> AsyncGenerator[Step, None]:
        """Yield what the run of a response says, from its beginning. Leaving does not affect it."""
        events = self._runs.follow(caller, view.run)
        async with aclosing(events):  # type: ignore[type-var]
            async for step in told_of(view.run, view.kept.agent, events, reasoning=view.kept.reasoning):
                yield step

    def _streamed(self, view: ResponseView, steps: AsyncGenerator[Step, None]) -> EventStream:
        events = ResponseEvents(view)
        return EventStream(_events(events, steps), headers={RUN_HEADER: view.run}, failure=events.failure)

    async def _found(self, caller: Caller, http: HttpRequest) -> tuple[ResponseView, RunRecord]:
        """Return the stored response that a path names. Raises `Problem` where the caller has none of that id."""
        id = http.path_params["id"]
        record = await self._record(caller, id)
        view = ResponseView.of(record)
        if view is None:
            raise _unknown(id)
        return view, record

    async def _record(self, caller: Caller, id: str) -> RunRecord:
        if not id.startswith(PREFIX):
            raise _unknown(id)
        try:
            return await self._runs.record(caller, id.removeprefix(PREFIX))
        except Problem:
            raise _unknown(id) from None


async def _ended(steps: AsyncGenerator[Step, None]) -> Spoken:
    """Return what a run came to, once it is over."""
    async with aclosing(steps):
        return [spoken async for spoken, _ in steps][-1]


async def _events(events: ResponseEvents, steps: AsyncGenerator[Step, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(steps):
        async for spoken, told in steps:
            if told is not None:
                made = events.piece(*told)
            else:
                made = events.begin() if spoken.ended is None else events.end(spoken)
            for event in made:
                yield event


def _item(view: ResponseView, index: int, turn: Utterance) -> dict[str, object]:
    kind = "output_text" if turn.role == "assistant" else "input_text"
    content = [{"type": kind, "text": turn.content}]
    id = f"msg_{view.run}_{index}"
    return {"id": id, "type": "message", "role": turn.role, "status": "completed", "content": content}


def _unknown(id: str) -> Problem:
    return Problem(404, f"there is no response {id[:100]!r}", "no-such-response")
