"""Clients of a gateway under load: most ask and read, some vanish, some send rubbish, and all of them come back.

Every request has an idempotency key. A client whose server dies sends the same request again, with the same key, until
it has the reply: the reply that it gets then has to be that of the run that it started.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from agentnet.models.openai.transport import http

PROTOCOLS = ("best", "vote", "verification")
PATIENCE = 120.0
"""Seconds that a client waits for a reply."""
RUBBISH: tuple[tuple[str, str, dict[str, str], bytes], ...] = (
    ("POST", "/v1/chat/completions", {"content-type": "application/json"}, b"{"),
    ("POST", "/v1/chat/completions", {"content-type": "application/json"}, b'{"model": "best", "messages": 1}'),
    ("POST", "/v1/chat/completions", {"content-type": "text/plain"}, b"hello"),
    ("POST", "/v1/chat/completions", {"content-type": "application/json"}, b'{"a":' * 5000),
    ("POST", "/api/runs", {"content-type": "application/json"}, b'{"question": "\\ud800"}'),
    ("POST", "/api/runs", {"content-type": "application/json"}, b'{"question": "x", "protocol": "/etc/passwd"}'),
    ("POST", "/mcp", {"content-type": "application/json"}, b"[]"),
    ("POST", "/a2a", {"content-type": "application/json"}, b'{"jsonrpc": "2.0", "method": "x", "id": 1}'),
    ("GET", "/api/runs/../../etc/passwd", {}, b""),
    ("DELETE", "/v1/models", {}, b""),
    ("POST", "/hub/v1/register", {"content-type": "application/json"}, b"{}"),
    ("POST", "/api/runs", {"content-type": "application/json"}, b"0" * (2 * 2**20)),
)
"""Requests that nobody should send: method, path, headers, body."""


@dataclass
class Seen:
    """What the clients saw."""

    answers: dict[str, str | None] = field(default_factory=dict)
    """Run → the answer that its client read to the end."""
    vanished: set[str] = field(default_factory=set)
    """Runs whose clients went away."""
    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    """Connections that broke, and requests that could not be sent."""
    wrong: list[str] = field(default_factory=list)


class Client:
    """One client, which asks one question after the other until `over` is set."""

    def __init__(self, url: str, number: int, seen: Seen, over: asyncio.Event, *, pause: float) -> None:
        self._url, self._seen, self._over, self._pause = url, seen, over, pause
        self._draw = random.Random(number)
        limits = http.Limits(max_connections=4, max_keepalive_connections=1)
        self._http = http.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits)

    async def work(self, *, vanish: float, rubbish: float) -> None:
        """Ask until it is over; `vanish` and `rubbish` are shares of the requests."""
        async with self._http:
            while not self._over.is_set():
                drawn = self._draw.random()
                if drawn < vanish:
                    await self._vanish()
                elif drawn < vanish + rubbish:
                    await self._rubbish()
                else:
                    await self._draw.choice((self._whole, self._stream, self._detached))()
                await asyncio.sleep(self._draw.expovariate(1 / self._pause) if self._pause else 0)

    def _question(self) -> tuple[str, str]:
        question = f"What is {self._draw.randint(10, 99)} + {self._draw.randint(10, 99)}?"
        return question, self._draw.choice(PROTOCOLS)

    def _chat(self, **fields: Any) -> dict[str, Any]:
        question, protocol = self._question()
        return {"model": protocol, "messages": [{"role": "user", "content": question}], "seed": 0, **fields}

    async def _whole(self) -> None:
        self._seen.requests["whole"] += 1

        async def read(response: http.Response) -> None:
            data = json.loads(await response.aread())
            self._read(data["agentnet"]["run"], data["choices"][0]["message"]["content"], data["agentnet"])

        await self._until_read("POST", "/v1/chat/completions", self._chat(), read)

    async def _stream(self) -> None:
        self._seen.requests["stream"] += 1

        async def read(response: http.Response) -> None:
            said, about = "", None
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    data = json.loads(line[6:])
                    if "error" in data:
                        raise http.ReadError(data["error"]["message"])
                    about = data.get("agentnet", about)
                    for choice in data["choices"]:
                        said += choice["delta"].get("content") or ""
                elif line == "data: [DONE]" and about is not None:
                    self._read(about["run"], said, about)
                    return
            raise http.ReadError("the stream ended early")

        await self._until_read("POST", "/v1/chat/completions", self._chat(stream=True), read)

    async def _detached(self) -> None:
        question, protocol = self._question()
        self._seen.requests["detached"] += 1
        started: list[str] = []

        async def read(response: http.Response) -> None:
            started.append(json.loads(await response.aread())["id"])

        await self._until_read("POST", "/api/runs", {"question": question, "protocol": protocol}, read)
        for run in started:
            await self._follow(run)

    async def _follow(self, run: str) -> None:
        """Follow a run to its end, coming back with the last id whenever the connection breaks."""
        said: list[int] = []

        async def read(response: http.Response) -> None:
            name = ""
            async for line in response.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    said.append(int(value))
                elif field == "data" and name == "run-ended":
                    data = json.loads(value)
                    if data["status"] == "interrupted":
                        raise http.ReadError("a server that starts again resumes it")
                    if said != list(range(len(said))):
                        self._seen.wrong.append(f"run {run}: the messages came as {said}")
                    self._read(run, data["answer"], data)
                    return
            raise http.ReadError("the events ended early")

        def last() -> dict[str, str]:
            return {"last-event-id": str(said[-1])} if said else {}

        await self._until_read("GET", f"/api/runs/{run}/events", None, read, headers=last)

    async def _vanish(self) -> None:
        """Ask, and go away in the middle of the reply."""
        self._seen.requests["vanished"] += 1
        body = self._chat(stream=True, model="vote")
        try:
            async with asyncio.timeout(self._draw.uniform(0.01, 0.5)):
                async with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
                    run = response.headers.get("x-agentnet-run")
                    if run is not None:
                        self._seen.vanished.add(run)
                    async for _ in response.aiter_raw():
                        """Nothing that is read is used."""
        except (TimeoutError, http.HTTPError):
            """It is gone."""

    async def _rubbish(self) -> None:
        self._seen.requests["rubbish"] += 1
        method, path, headers, body = self._draw.choice(RUBBISH)
        try:
            response = await self._http.request(method, path, headers=headers, content=body)
        except http.HTTPError:
            self._seen.broken += 1
            return
        self._seen.statuses[response.status_code] += 1
        if response.status_code >= 500 and response.status_code != 503:
            self._seen.wrong.append(f"{method} {path} → {response.status_code} {response.text[:200]}")

    async def _until_read(
        self,
        method: str,
        path: str,
        body: Any,
        read: Callable[[http.Response], Awaitable[None]],
        *,
        headers: Callable[[], dict[str, str]] | None = None,
    ) -> None:
        """Send one request, with one key, until its response was read to the end, or the server refused it."""
        key = secrets.token_hex(12)
        while True:
            again = 1.0
            try:
                sent = {"idempotency-key": key} if headers is None else headers()
                async with self._http.stream(method, path, json=body, headers=sent) as response:
                    self._seen.statuses[response.status_code] += 1
                    if response.status_code < 400:
                        await read(response)
                        return
                    if response.status_code not in (429, 503):
                        text = (await response.aread()).decode(errors="replace")[:300]
                        self._seen.wrong.append(f"{method} {path} → {response.status_code} {text}")
                        return
                    again = float(response.headers.get("retry-after", again))
            except http.HTTPError:
                self._seen.broken += 1
            await asyncio.sleep(again * self._draw.uniform(0.5, 1.5))

    def _read(self, run: str, said: str | None, about: Any) -> None:
        """Note a reply that was read to its end."""
        if run in self._seen.answers:
            self._seen.wrong.append(f"run {run} was answered twice")
        self._seen.answers[run] = said if about["status"] == "done" else None
