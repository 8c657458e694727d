"""``POST /v1/chat/completions`` of a gateway: a conversation becomes a run, and what the run says its reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import SystemRandom

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from agentnet.contracts.serving import Caller, Served
from agentnet.contracts.usage import Usage
from agentnet.serving.app import caller_of
from agentnet.serving.asked import Asked
from agentnet.serving.gateway import Gateway
from agentnet.serving.openai.models import Models, require_tokens
from agentnet.serving.openai.replies import Choice, Replies, usage_data
from agentnet.serving.openai.requests import IDEMPOTENCY, ChatBody, Extras
from agentnet.serving.openai.spoken import RUN_HEADER, Spoken, carried_out
from agentnet.serving.openai.streaming import ClientGone, EventStream, while_connected
from agentnet.serving.openai.telling import Told
from agentnet.serving.reading import read_json

_draw = SystemRandom()
_Step = tuple[int, Spoken, Told | None]
"""Which run, what it came to so far, and what is told now; None where the run begins, and where it ends."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was read: what is asked, once for each reply."""

    model: str
    """The name by which it was asked."""
    agent: str | None
    """The member that is asked alone."""
    asked: Sequence[Asked]
    reasoning: bool
    usage: bool
    """Whether a stream is to end with the usage."""


class ChatSurface:
    """Chat completions of a network."""

    def __init__(self, gateway: Gateway, models: Models) -> None:
        self._gateway, self._models = gateway, models

    async def chat(self, http: HttpRequest) -> Response:
        data, caller = await read_json(http), caller_of(http)
        body = ChatBody.read(data)
        call = self._call(body, caller)
        key = http.headers.get(IDEMPOTENCY)
        request = {"path": http.url.path, "body": data}
        ids = await self._gateway.runs.reserve(caller, request, key=key, count=len(call.asked))
        pairs = zip(call.asked, ids, strict=True)
        call = replace(call, asked=[replace(asked, run=id, repeated=key is not None) for asked, id in pairs])
        headers = {RUN_HEADER: ", ".join(ids)}
        if body.stream:
            return EventStream(self._streamed(caller, call, ids[0]), headers=headers)
        try:
            spoken = await while_connected(http.receive, self._whole(caller, call))
        except ClientGone:
            return Response(status_code=499)
        choices = [_choice(one) for one in spoken]
        whole = Replies(call.model, spoken[0].run).whole(choices, _usage(spoken))
        return JSONResponse(whole, headers=headers)

    def _call(self, body: ChatBody, caller: Caller) -> Call:
        """Return what a body asks. Raises `Problem` and `BadInput`."""
        ready = self._models.find(body.model)
        extras, replies, agent = body.agentnet or Extras(), body.replies(), ready.choice.agent
        if replies.top_logprobs is not None:
            require_tokens(body.model, ready.expression)
        seed = _draw.getrandbits(32) if body.seed is None else body.seed % 2**32
        asked = Asked(
            question=body.conversation(),
            served=Served(caller=caller.id, surface="openai", data={"model": body.model}),
            protocol=ready.choice.protocol,
            label=extras.label,
            limits=extras.limits,
            replies=replies.model_copy(update={"whole": agent is not None}),
            stream_text=bool(body.stream) or agent is not None,
        )
        each = [replace(asked, seed=(seed + index) % 2**32) for index in range(body.n or 1)]
        return Call(body.model, agent, each, extras.reasoning, body.wants_usage)

    async def _whole(self, caller: Caller, call: Call) -> list[Spoken]:
        """Return what each run came to. Raises `Problem` for the first that has no reply."""
        async with aclosing(self._told(caller, call)) as steps:
            found = {index: spoken async for index, spoken, _ in steps}
        for spoken in found.values():
            if (problem := spoken.problem) is not None:
                raise problem
        return [found[index] for index in sorted(found)]

    async def _streamed(self, caller: Caller, call: Call, id: str) -> AsyncGenerator[bytes, None]:
        """Yield the events of all replies, the id of which ends so. Raises `Problem` for the first run without one."""
        replies = Replies(call.model, id)
        runs: dict[int, Spoken] = {}
        begun: set[int] = set()
        async with aclosing(self._told(caller, call)) as steps:
            async for index, spoken, told in steps:
                runs[index] = spoken
                first = index not in begun
                if told is not None:
                    channel, text = told
                    yield replies.piece(text, first=first, index=index, channel=channel)
                    begun.add(index)
                elif spoken.ended is not None:
                    if (problem := spoken.problem) is not None:
                        raise problem
                    yield replies.end(spoken.finish, spoken.tokens, first=first, index=index, about=spoken.about())
        yield replies.last(_usage(list(runs.values())) if call.usage else None)

    def _told(self, caller: Caller, call: Call) -> AsyncGenerator[_Step, None]:
        """Return what carries the runs out, side by side, and yields what they say."""
        several = [self._one(caller, call, index) for index in range(len(call.asked))]
        return several[0] if len(several) == 1 else side_by_side(several)

    async def _one(self, caller: Caller, call: Call, index: int) -> AsyncGenerator[_Step, None]:
        steps = carried_out(self._gateway.runs, caller, call.asked[index], call.agent, reasoning=call.reasoning)
        async with aclosing(steps):
            async for spoken, told in steps:
                yield index, spoken, told


async def side_by_side(sources: Sequence[AsyncGenerator[_Step, None]]) -> AsyncGenerator[_Step, None]:
    """Yield what several generators yield, as it comes. The first error of one ends all."""
    waiting: asyncio.Queue[_Step | BaseException | None] = asyncio.Queue(len(sources))

    async def drain(source: AsyncGenerator[_Step, None]) -> None:
        try:
            async with aclosing(source) as steps:
                async for step in steps:
                    await waiting.put(step)
        except Exception as error:
            await waiting.put(error)
        else:
            await waiting.put(None)

    tasks = [asyncio.create_task(drain(source)) for source in sources]
    try:
        left = len(tasks)
        while left:
            step = await waiting.get()
            if isinstance(step, BaseException):
                raise step
            if step is None:
                left -= 1
            else:
                yield step
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _choice(spoken: Spoken) -> Choice:
    content, refusal = spoken.text("content"), spoken.text("refusal")
    return Choice(
        finish=spoken.finish,
        content=content if content is not None or refusal is not None else "",
        reasoning=spoken.text("reasoning"),
        refusal=refusal,
        tokens=spoken.tokens,
        about=spoken.about(),
    )


def _usage(spoken: Sequence[Spoken]) -> dict[str, object]:
    total = sum((one.usage for one in spoken), Usage())
    return usage_data(total, reasoning=sum(one.reasoning_tokens for one in spoken))
