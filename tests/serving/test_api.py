"""The API on loopback: runs that callers start, look for, follow, answer and cancel; the network; the document."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import HTTPConnection

import agentnet
from agentnet.contracts.serving import Caller
from agentnet.models.openai.transport import http
from agentnet.serving import api
from agentnet.serving.app import Problem, application
from agentnet.serving.gateway import Gateway
from agentnet.serving.process import listen, serving, url_of
from agentnet.serving.running import RunService

TEAM = """
name: team
agents:
  - {name: math, model: {path: "zoo:math", threads: 1, sequences: 4}}
  - {name: facts, model: {path: "zoo:facts", threads: 1, sequences: 4}}
  - {name: maria, human: terminal}
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")
SUM = "What is 12 + 7?"


class Names:
    """Lets in those that say who they are; `owner` may see everything."""

    async def admit(self, connection: HTTPConnection) -> Caller:
        name = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if not name:
            raise Problem(401, "who is it?", "unauthorized")
        return Caller(id=name, scopes=("admin",) if name == "owner" else ("ask",))

    def most_body(self, path: str) -> int:
        return 2**20


@dataclass
class Client:
    """A caller of a gateway that is served at a URL."""

    url: str
    name: str
    http: Any = field(init=False)

    def __post_init__(self) -> None:
        headers = {"authorization": f"Bearer {self.name}"}
        self.http = http.AsyncClient(base_url=f"{self.url}/api", headers=headers, timeout=60)

    async def get(self, path: str, expected: int = 200, **query: Any) -> Any:
        response = await self.http.get(path, params=query)
        assert response.status_code == expected, response.text
        return response.json()

    async def post(self, path: str, data: Any, status: int = 200, **headers: str) -> Any:
        response = await self.http.post(path, json=data, headers=headers)
        assert response.status_code == status, response.text
        return response.json()

    async def ask(self, question: str = SUM, protocol: Any = "team/math", **fields: Any) -> str:
        started = await self.post("/runs", {"question": question, "protocol": protocol} | fields, 201)
        return str(started["id"])

    async def ended(self, run: str) -> Any:
        """Follow a run to its end, and return it."""
        assert (await self.events(run))[-1][0] == "run-ended"
        return await self.get(f"/runs/{run}")

    async def events(self, run: str, until: str = "run-ended", **headers: str) -> list[tuple[str, str | None, Any]]:
        """The name, the id and the data of each event, up to one of a name."""
        found: list[tuple[str, str | None, Any]] = []
        async with self.http.stream("GET", f"/runs/{run}/events", headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            fields: dict[str, str] = {}
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                    continue
                if "data" in fields:
                    found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
                    if found[-1][0] == until:
                        return found
                fields = {}
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a gateway with the API alone."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "team.yaml").write_text(TEAM)
    async with agentnet.open(folder / "team.yaml", store=folder / "store.db") as session:
        listening = listen("127.0.0.1", 0)
        runs = RunService(session)
        mounted = api.surface(Gateway(session, runs, url_of(listening)))
        app = application([*mounted.routes, api.document_route(())], door=Names())
        async with serving(app, listening), runs.running(drain=0):
            yield url_of(listening)


@asynccontextmanager
async def caller(url: str, name: str) -> AsyncIterator[Client]:
    client = Client(url, name)
    async with client.http:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def ann(url: str) -> AsyncIterator[Client]:
    """A caller who has not asked anything yet."""
    async with caller(url, f"ann-{secrets.token_hex(4)}") as client:
        yield client


async def test_a_run_is_started_followed_and_shown(ann: Client) -> None:
    run = await ann.ask(seed=3, limits={"calls": 5}, replies={"temperature": 0})
    events = await ann.events(run)
    names = [name for name, _, _ in events]
    assert names[0] == "run-started"
    assert names[-1] == "run-ended"
    assert [id for name, id, _ in events if name == "message"] == ["0", "1"]
    assert "text" in names
    shown = await ann.get(f"/runs/{run}")
    assert (shown["status"], shown["answer"], shown["task"]) == ("done", "19", SUM)
    assert (shown["surface"], shown["caller"], shown["detached"]) == ("api", ann.name, True)
    assert shown["expression"] == {"ask": {"agent": "math"} | shown["expression"]["ask"]}
    assert shown["limits"]["calls"] == 5
    assert shown["usage"]["calls"] == 1
    messages = await ann.get(f"/runs/{run}/messages")
    assert [message["body"]["kind"] for message in messages] == ["task", "proposal"]
    assert await ann.get(f"/runs/{run}/messages", after=0) == messages[1:]


async def test_a_listener_that_comes_back_misses_nothing_and_gets_nothing_twice(ann: Client) -> None:
    run = await ann.ask(protocol={"serial": ["math", "math", "maria", "math"]})
    before = await ann.events(run, until="input-requested")
    last = [id for _, id, _ in before if id is not None][-1]
    assert last == "2"
    said, shown = await ann.get(f"/runs/{run}/messages"), await ann.get(f"/runs/{run}")
    assert shown["usage"]["calls"] == 2  # what a run used so far is right while it goes on
    for count in ("prompt_tokens", "completion_tokens"):
        assert shown["usage"][count] == sum(message["usage"][count] for message in said) > 0
    await ann.post(f"/runs/{run}/answer", {"words": "it is 19"}, 202)
    after = await ann.events(run, **{"Last-Event-ID": last})
    ids = [id for _, id, _ in [*before, *after] if id is not None]
    assert ids == [str(number) for number in range(5)]
    assert after[-1][2]["answer"] == "19"
    assert [id for _, id, _ in await ann.events(run) if id is not None] == ids


async def test_a_person_answers_over_the_api(ann: Client) -> None:
    run = await ann.ask(protocol="team/maria")
    await ann.events(run, until="input-requested")
    question = (await ann.get(f"/runs/{run}"))["question"]
    assert question["agent"] == "maria"
    assert SUM in question["text"]
    refused = await ann.post(f"/runs/{run}/answer", {"words": " "}, 422)
    assert refused["error"]["param"] == "words"
    await ann.post(f"/runs/{run}/answer", {"words": "19"}, 202)
    assert (await ann.ended(run))["answer"] == "19"
    assert (await ann.post(f"/runs/{run}/answer", {"words": "19"}, 409))["error"]["code"] == "run-over"


async def test_a_run_is_cancelled_and_resumed(ann: Client) -> None:
    run = await ann.ask(protocol="team/maria")
    assert await ann.post(f"/runs/{run}/cancel", None) == {"cancelled": True}
    assert (await ann.get(f"/runs/{run}"))["status"] == "cancelled"
    assert await ann.post(f"/runs/{run}/cancel", None) == {"cancelled": False}
    await ann.post(f"/runs/{run}/resume", {"limits": {"calls": 9}}, 202)
    assert (await ann.get(f"/runs/{run}"))["limits"]["calls"] == 9
    await ann.events(run, until="input-requested")
    await ann.post(f"/runs/{run}/answer", {"words": "19"}, 202)
    assert (await ann.ended(run))["answer"] == "19"
    assert (await ann.post(f"/runs/{run}/resume", {}, 409))["error"]["code"] == "run-over"


async def test_the_same_request_with_the_same_key_starts_one_run(ann: Client) -> None:
    body = {"question": SUM, "protocol": "team/math"}
    both = await asyncio.gather(*(ann.post("/runs", body, 201, **{"Idempotency-Key": "k"}) for _ in range(2)))
    assert both[0] == both[1]
    await ann.ended(both[0]["id"])
    assert await ann.post("/runs", body, 201, **{"Idempotency-Key": "k"}) == both[0]
    refused = await ann.post("/runs", body | {"seed": 1}, 422, **{"Idempotency-Key": "k"})
    assert refused["error"]["code"] == "key-reused"
    assert len((await ann.get("/runs"))["runs"]) == 1


async def test_callers_list_their_own_runs_page_by_page(ann: Client) -> None:
    asked = [await ann.ask(f"What is {number} + 7?") for number in range(5)]
    for run in asked:
        await ann.ended(run)
    async with caller(ann.url, "bob") as bob, caller(ann.url, "owner") as owner:
        others = await bob.ask("What is 2 * 3?")
        await bob.ended(others)
        assert [run["id"] for run in (await bob.get("/runs"))["runs"]] == [others]
        assert [run["id"] for run in (await bob.get("/runs", caller=ann.name))["runs"]] == [others]
        for path in ("", "/messages", "/events"):
            assert (await bob.get(f"/runs/{asked[0]}{path}", 404))["error"]["code"] == "no-such-run"
        for path, data in (("cancel", None), ("resume", {}), ("answer", {"words": "x"})):
            await bob.post(f"/runs/{asked[0]}/{path}", data, 404)
        assert {others, *asked} <= {run["id"] for run in (await owner.get("/runs"))["runs"]}
        assert [run["id"] for run in (await owner.get("/runs", caller="bob"))["runs"]] == [others]
        assert [run["id"] for run in (await owner.get("/runs", text="2 * 3", status="done"))["runs"]] == [others]
        assert (await owner.get(f"/runs/{asked[0]}"))["caller"] == ann.name
    pages, cursor = [], {}
    while True:
        page = await ann.get("/runs", limit=2, **cursor)
        pages.append([run["id"] for run in page["runs"]])
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(id for page in pages for id in page) == sorted(asked)
    assert (await ann.get("/runs", status=["failed", "running"]))["runs"] == []
    assert (await ann.get("/runs", text="%"))["runs"] == []
    assert (await ann.get("/runs", surface="a2a"))["runs"] == []
    assert len((await ann.get("/runs", since="2020-01-01T00:00:00Z"))["runs"]) == 5


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"question": SUM, "tools": []}, 400, "tools"),
        ({"question": ""}, 400, None),
        ({"question": []}, 400, "question"),
        ({"question": [{"role": "tool", "content": "x"}]}, 400, "question"),
        ({"question": SUM, "protocol": "debat"}, 404, "model"),
        ({"question": SUM, "protocol": "/etc/passwd"}, 404, "model"),
        ({"question": SUM, "protocol": "{ask: math}"}, 404, "model"),
        ({"question": SUM, "protocol": {"ask": {"agent": "nobody"}}}, 400, None),
        ({"question": SUM, "protocol": {"parallel": ["math"] * 300}}, 400, None),
        ({"question": SUM, "protocol": {"ask": {"agent": "x" * 70_000}}}, 400, None),
        ({"question": SUM, "seed": -1}, 400, "seed"),
        ({"question": SUM, "limits": {"seconds": 0}}, 400, "limits"),
        ({"question": SUM, "label": "a\nb"}, 400, "label"),
        ([1], 400, None),
        (None, 400, None),
    ],
)
async def test_what_is_wrong_is_told_in_one_line(ann: Client, body: Any, status: int, param: str | None) -> None:
    error = (await ann.post("/runs", body, status))["error"]
    assert error["param"] == param
    assert "\n" not in error["message"]
    assert (await ann.get("/runs"))["runs"] == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"question": NaN}',
        b'{"question": "\\ud800"}',
        b'{"question": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"question": ' + b"[" * 100_000,
        b'{"question": "x", "seed": ' + b"9" * 5000 + b"}",
        b'{"question": "x", "limits": {"cost": 1e999}}',
        b"{",
        b"\xff",
    ],
)
async def test_what_is_no_json_of_ours_is_refused(ann: Client, body: bytes) -> None:
    response = await ann.http.post("/runs", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["message"]
    as_a_form = await ann.http.post("/runs", content=b"{}", headers={"content-type": "text/plain"})
    assert as_a_form.status_code == 400


async def test_lists_refuse_what_they_cannot_follow(ann: Client) -> None:
    for query, param in (
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "bm9uc2Vuc2UgeA=="}, "cursor"),
        ({"limit": 0}, "limit"),
        ({"status": "gone"}, "status"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"cursor": "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCB4"}, "cursor"),
    ):
        assert (await ann.get("/runs", 400, **query))["error"]["param"] == param
    assert (await ann.get("/nothing", 404))["error"]["code"] == "not-found"
    assert (await ann.http.delete("/runs")).status_code == 405


