"""`A2AModel`: an outside agent that speaks A2A, as a model. A turn's prompt is a message to it, its answer the reply.

What it does meanwhile is its own affair: no sampling settings reach it, nothing holds its replies to a form, and it
tells no tokens, so that a turn counts a lower bound of its words.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from secrets import token_hex

import httpx
from a2a.client.card_resolver import A2ACardResolver
from a2a.client.client import Client, ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.client.errors import A2AClientError
from a2a.types.a2a_pb2 import CancelTaskRequest, GetTaskRequest, Message, Part, Role, SendMessageRequest
from a2a.utils.constants import PROTOCOL_VERSION_1_0, VERSION_HEADER
from a2a.utils.errors import A2AError
from a2a.utils.signing import SignatureVerificationError
from google.protobuf.json_format import ParseDict

from agentnet.contracts.base import shown
from agentnet.contracts.model_specs import A2ASpec, OpenAISpec
from agentnet.errors import BadResponse, ModelError, ModelUnavailable, RateLimited, SchemaUnsupported
from agentnet.models.a2a.cards import BINDINGS, usable, verifier
from agentnet.models.a2a.replies import Heard
from agentnet.models.a2a.transport import AgentTransport
from agentnet.models.addresses import OWNER, AddressPolicy, Resolver
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request
from agentnet.models.control_names import broken
from agentnet.models.openai.bounds import Bounds
from agentnet.models.openai.keys import hide_secrets, key_for
from agentnet.models.openai.transport import MOST_BYTES

CARD_BYTES = 256 * 1024
POLL_SECONDS = 0.5
CANCEL_SECONDS = 5.0
"""Seconds in which an agent may hear that its answer is no longer wanted."""


class A2AModel:
    """One outside agent. Its card is fetched and checked before the first turn; every failure is a `ModelError`."""

    capabilities = ModelCapabilities(context=None, schema=False, logprobs=False, counts=False)

    def __init__(self, spec: A2ASpec, *, policy: AddressPolicy = OWNER, resolver: Resolver | None = None) -> None:
        """Raises `ModelError` for an address or a key that may not be used."""
        self._spec = spec
        server = policy.check(spec.a2a)
        if server.has_user:
            raise ModelError(f"{server.host}: an agent's address has no user in it; name its key with api_key_env")
        self._server, self._where = server, f"{server.scheme}://{server.host}:{server.port}"
        self.name = f"a2a:{server.host}:{server.port}"
        as_server = OpenAISpec(model=self.name, base_url=spec.a2a, api_key_env=spec.api_key_env or "")
        hide_secrets(as_server, spec.a2a)
        key = key_for(as_server, server, policy) if spec.api_key_env else None
        headers = {"accept-encoding": "identity", VERSION_HEADER: PROTOCOL_VERSION_1_0}
        self._http = httpx.AsyncClient(
            transport=AgentTransport(server, policy, resolver),
            follow_redirects=False,
            headers=headers | ({"authorization": f"Bearer {key}"} if key else {}),
            timeout=spec.timeout,
        )
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._cancelling: set[asyncio.Task[None]] = set()

    async def generate(self, request: Request) -> Completion:
        if request.schema is not None or request.regex is not None or request.lark is not None:
            raise SchemaUnsupported(f"{self.name} is an outside agent: its replies cannot be held to a form")
        started = time.perf_counter()
        prompt = "\n\n".join(broken(message["content"]) for message in request.messages)
        bounds = Bounds(request.sampling.max_tokens, len(prompt), logprobs=False)
        deadline = self._spec.whole_turn
        try:
            async with asyncio.timeout(deadline):
                text = await self._answer(prompt, bounds)
        except TimeoutError as error:
            raise ModelUnavailable(
                f"{self._where}: no answer of the agent within {deadline:g} s; check it, or raise `deadline`"
            ) from error
        except ModelError as error:
            raise type(error)(f"{self._where}: {error}") from error
        except Exception as error:
            raise self._translated(error) from error
        kept = text.encode()[: bounds.text].decode(errors="ignore")
        usage = bounds.usage({}, kept, time.perf_counter() - started)
        return Completion(kept, "stop" if kept == text else "length", usage)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """Yield the reply at once: an agent's answer is there when its task has ended."""
        completion = await self.generate(request)
        yield Chunk(completion.text, completion)

    async def close(self) -> None:
        for task in self._cancelling:
            task.cancel()
        await asyncio.gather(*self._cancelling, return_exceptions=True)
        await self._http.aclose()

    async def _answer(self, prompt: str, bounds: Bounds) -> str:
        client, heard = await self._connected(), Heard()
        message = Message(message_id=token_hex(16), role=Role.ROLE_USER, parts=[Part(text=prompt)])
        if self._spec.metadata:
            ParseDict(self._spec.metadata, message.metadata)
        MOST_BYTES.set(bounds.body(streamed=True))
        settled = False
        try:
            async with aclosing(client.send_message(SendMessageRequest(message=message))) as responses:  # type: ignore[type-var]
                async for response in responses:
                    heard.add(response)
                    if not heard.goes_on:
                        break
            while heard.goes_on and heard.task is not None:
                await asyncio.sleep(POLL_SECONDS)
                heard.now(await client.get_task(GetTaskRequest(id=heard.task.id)))
            words = heard.words()
            settled = True
            return words
        finally:
            if heard.task is not None and not settled:
                self._cancel(client, heard.task.id)

    def _cancel(self, client: Client, task: str) -> None:
        """Tell the agent that its answer is no longer wanted, without waiting for it."""

        async def cancelled() -> None:
            with suppress(Exception):
                async with asyncio.timeout(CANCEL_SECONDS):
                    await client.cancel_task(CancelTaskRequest(id=task))

        work = asyncio.create_task(cancelled())
        self._cancelling.add(work)
        work.add_done_callback(self._cancelling.discard)

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None:
                MOST_BYTES.set(CARD_BYTES)
                resolver = A2ACardResolver(self._http, self._spec.a2a)
                verify = verifier(self._spec.key) if self._spec.key is not None else None
                card = usable(await resolver.get_agent_card(signature_verifier=verify), self._server, "its card")
                config = ClientConfig(
                    httpx_client=self._http,
                    supported_protocol_bindings=list(BINDINGS),
                    accepted_output_modes=["text/plain"],
                )
                self._client = ClientFactory(config).create(card)
            return self._client

    def _translated(self, error: Exception) -> ModelError:
        said = shown(f"{error or type(error).__name__}", 300)
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ModelError):
                return type(cause)(f"{self._where}: {cause}")
            if isinstance(cause, httpx.HTTPStatusError):
                return self._refused(cause.response.status_code, said)
            if isinstance(cause, httpx.TransportError):
                return ModelUnavailable(f"{self._where}: the agent cannot be reached: {said}")
            cause = cause.__cause__
        if isinstance(error, SignatureVerificationError):
            return ModelError(f"{self._where}: the key in `key` did not sign its card: {said}")
        if isinstance(error, A2AError) and not isinstance(error, A2AClientError):
            return ModelError(f"{self._where}: the agent refuses: {said}")
        return BadResponse(f"{self._where}: what it sent is not A2A: {type(error).__name__}: {said}")

    def _refused(self, status: int, said: str) -> ModelError:
        if status in (401, 403):
            return ModelError(f"{self._where}: the agent wants another key ({status}): name it with api_key_env")
        if status == 429:
            return RateLimited(f"{self._where}: the agent has too much to do: {said}")
        kind = ModelUnavailable if status >= 500 else BadResponse
        return kind(f"{self._where}: {said}")
