"""Traces of a gateway for OpenTelemetry, with the semantic conventions for generative AI.

A run is an ``invoke_workflow`` span, or ``invoke_agent`` for a member alone; each turn of a member is a ``chat`` span
in it, and each call of a tool an ``execute_tool`` span. They belong to the trace that the request named
(``traceparent``). What people and members say is told only if `CONTENT` says so. Needs the extra ``telemetry``.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.collab.bus import Listener
from agentnet.contracts.bodies import Error, Task, ToolCall
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, TurnStarted
from agentnet.contracts.serving import Served
from agentnet.contracts.usage import Usage
from agentnet.errors import BadInput
from agentnet.serving.monitoring.metrics import METHODS
from agentnet.serving.names import protocol_name

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables that switch tracing on: where the collector is."""
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The variable that lets questions and replies into traces, if it is ``true``."""
INSTALL = "pip install 'agentnet-ai[telemetry]'"


def is_wanted() -> bool:
    """Return whether the environment names a collector."""
    return any(os.environ.get(name) for name in ENDPOINTS)


class Tracing:
    """Traces the runs and requests of one gateway. `exporter` is where spans go; default: the collector's."""

    def __init__(self, network: str, exporter: SpanExporter | None = None, *, content: bool | None = None) -> None:
        """Raises `BadInput` where OpenTelemetry is not installed."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise BadInput(f"tracing needs {error.name}, which is not installed: {INSTALL}") from error
        self.network = network
        self._content = os.environ.get(CONTENT, "").lower() == "true" if content is None else content
        resource = Resource.create(
            {"service.name": os.environ.get("OTEL_SERVICE_NAME", "agentnet"), "service.version": version("agentnet-ai")}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self.tracer = self._provider.get_tracer("agentnet")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Tracing]:
        """Export spans while the context lasts; what is left is sent at its end."""
        try:
            yield self
        finally:
            await asyncio.to_thread(self._provider.shutdown)

    def watching(self, run: str, served: Served) -> Listener:
        """Return a listener to one run's events, whose spans belong to the current one."""
        from opentelemetry.context import get_current

        return _RunSpans(self, run, served, get_current()).heard

    def text(self, text: str, role: str) -> str | None:
        """Return words as messages of the conventions; None where words are not told."""
        if not self._content:
            return None
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)

    def requests(self, app: ASGIApp) -> ASGIApp:
        """Return an application around another, each of whose requests is a span in its caller's trace."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, Status, StatusCode

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            parent = extract(dict(HTTPConnection(scope).headers))
            method = scope["method"] if scope["method"] in METHODS else "_OTHER"
            attributes = {"http.request.method": method, "url.path": scope["path"][:200]}
            with self.tracer.start_as_current_span(
                method, parent, kind=SpanKind.SERVER, attributes=attributes, record_exception=False
            ) as span:

                async def noted(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        span.set_attribute("http.response.status_code", message["status"])
                        if message["status"] >= 500:
                            span.set_status(Status(StatusCode.ERROR))
                    await send(message)

                await app(scope, receive, noted)

        return traced


class _RunSpans:
    """The spans of one run."""

    def __init__(self, tracing: Tracing, run: str, served: Served, parent: Context) -> None:
        self._tracing, self._served, self._parent = tracing, served, parent
        self._run: Span | None = None
        self._within: Context = parent
        self._turns: dict[str, Span] = {}
        self._id = run

    def heard(self, event: Event) -> None:
        """Begin and end spans."""
        match event:
            case RunStarted():
                self._begin(event)
            case TurnStarted():
                attributes = {"gen_ai.operation.name": "chat", "gen_ai.agent.name": event.agent}
                attributes |= {"gen_ai.request.model": event.agent, "agentnet.role": event.role}
                self._turns[event.message] = self._span(f"chat {event.agent}", attributes)
            case MessageSaid():
                self._said(event)
            case RunEnded():
                self._end(event)

    def _begin(self, event: RunStarted) -> None:
        from opentelemetry.trace import set_span_in_context

        alone = event.protocol in map(protocol_name, event.members)
        operation = "invoke_agent" if alone else "invoke_workflow"
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.agent.name" if alone else "gen_ai.workflow.name": event.protocol,
            "agentnet.run": self._id,
            "agentnet.network": self._tracing.network,
            "agentnet.surface": self._served.surface,
        }
        self._run = self._span(f"{operation} {event.protocol}", attributes)
        self._within = set_span_in_context(self._run, self._parent)

    def _said(self, event: MessageSaid) -> None:
        message, body = event.message, event.message.body
        if isinstance(body, ToolCall):
            if not message.usage.calls:  # it was made in the run that this one was forked from
                return
            tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": body.tool}
            _ended(self._span(f"execute_tool {body.tool}", tool), body.error and "tool")
            return
        if isinstance(body, Task) and self._run is not None:
            self._tell(self._run, "gen_ai.input.messages", body.text, "user")
        span = self._turns.pop(message.id, None)
        if span is None:
            return
        _use(span, message.usage)
        if message.finish is not None:
            span.set_attribute("gen_ai.response.finish_reasons", [message.finish])
        self._tell(span, "gen_ai.output.messages", body.model_dump_json(), "assistant")
        _ended(span, body.code if isinstance(body, Error) else "")

    def _end(self, event: RunEnded) -> None:
        for span in self._turns.values():
            _ended(span, event.status)
        if self._run is None:
            return
        _use(self._run, event.usage)
        self._run.set_attribute("agentnet.status", event.status)
        if event.answer is not None:
            self._tell(self._run, "gen_ai.output.messages", event.answer, "assistant")
        _ended(self._run, "" if event.status == "done" else event.status)

    def _span(self, name: str, attributes: dict[str, Any]) -> Span:
        from opentelemetry.trace import SpanKind

        given = {"gen_ai.provider.name": "agentnet", "gen_ai.conversation.id": self._id, **attributes}
        return self._tracing.tracer.start_span(name, self._within, SpanKind.INTERNAL, given)

    def _tell(self, span: Span, attribute: str, words: str, role: str) -> None:
        text = self._tracing.text(words, role)
        if text is not None:
            span.set_attribute(attribute, text)


def _use(span: Span, usage: Usage) -> None:
    span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
    span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
    span.set_attribute("gen_ai.usage.cache_read.input_tokens", usage.reused_tokens)


def _ended(span: Span, failure: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    if failure:
        span.set_attribute("error.type", failure[:200])
        span.set_status(Status(StatusCode.ERROR))
    span.end()