async def test_the_network_its_protocols_and_its_policy_are_shown(ann: Client) -> None:
    assert (await ann.get("/me"))["scopes"] == ["ask"]
    network = await ann.get("/network")
    assert network["name"] == "team"
    assert [(member["name"], member["kind"]) for member in network["members"]] == [
        ("math", "llama"), ("facts", "llama"), ("maria", "human"),
    ]  # fmt: skip
    assert "zoo:" not in json.dumps(network)  # where a model is, is the owner's
    protocols = {protocol["name"]: protocol for protocol in await ann.get("/protocols")}
    assert protocols["best"]["ready"]
    assert protocols["best"]["expression"]
    assert await ann.get("/protocols/best") == protocols["best"]
    assert (await ann.post("/protocols/check", {"protocol": protocols["best"]["yaml"]}))["name"] == "best"
    assert protocols["best"]["problem"] is None
    unready = {name: protocol["problem"] for name, protocol in protocols.items() if not protocol["ready"]}
    assert "planner" in unready["delegation"]
    assert all(unready.values())
    await ann.get("/protocols/nothing", 404)
    assert await ann.get("/policy") is None
    assert await ann.get("/network/nodes") == []
    assert await ann.get("/network/profiles") == []


async def test_a_protocol_is_checked_as_it_is_written(ann: Client) -> None:
    for protocol in (
        "{verify: {proposer: math, verifier: facts}}",
        {"verify": {"proposer": "math", "verifier": "facts"}},
    ):
        found = await ann.post("/protocols/check", {"protocol": protocol})
        assert found["valid"] or "verif" in found["problem"]
    whole = "name: mine\nsummary: mine\nprotocol: {serial: [math, facts]}\n"
    found = await ann.post("/protocols/check", {"protocol": whole})
    assert (found["valid"], found["name"]) == (True, "mine")
    assert found["expression"]["serial"]
    assert found["written"] == {"serial": {"steps": ["math", "facts"]}}
    for alone in ("protocol: math", "ask: math"):
        found = await ann.post("/protocols/check", {"protocol": alone})
        assert found["written"] == {"ask": {"agent": "math"}}
    for wrong in (
        "{serial: [math, nobody]}",
        "{nothing: 1}",
        "serial: [",
        "- 1",
        "[",
        "&a [*a]",
        {"serial": 1},
        "x: 1\nx: 2",
        {"parallel": [{"parallel": ["math", "math"]}] * 100},
    ):
        found = await ann.post("/protocols/check", {"protocol": wrong})
        assert not found["valid"]
        assert found["problem"]
        assert "\n" not in found["problem"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("serial:\n- math\n- nobody", 3),
        ("name: mine\nsummary: mine\nprotocol:\n  fuse:\n    members: [math]\n    strategy: none", 6),
        ("serial:\n  steps:\n  - math\n  - ask:\n      agent: math\n      role: king", 6),
        ("serial: [math,\n  facts", 2),
        ("name: mine\nprotocol: math", None),
        ("- math", None),
    ],
)
async def test_a_problem_of_a_protocol_has_its_line(ann: Client, text: str, line: int | None) -> None:
    found = await ann.post("/protocols/check", {"protocol": text})
    assert not found["valid"]
    assert found["line"] == line, found["problem"]


async def test_evaluations_are_the_owners(ann: Client) -> None:
    assert (await ann.get("/evaluations", 403))["error"]["code"] == "wrong-scope"
    async with caller(ann.url, "owner") as owner:
        assert await owner.get("/evaluations") == []
        await owner.get("/evaluations/none", 404)
        await owner.get("/evaluations/none/report", 404)


async def test_the_document_tells_of_every_operation(ann: Client) -> None:
    document = (await ann.http.get(f"{ann.url}/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    assert {"/api/runs", "/api/runs/{run}/events", "/api/network"} <= set(document["paths"])
    stream = document["paths"]["/api/runs/{run}/events"]["get"]["responses"]["200"]["content"]
    assert list(stream) == ["text/event-stream"]
    assert (await http.AsyncClient().get(f"{ann.url}/openapi.json")).status_code == 401
