"""A node's side of its talk with the hub: signed requests, each with a nonce of the hub's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from agentnet.contracts.base import WireModel, first_problem, shown
from agentnet.contracts.joining import (
    BAD_NONCE,
    HUB_PATH,
    NONCE_HEADER,
    PROOF_SECONDS,
    Heard,
    Heartbeat,
    Leave,
    Register,
    Registered,
)
from agentnet.contracts.nodes import Load, NodeCard
from agentnet.errors import (
    AgentNetError,
    BadInput,
    HubUnavailable,
    LeaseOver,
    ModelError,
    ModelUnavailable,
    NodeRefused,
    NodeReplaced,
)
from agentnet.models.addresses import OWNER
from agentnet.models.openai.transport import MOST_BYTES, connect
from agentnet.serving.keys import NodeKey

TOKEN = "AGENTNET_TOKEN"
"""The variable of the environment that holds the secret of a network: who has it may join."""
SECONDS = 4.0
"""Seconds in which the hub must answer; to a registration longer, since it asks the node itself meanwhile."""
MOST_ANSWER = 16 * 2**20
_ERRORS: dict[str, type[AgentNetError]] = {kind.code: kind for kind in (NodeRefused, NodeReplaced, LeaseOver)}
M = TypeVar("M", bound=WireModel)


class HubClient:
    """Speaks to one hub with one key. Raises `NodeError` for what it refuses, `HubUnavailable` where it is away."""

    def __init__(self, url: str, key: NodeKey, *, token: str = "") -> None:
        """`token` is sent as Bearer token, if the hub wants one. Raises `BadInput` for what is no address."""
        self.url, self._key = url.rstrip("/"), key
        try:
            self._client = connect(OWNER.check(self.url), OWNER, timeout=SECONDS)
        except ModelError as error:
            raise BadInput(str(error).replace("/v1", "")) from None
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._next: str | None = None
        """The nonce of the hub's last answer."""

    async def register(self, card: NodeCard) -> Registered:
        """Register, and return the new lease."""
        answer = await self._ask(lambda nonce: Register(nonce=nonce, card=card), SECONDS + 2 * PROOF_SECONDS)
        return _read(Registered, answer, self.url)

    async def heartbeat(self, lease: str, load: Load) -> Heard:
        """Say that the node lives, and return what the hub makes of it."""
        answer = await self._ask(lambda nonce: Heartbeat(nonce=nonce, key=self._key.public, lease=lease, load=load))
        return _read(Heard, answer, self.url)

    async def leave(self, lease: str | None = None, *, drain: bool = False) -> Heard:
        """Leave, or say that the node takes nothing new. Without a lease, whichever process has the key is meant."""
        answer = await self._ask(lambda nonce: Leave(nonce=nonce, key=self._key.public, lease=lease, drain=drain))
        return _read(Heard, answer, self.url)

    async def __aenter__(self) -> HubClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def _ask(self, make: Callable[[str], WireModel], seconds: float = SECONDS) -> dict[str, Any]:
        """Send a request that is made of the next nonce; once more if that was used up."""
        for attempt in (1, 2):
            nonce, self._next = self._next, None
            if nonce is None:
                status, answer, _ = await self._send("GET", f"{HUB_PATH}/nonce", None, seconds)
                if status != 200:
                    raise self._refused(status, answer)
                nonce = str(answer.get("nonce"))
            try:
                signed = self._key.sign(make(nonce).model_dump(mode="json"))
            except ValidationError:
                raise BadInput(f"{self.url} sent no nonce: it is not the hub of a network") from None
            status, answer, self._next = await self._send("POST", f"{HUB_PATH}/nodes", signed.model_dump(), seconds)
            if status == 409 and _code(answer) == BAD_NONCE and attempt == 1:
                continue
            if status != 200:
                raise self._refused(status, answer)
            return answer
        raise AssertionError("the second attempt returns or raises")

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None, seconds: float
    ) -> tuple[int, dict[str, Any], str | None]:
        """Return the status, the JSON object and the next nonce of an answer. Raises `HubUnavailable`, `BadInput`."""
        MOST_BYTES.set(MOST_ANSWER)
        try:
            response = await self._client.request(
                method, self.url + path, json=body, headers=self._headers, timeout=seconds
            )
        except ModelUnavailable as error:
            raise HubUnavailable(str(error).replace("base_url", "the address")) from None
        except ModelError as error:
            raise HubUnavailable(f"{self.url}: {error}") from None
        except Exception as error:  # the HTTP library's own
            why = f"no answer within {seconds:g} s" if "Timeout" in type(error).__name__ else str(error) or "broken off"
            raise HubUnavailable(
                f"the hub at {self.url} cannot be reached ({shown(why, 200)}): does `agentnet serve` run there?"
            ) from None
        status, data = response.status_code, _object(response.content)
        if data is None and (
            status == 429 or status >= 500
        ):  # a proxy before the hub, or a server with too many connections
            raise HubUnavailable(f"the hub at {self.url} cannot answer now (status {status})")
        if data is None or status in (404, 405):
            raise BadInput(f"{self.url} is not the hub of a network: it answers something else")
        if status in (401, 403) and _code(data) != NodeRefused.code:
            raise BadInput(f"the hub at {self.url} does not let this node in: {_message(data)} (set {TOKEN})")
        return status, data, response.headers.get(NONCE_HEADER)

    def _refused(self, status: int, answer: dict[str, Any]) -> AgentNetError:
        message = _message(answer)
        if (kind := _ERRORS.get(str(_code(answer)))) is not None:
            return kind(message)
        if status >= 500 or status == 429:
            return HubUnavailable(f"the hub at {self.url} cannot answer now: {message}")
        return BadInput(f"the hub at {self.url} refuses the request ({status}): {message}")


def _read(kind: type[M], answer: dict[str, Any], url: str) -> M:
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        raise BadInput(f"{url} is not the hub of a network: {first_problem(error)}") from None


def _object(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object of an answer; None where it is something else."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _code(answer: dict[str, Any]) -> object:
    error = answer.get("error")
    return error.get("code") if isinstance(error, dict) else None


def _message(answer: dict[str, Any]) -> str:
    error = answer.get("error")
    return shown(str(error.get("message") if isinstance(error, dict) else answer), 500)
