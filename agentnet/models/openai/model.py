"""`OpenAIModel`: a model behind an OpenAI-compatible HTTP server.

Servers differ in the fields that they accept. A field that a server refuses (a way to constrain replies by a schema,
``stream_options``, …) is left out of the next attempt and of every later request to the same model.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import openai
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelError, ModelUnavailable, SchemaUnsupported
from agentnet.logs import logger
from agentnet.models.addresses import OWNER, AddressPolicy, Resolver, Server
from agentnet.models.base import ChatMessage, Chunk, Completion, ModelCapabilities, Request, ToolOffer
from agentnet.models.control_names import broken
from agentnet.models.openai.bounds import Bounds, deadline_of
from agentnet.models.openai.errors import refused_field, translated, wanted_pause, worth_retrying
from agentnet.models.openai.keys import basic, hide_secrets, key_for, user_of, without_user
from agentnet.models.openai.replies import Reply
from agentnet.models.openai.tokens import MOST, read_next_tokens
from agentnet.models.openai.transport import MOST_BYTES, connect
from agentnet.models.tokens import NextTokens

log = logger("remote")

OPENAI_HOST = "api.openai.com"
OPENAI = f"https://{OPENAI_HOST}/v1"
PATH = "/chat/completions"
FIRST_PAUSE = 0.5
"""Seconds before the second attempt; doubled before each further one, with random jitter of up to as much added."""
FORMATS = ("json_schema", "json_object with schema", "json_object", "none")
"""Ways to ask for a JSON reply, the strictest first; ``structured: auto`` tries them until the server accepts one."""

_T = TypeVar("_T")
_Fields = dict[str, Any]


class OpenAIModel:
    """One model of one server. Connects at the first request; every failure is a one-line `ModelError`.

    `timeout` bounds each attempt (of a streamed reply, each wait for its next piece), `deadline` the whole turn, and
    `Bounds` what a reply may hold. `policy` says which servers may be asked: by default those of the owner's own file.
    `resolver` replaces the system's. `access` is sent as the key instead of one of the environment. `grammars` says
    that the server is one of AgentNet's, which hold replies to regular expressions and Lark grammars, too.
    """

    def __init__(
        self,
        spec: OpenAISpec,
        *,
        policy: AddressPolicy = OWNER,
        resolver: Resolver | None = None,
        access: str = "",
        grammars: bool = False,
    ) -> None:
        self._spec, self._policy, self._resolver = spec, policy, resolver
        self._access, self._grammars = access, grammars
        self._client: openai.AsyncOpenAI | None = None
        self._headers: dict[str, str | openai.Omit] = {}
        self._closed = False
        self._format = FORMATS[0] if spec.structured == "auto" else spec.structured
        self._format_works = spec.structured != "auto"
        self._logprobs = spec.logprobs
        self._secrets = () if policy.joined else hide_secrets(spec, self._address)
        self._refused: set[str] = set()
        """Request fields that the server does not accept."""

    @property
    def name(self) -> str:
        return self._spec.model

    @property
    def capabilities(self) -> ModelCapabilities:
        holds = {"json_schema": True, "json_object with schema": True, "none": False}.get(self._format)
        schema = holds if self._format_works or self._format == "none" else None
        tools = False if self._grammars or "tools" in self._refused else None
        return ModelCapabilities(self._spec.context, schema, self._logprobs, grammar=self._grammars, tools=tools)

    @property
    def url(self) -> str:
        """The server's base URL, without a user and a password; requests go to `PATH` below it."""
        return without_user(self._address)

    @property
    def _address(self) -> str:
        return (self._spec.base_url or os.environ.get(self._spec.base_url_env) or OPENAI).rstrip("/")

    def check(self) -> None:
        """Raise `ModelError` if the server's address or the key's variable may not be used. Asks nothing."""
        key_for(self._spec, self._server(), self._policy)

    async def generate(self, request: Request) -> Completion:
        started, bounds = time.perf_counter(), Bounds.of(request, self._spec)
        async with self._turn():
            reply = Reply(self.url, bounds, calls=bool(request.tools))
            reply.add(await self._send(request, bounds, self._post))
            return self._finished(request, reply.completion(time.perf_counter() - started))

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        started, bounds = time.perf_counter(), Bounds.of(request, self._spec)
        ends = asyncio.get_running_loop().time() + deadline_of(self._spec)
        reply = Reply(self.url, bounds, streamed=True, secrets=self._secrets)
        async with self._turn(ends):
            events = await self._send(request, bounds, self._open, stream=True)
        try:
            while True:
                # The caller's own time between two pieces is in no turn, so that no deadline cancels the caller.
                async with self._turn(ends):
                    if (event := await self._next(events)) is _END:
                        break
                    text = reply.add(event)
                if text:
                    yield Chunk(text)
        finally:
            await events.close()
        if rest := reply.rest():
            yield Chunk(rest)
        async with self._turn(ends):
            completion = self._finished(request, reply.completion(time.perf_counter() - started))
        yield Chunk("", completion)

    async def next_tokens(self, request: Request, said: str) -> NextTokens:
        """Ask for one token behind a reply that has begun with `said`.

        A server continues the assistant's message at the end of the request. The fields that some servers need for that
        (``continue_final_message``, …) stand in the spec's `extra_body`.
        """
        started = time.perf_counter()
        begun: tuple[ChatMessage, ...] = ({"role": "assistant", "content": said},) if said else ()
        asked = replace(
            request, messages=(*request.messages, *begun), sampling=Sampling(max_tokens=1), schema=None, logprobs=False
        )
        bounds = Bounds.of(asked, self._spec)

        async def post(fields: _Fields) -> object:
            return await self._post(fields | {"logprobs": True, "top_logprobs": MOST})

        async with self._turn():
            response = await self._send(asked, bounds, post)
            return read_next_tokens(response, self.url, bounds, time.perf_counter() - started)

    async def close(self) -> None:
        self._closed = True
        if self._client is not None:
            await self._client.close()

    async def _post(self, fields: _Fields) -> object:
        client = self._connected()
        async with asyncio.timeout(self._spec.timeout):
            return await client.post(PATH, body=fields, cast_to=object, options={"headers": self._headers})

    async def _open(self, fields: _Fields) -> openai.AsyncStream[object]:
        client, kind = self._connected(), openai.AsyncStream[object]
        async with asyncio.timeout(self._spec.timeout):
            return await client.post(
                PATH, body=fields, cast_to=object, options={"headers": self._headers}, stream=True, stream_cls=kind
            )

    async def _next(self, events: openai.AsyncStream[object]) -> object:
        """Return the next piece of a streamed reply, or `_END`. Text cannot be taken back, so nothing is retried."""
        try:
            async with asyncio.timeout(self._spec.timeout):
                return await anext(events, _END)
        except Exception as error:
            raise translated(error, self._spec, self.url) from error

    @asynccontextmanager
    async def _turn(self, ends: float | None = None) -> AsyncIterator[None]:
        """Bound what is inside by the turn's deadline (the event loop's time `ends`, by default from now on), and raise
        every failure as a `ModelError`: whatever a server sends ends its own turn and nothing else."""
        seconds = deadline_of(self._spec)
        if ends is None:
            ends = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(ends):
                yield
        except TimeoutError as error:
            raise ModelUnavailable(
                f"{self.url}: no whole reply of {self.name} within {seconds:g} s; check the server, or raise `deadline`"
            ) from error
        except ModelError:
            raise
        except Exception as error:
            raise translated(error, self._spec, self.url) from error

    def _connected(self) -> openai.AsyncOpenAI:
        if self._closed:
            raise ModelError(f"{self.name} is closed")
        if self._client is None:
            server = self._server()
            key = self._access or key_for(self._spec, server, self._policy)
            if not key and server.host == OPENAI_HOST:
                raise ModelError(f"{self.url}: needs a key; set the environment variable {self._spec.api_key_env}")
            # The client insists on some key; where none is set, the header that carries it is left out.
            self._headers = {} if key else {"Authorization": openai.Omit()}
            if user := user_of(self._address):
                self._headers = {"Authorization": f"Basic {basic(user)}"}
            self._client = openai.AsyncOpenAI(
                api_key=key or "none",
                base_url=self.url,
                max_retries=0,
                timeout=self._spec.timeout,
                http_client=connect(server, self._policy, timeout=self._spec.timeout, resolver=self._resolver),
            )
        return self._client

    def _server(self) -> Server:
        """Return where requests go. Raises `ModelError` for an address that may not be asked."""
        return self._policy.check(self._address)

    async def _send(
        self, request: Request, bounds: Bounds, send: Callable[[_Fields], Awaitable[_T]], *, stream: bool = False
    ) -> _T:
        """Send until an answer comes, with fewer fields where the server refuses some. Raises `ModelError`."""
        MOST_BYTES.set(bounds.body(streamed=stream))
        while True:
            tried, fields = self._format, self._fields(request, stream)

            def again(error: BaseException, fields: _Fields = fields) -> bool:
                return worth_retrying(error) and self._refusal(fields, error) is None

            retrying = AsyncRetrying(
                retry=retry_if_exception(again),
                wait=self._pause,
                stop=stop_after_attempt(self._spec.attempts),
                reraise=True,
            )
            try:
                answer: _T = await retrying(send, fields)
            except Exception as error:
                refused = self._refusal(fields, error)
                if refused is None:
                    tries = retrying.statistics.get("attempt_number", 1)
                    raise translated(error, self._spec, self.url, tries) from error
                self._do_without(refused, tried)
            else:
                if "response_format" in fields and tried == self._format:
                    self._format_works = True
                return answer

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        wanted = wanted_pause(error)
        if wanted is None:
            wanted = (wait_exponential(FIRST_PAUSE) + wait_random(0, FIRST_PAUSE))(state)
        return min(wanted, self._spec.max_wait)

    def _fields(self, request: Request, stream: bool) -> _Fields:
        sampling = request.sampling
        fields: _Fields = {
            "model": self._spec.model,
            # Most servers read the names of control tokens in a message as those tokens.
            "messages": [message | {"content": broken(message["content"])} for message in request.messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k or None,
            "min_p": sampling.min_p or None,
            "seed": sampling.seed,
            "stop": list(sampling.stop) or None,
            "logprobs": (request.logprobs and self._logprobs is not False) or None,
            "stream": stream or None,
            "stream_options": {"include_usage": True} if stream else None,
            "response_format": self._response_format(request),
            "tools": [_function(tool) for tool in request.tools] or None,
        }
        if request.tools and "tools" not in self._refused:
            fields["tool_choice"] = "required" if request.must_call else "auto"
        if "max_tokens" in self._refused:
            fields["max_completion_tokens"] = fields["max_tokens"]
        wanted = {key: value for key, value in fields.items() if value is not None and key not in self._refused}
        return wanted | self._spec.extra_body

    def _response_format(self, request: Request) -> _Fields | None:
        for kind, grammar in (("regex", request.regex), ("lark", request.lark)):
            if self._grammars and grammar is not None:
                return {"type": kind, kind: grammar}
        if request.regex is not None or request.lark is not None:
            raise SchemaUnsupported(
                f"{self.name} at {self.url}: servers have no common way to hold replies to a regular expression or a "
                f"Lark grammar; use a JSON Schema, or a model that runs in process"
            )
        if request.schema is None or self._format == "none":
            return None
        schema = dict(request.schema)
        if self._format == "json_schema":
            return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
        return {"type": "json_object"} | ({} if self._format == "json_object" else {"schema": schema})

    def _refusal(self, fields: _Fields, error: BaseException) -> str | None:
        """Return the field that the server refuses, if it may be left out: not one that the spec insists on."""
        name = refused_field(fields, error)
        insisted = name in self._spec.extra_body or (
            (name == "response_format" and self._spec.structured != "auto")
            or (name == "logprobs" and self._spec.logprobs)
        )
        return None if insisted else name

    def _do_without(self, name: str, tried: str) -> None:
        if name == "response_format":
            # Another request may have chosen the next format meanwhile.
            if self._format == tried:
                self._format = FORMATS[FORMATS.index(tried) + 1]
        elif name == "logprobs":
            self._logprobs = False
        else:
            self._refused.add(name)
        level = logging.WARNING if name in Sampling.model_fields else logging.INFO
        log.log(level, "%s at %s refuses %s: requests leave it out", self.name, self.url, name)

    def _finished(self, request: Request, completion: Completion) -> Completion:
        """Remember whether the server gives log-probabilities."""
        if request.logprobs and self._logprobs is None and completion.text:
            self._logprobs = completion.logprobs is not None
        return completion


def _function(tool: ToolOffer) -> _Fields:
    function = {"name": tool.name, "description": broken(tool.description), "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


_END: Any = object()
