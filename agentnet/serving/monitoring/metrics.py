"""Measurements of a gateway: requests, runs, turns of members, tokens and cost, in a registry of its own.

Labels have few values each, whatever callers send: surfaces, statuses, names of shipped protocols and of members.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.collab.bus import Listener
from agentnet.collab.inline import INLINE
from agentnet.contracts.bodies import Error
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, TurnStarted
from agentnet.contracts.serving import Served
from agentnet.files.shipped import shipped_files
from agentnet.serving.access.places import Places
from agentnet.serving.names import protocol_name

SURFACES = {
    "v1": "openai",
    "a2a": "a2a",
    ".well-known": "a2a",
    "mcp": "mcp",
    "api": "api",
    "openapi.json": "api",
    "hub": "hub",
    "": "page",
    "page": "page",
    "healthz": "monitoring",
    "readyz": "monitoring",
    "metrics": "monitoring",
}
"""First part of a path → surface; any other is ``other``."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Upper bounds of the buckets of durations."""


class Metrics:
    """The measurements of one gateway. `watching` listens to runs, and `requests` is around the application."""

    def __init__(self, places: Places) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._protocols = frozenset(shipped_files("protocols"))
        self.members = Gauge("agentnet_members", "Members of the network", registry=registry)
        self._requests = Counter(
            "agentnet_requests", "Requests that were answered", ["surface", "method", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "agentnet_request_seconds", "Until a response ended", ["surface"], buckets=SECONDS, registry=registry
        )
        self._first_seconds = Histogram(
            "agentnet_response_start_seconds",
            "Until a response began",
            ["surface"],
            buckets=SECONDS,
            registry=registry,
        )
        self._open = Gauge("agentnet_requests_open", "Requests that are being answered", registry=registry)
        self._runs = Counter(
            "agentnet_runs", "Runs that ended here", ["surface", "protocol", "status"], registry=registry
        )
        self._run_seconds = Histogram(
            "agentnet_run_seconds",
            "Of a run, with waits for people",
            ["protocol"],
            buckets=SECONDS,
            registry=registry,
        )
        self._turns = Counter("agentnet_turns", "Turns of members", ["member", "outcome"], registry=registry)
        self._turn_seconds = Histogram(
            "agentnet_turn_seconds", "Of a member's turn", ["member"], buckets=SECONDS, registry=registry
        )
        self._tokens = Counter("agentnet_tokens", "Tokens of members", ["member", "kind"], registry=registry)
        self._cost = Counter("agentnet_cost", "Cost of members, at their prices", ["member"], registry=registry)
        for name, text, value in (
            ("agentnet_runs_active", "Runs that have a place", lambda: places.taken),
            ("agentnet_runs_waiting", "Runs that wait for a place", lambda: places.waiting),
        ):
            Gauge(name, text, registry=registry).set_function(value)

    def watching(self, run: str, served: Served) -> Listener:
        """Return a listener to one run's events."""
        began, protocol, turns = time.monotonic(), "", dict[str, float]()

        def heard(event: Event) -> None:
            nonlocal protocol
            match event:
                case RunStarted():
                    protocol = self._named(event)
                case TurnStarted():
                    turns[event.message] = time.monotonic()
                case MessageSaid():
                    self._said(event, turns.pop(event.message.id, None))
                case RunEnded():
                    self._runs.labels(served.surface, protocol, event.status).inc()
                    self._run_seconds.labels(protocol).observe(time.monotonic() - began)

        return heard

    def _named(self, event: RunStarted) -> str:
        """Return the label of a run's protocol. A caller who writes a protocol gives it any name."""
        known = event.protocol in self._protocols or event.protocol in map(protocol_name, event.members)
        return event.protocol if known else INLINE

    def _said(self, event: MessageSaid, began: float | None) -> None:
        message = event.message
        if began is not None:
            outcome = message.body.code if isinstance(message.body, Error) else "replied"
            self._turns.labels(message.sender, outcome).inc()
            self._turn_seconds.labels(message.sender).observe(time.monotonic() - began)
        usage = message.usage
        for kind, count in (
            ("prompt", usage.prompt_tokens),
            ("completion", usage.completion_tokens),
            ("reused", usage.reused_tokens),
        ):
            if count:
                self._tokens.labels(message.sender, kind).inc(count)
        if usage.cost:
            self._cost.labels(message.sender).inc(usage.cost)

    def requests(self, app: ASGIApp) -> ASGIApp:
        """Return an application around another that measures its requests."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, status = time.monotonic(), 499
            surface = SURFACES.get(scope["path"].split("/")[1] if "/" in scope["path"] else "", "other")

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    self._first_seconds.labels(surface).observe(time.monotonic() - began)
                await send(message)

            method = scope["method"] if scope["method"] in METHODS else "other"
            with self._open.track_inprogress():
                try:
                    await app(scope, receive, noted)
                finally:
                    self._requests.labels(surface, method, status).inc()
                    self._request_seconds.labels(surface).observe(time.monotonic() - began)

        return measured
