"""Health, measurements and traces of a gateway that answers questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client.parser import text_string_to_metric_families

from agentnet.errors import StoreError
from agentnet.models.openai.transport import http
from agentnet.serving.monitoring.tracing import Tracing, is_wanted
from tests.serving.access.gateways import running

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
QUESTION = "What is 1 + 1?"


class Kept(SpanExporter):
    """Keeps the spans that are exported."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


async def ask(client: http.AsyncClient, model: str, **headers: str) -> http.Response:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    answer = await client.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """The measurements: name and values of labels → value."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_what_a_gateway_did_can_be_measured(tmp_path: Path) -> None:
    async with running(tmp_path) as found, http.AsyncClient(base_url=found.url, timeout=30) as client:
        answer = (await ask(client, "scripted/one")).json()
        await client.get("/v1/models", headers={"origin": "http://evil.example"})
        await client.get("/some/../thing?secret=1")
        key, _ = await found.session.keys.create("prometheus", ("metrics",))
        assert (await client.get("/metrics")).status_code == 401
        shown = await client.get("/metrics", headers={"authorization": f"Bearer {key}"})
    assert shown.headers["content-type"].startswith("text/plain")
    measured = samples(shown.text)
    assert measured["agentnet_members", ()] == 2
    assert measured["agentnet_runs_total", ("one", "done", "openai")] == 1
    assert measured["agentnet_tokens_total", ("completion", "one")] == answer["usage"]["completion_tokens"]
    assert measured["agentnet_turns_total", ("one", "replied")] == 1
    assert measured["agentnet_requests_total", ("POST", "200", "openai")] == 1
    assert measured["agentnet_requests_total", ("GET", "403", "openai")] == 1
    assert measured["agentnet_runs_active", ()] == measured["agentnet_runs_waiting", ()] == 0
    assert "secret" not in shown.text


async def test_the_names_that_callers_give_are_no_labels(tmp_path: Path) -> None:
    async with running(tmp_path) as found, http.AsyncClient(base_url=found.url, timeout=30) as client:
        for number in range(3):
            own = {"name": f"own-{number}", "summary": "mine", "protocol": {"ask": {"agent": "one"}}}
            run = (await client.post("/api/runs", json={"question": QUESTION, "protocol": own})).json()["id"]
            await client.get(f"/api/runs/{run}/events")
        measured = samples((await client.get("/metrics")).text)
    assert measured["agentnet_runs_total", ("inline", "done", "api")] == 3
    assert not any(value.startswith("own") for _, values in measured for value in values)


async def test_a_gateway_is_ready_while_its_store_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as found, http.AsyncClient(base_url=found.url) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json() == {"status": "ready", "missing": []}

        async def away() -> bool:
            raise StoreError("store is locked")

        with monkeypatch.context() as broken:
            broken.setattr(found.session.keys, "any", away)
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()["missing"]) == (503, ["the store"])
        await found.made.runs.drain(0)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["missing"]) == (503, ["the server is ending"])
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("content", [False, True])
async def test_a_run_is_a_trace_that_belongs_to_its_request(tmp_path: Path, content: bool) -> None:
    kept = Kept()
    tracing = Tracing("test", kept, content=content)
    async with (
        tracing.running(),
        running(tmp_path, tracing=tracing) as found,
        http.AsyncClient(base_url=found.url, timeout=30) as client,
    ):
        answer = await ask(client, "vote", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
        run = answer.headers["x-agentnet-run"]
    spans = {span.name: span for span in kept.spans}
    turns = [span for span in kept.spans if span.name.startswith("chat ")]
    assert {f"{span.get_span_context().trace_id:032x}" for span in kept.spans} == {TRACE}
    request, workflow = spans["POST"], spans["invoke_workflow vote"]
    assert {span.parent.span_id for span in turns if span.parent} == {workflow.get_span_context().span_id}
    assert workflow.parent is not None
    assert workflow.parent.span_id == request.get_span_context().span_id
    assert told(request)["http.response.status_code"] == 200
    assert (told(workflow)["gen_ai.conversation.id"], told(workflow)["agentnet.status"]) == (run, "done")
    assert told(workflow)["gen_ai.operation.name"] == "invoke_workflow"
    assert {span.name for span in turns} == {f"chat {told(span)['gen_ai.agent.name']}" for span in turns}
    written = sum(told(span)["gen_ai.usage.output_tokens"] for span in turns)
    assert written == told(workflow)["gen_ai.usage.output_tokens"] == answer.json()["usage"]["completion_tokens"] > 0
    everything = json.dumps([told(span) for span in kept.spans])
    assert (QUESTION in everything, "it is" in everything) == (content, content)


def test_tracing_is_off_unless_a_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert not is_wanted()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert is_wanted()
