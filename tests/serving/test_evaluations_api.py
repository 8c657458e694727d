"""Evaluations over the API: they are started, followed, cancelled and resumed, and read; by the owner alone."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agentnet.errors import BadInput
from agentnet.evals.report.charts import charts_of
from agentnet.evals.report.colours import standalone
from agentnet.evals.results import Summary
from agentnet.evals.session import summary
from agentnet.serving import api
from agentnet.serving.app import application
from agentnet.serving.evaluating import EvaluationService, Phase, Work
from agentnet.serving.gateway import Gateway
from agentnet.serving.process import listen, serving, url_of
from agentnet.serving.running import RunService
from agentnet.session import open_session
from agentnet.store import Evaluations
from tests.serving.suites import small_suites
from tests.serving.test_api import Client, Names, caller

pytestmark = pytest.mark.asyncio(loop_scope="module")

SVG = "{http://www.w3.org/2000/svg}"


@asynccontextmanager
async def gateway(store: Path) -> AsyncIterator[tuple[str, EvaluationService]]:
    """A gateway of the API alone, with small suites."""
    with small_suites(store.parent):
        async with open_session(store.parent / "pair-network.yaml", store=store) as session:
            listening = listen("127.0.0.1", 0)
            runs = RunService(session)
            made = Gateway(session, runs, url_of(listening))
            mounted = api.surface(made)
            app = application(mounted.routes, door=Names())
            async with serving(app, listening), made.evaluations.running(), runs.running(drain=0):
                yield url_of(listening), made.evaluations


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluations") / "store.db"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(store: Path) -> AsyncIterator[tuple[str, EvaluationService]]:
    async with gateway(store) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def owner(served: tuple[str, EvaluationService]) -> AsyncIterator[Client]:
    async with caller(served[0], "owner") as client:
        yield client


async def ended(owner: Client, id: str) -> Any:
    """Wait until an evaluation is no longer made, and return how it is."""
    while (state := await owner.get(f"/evaluations/{id}/progress"))["status"] == "active":
        await asyncio.sleep(0.1)
    return state


async def started(owner: Client, limit: int = 1, **more: Any) -> str:
    return str((await owner.post("/evaluations", {"suite": "pair", "limit": limit} | more, 201))["id"])


async def test_only_the_owner_starts_and_reads_evaluations(served: tuple[str, EvaluationService]) -> None:
    async with caller(served[0], "ann") as ann:
        assert (await ann.get("/evaluations", 403))["error"]["code"] == "wrong-scope"
        for path in ("", "/x/cancel", "/x/resume"):
            await ann.post(f"/evaluations{path}", {"suite": "pair"}, 403)
        for path in ("", "/progress", "/summary", "/report", "/charts/costs.svg"):
            await ann.get(f"/evaluations/x{path}", 403)
        assert "zoo" in {report["name"] for report in await ann.get("/reports")}


async def test_suites_say_what_they_ask(owner: Client) -> None:
    suites = {suite["name"]: suite for suite in await owner.get("/suites")}
    assert [name for name, suite in suites.items() if suite["lives"]] == ["pair-living"]
    assert suites["pair"]["datasets"] == [{"name": "math", "items": 60}, {"name": "symbols", "items": 60}]
    assert suites["pair"]["selection"] == 60


async def test_an_evaluation_is_started_followed_and_read(owner: Client, served: tuple[str, EvaluationService]) -> None:
    id = await started(owner)
    state = await ended(owner, id)
    assert (state["status"], state["detail"], state["progress"]) == ("done", "", None)
    found = await owner.get(f"/evaluations/{id}/summary")
    assert found["evaluation"]["trials"] == state["trials"] > 0
    assert {results["name"] for results in found["datasets"]} == {"all", "math", "symbols"}
    stored = await summary(id, served[1].store)
    for results in found["datasets"]:
        for row in results["rows"]:
            same = stored.row(results["name"], row["system"])
            assert same is not None
            assert row["accuracy"]["low"] == same.accuracy.low
            assert row["tokens"] == same.tokens
        assert [chart["name"] for chart in results["charts"]] == list(charts_of(stored, results["name"]))
    assert (await owner.get(f"/evaluations/{id}"))["evaluation"]["id"] == id


async def test_charts_are_pictures_that_stand_alone(owner: Client) -> None:
    id = next(one["id"] for one in await owner.get("/evaluations") if one["status"] == "done")
    for theme in ("light", "dark"):
        response = await owner.http.get(
            f"/evaluations/{id}/charts/costs.svg", params={"dataset": "math", "theme": theme}
        )
        assert response.headers["content-type"].startswith("image/svg+xml")
        assert "default-src 'none'" in response.headers["content-security-policy"]
        drawing = xml.etree.ElementTree.fromstring(response.text)
        assert (drawing.tag, drawing.get("data-theme")) == (f"{SVG}svg", theme)
        assert [part.tag for part in drawing.iter() if part.tag in (f"{SVG}script", f"{SVG}image", f"{SVG}a")] == []
    await owner.get(f"/evaluations/{id}/charts/costs.svg", 404, dataset="nothing")
    await owner.get(f"/evaluations/{id}/charts/nothing.svg", 404, dataset="math")
    await owner.get(f"/evaluations/{id}/charts/costs.svg", 400, dataset="math", theme="pink")


async def test_reports_can_do_nothing_but_show_themselves(owner: Client) -> None:
    id = next(one["id"] for one in await owner.get("/evaluations") if one["status"] == "done")
    for path in (f"/evaluations/{id}/report", "/reports/zoo"):
        response = await owner.http.get(path, params={"theme": "dark"})
        assert response.status_code == 200
        policy = response.headers["content-security-policy"]
        assert {"default-src 'none'", "sandbox allow-scripts", "frame-ancestors 'self'"} <= set(policy.split("; "))
        assert 'data-theme="dark"' in response.text
    for name in ("../zoo", "..%2Fzoo", "nothing", "attack%2Freport.html"):
        assert (await owner.http.get(f"/reports/{name}")).status_code == 404


async def test_a_cancelled_evaluation_is_resumed_where_it_was(
    owner: Client, served: tuple[str, EvaluationService], monkeypatch: pytest.MonkeyPatch
) -> None:
    summarised = []

    async def counted(evaluation: str, store: Evaluations) -> Summary:
        summarised.append(evaluation)
        return await summary(evaluation, store)

    monkeypatch.setattr("agentnet.evals.session.summary", counted)
    monkeypatch.setattr("agentnet.serving.evaluating.SUMMARY_SECONDS", 600)
    id = await started(owner, limit=60)
    busy = await owner.post("/evaluations", {"suite": "pair", "limit": 1}, 409)
    assert busy["error"]["code"] == "evaluation-active"
    assert id in busy["error"]["message"]
    (listed,) = [one for one in await owner.get("/evaluations") if one["id"] == id]
    assert listed["status"] == "active"
    assert {"selection", "systems"} <= {phase["name"] for phase in listed["progress"]["phases"]}
    for trials in (1, 3):
        while (await owner.get(f"/evaluations/{id}/progress"))["trials"] < trials:
            await asyncio.sleep(0.1)
        assert (await owner.get(f"/evaluations/{id}/summary"))["evaluation"]["status"] == "active"
    assert summarised == [id]  # its table and its charts are of one summary
    assert (await owner.post(f"/evaluations/{id}/cancel", {}))["cancelled"] is True
    state = await owner.get(f"/evaluations/{id}/progress")
    assert state["status"] == "unfinished"
    assert (await owner.post(f"/evaluations/{id}/cancel", {}))["cancelled"] is False
    assert (await owner.get(f"/evaluations/{id}/summary"))["evaluation"]["status"] == "unfinished"
    assert summarised == [id, id]
    before = {trial.key: trial.seconds for trial in await served[1].store.trials(id)}
    await owner.post(f"/evaluations/{id}/resume", {}, 202)
    again = await owner.get(f"/evaluations/{id}/progress")
    assert again["status"] == "active"
    assert again["progress"]["phases"][0]["done"] >= len(before) > 0
    await owner.post(f"/evaluations/{id}/cancel", {})
    after = {trial.key: trial.seconds for trial in await served[1].store.trials(id)}
    assert before.items() <= after.items()


async def test_an_evaluation_survives_its_server(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    async with gateway(store) as (url, _), caller(url, "owner") as client:
        id = await started(client, limit=60)
        while (await client.get(f"/evaluations/{id}/progress"))["trials"] < 1:
            await asyncio.sleep(0.1)
    async with gateway(store) as (url, service), caller(url, "owner") as client:
        state = await client.get(f"/evaluations/{id}/progress")
        assert state["status"] == "unfinished"
        assert state["trials"] > 0
        await client.post(f"/evaluations/{id}/resume", {}, 202)
        assert (await client.get(f"/evaluations/{id}/progress"))["status"] == "active"
        service.end()
        await client.post("/evaluations", {"suite": "pair"}, 503)


async def test_what_cannot_be_started_says_why(owner: Client, served: tuple[str, EvaluationService]) -> None:
    for body, param in (
        ({"suite": "evals/zoo.yaml"}, "suite"),
        ({"suite": "../zoo"}, "suite"),
        ({"suite": "pair", "limit": 0}, "limit"),
        ({"suite": "pair", "limit": 10**6}, "limit"),
        ({"suite": "pair", "network": "zoo"}, "network"),
        ({}, "suite"),
    ):
        refused = await owner.post("/evaluations", body, 400)
        assert refused["error"]["param"] == param
    done = next(one["id"] for one in await owner.get("/evaluations") if one["status"] == "done")
    assert (await owner.post(f"/evaluations/{done}/resume", {}, 409))["error"]["code"] == "evaluation-done"
    for path in ("", "/progress", "/summary", "/report"):
        await owner.get(f"/evaluations/nothing{path}", 404)
    for what in ("cancel", "resume"):
        await owner.post(f"/evaluations/nothing/{what}", {}, 404)


async def test_one_that_goes_wrong_says_why_and_makes_place(
    owner: Client, served: tuple[str, EvaluationService], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise BadInput("the models are away")

    monkeypatch.setattr("agentnet.evals.session.carry_out", fails)
    refused = await owner.post("/evaluations", {"suite": "pair", "limit": 1}, 400)
    assert refused["error"]["message"] == "the models are away"
    unfinished = [one for one in await owner.get("/evaluations") if one["detail"]]
    assert [one["detail"] for one in unfinished] == ["the models are away"]
    assert all(one["status"] != "active" for one in await owner.get("/evaluations"))


async def test_one_that_is_cancelled_before_its_first_step_makes_place(served: tuple[str, EvaluationService]) -> None:
    service = served[1]
    starting = asyncio.create_task(service.start("pair", limit=1))
    while not (made := [task for task in asyncio.all_tasks() if task.get_name().startswith("evaluation ")]):
        await asyncio.sleep(0)
    made[0].cancel()
    record = await asyncio.wait_for(starting, 30)
    assert service.work(record.id) is None


async def test_what_is_left_is_estimated_from_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    from agentnet.evals.jobs import Progress

    now = 100.0
    monkeypatch.setattr("agentnet.serving.evaluating.time.monotonic", lambda: now)
    work = Work("x", {"selection": Phase(10), "systems": Phase(20)})
    work.heard(Progress("selection", 2, 10, 0))
    now = 106.0
    work.heard(Progress("selection", 5, 10, 0))
    assert work.seconds_left is None
    now = 108.0
    work.heard(Progress("selection", 6, 10, 1))
    assert work.seconds_left == pytest.approx(2.0 * 4 + 2.0 * 20)
    assert work.phases["selection"].failed == 1


async def test_a_drawing_follows_the_reader_unless_told_otherwise() -> None:
    drawing = '<svg viewBox="0 0 1 1">\n<title>t</title>\n</svg>'
    assert "data-theme=" not in standalone(drawing).split(">")[0]
    assert standalone(drawing, "dark").startswith('<svg xmlns="http://www.w3.org/2000/svg" data-theme="dark" ')
