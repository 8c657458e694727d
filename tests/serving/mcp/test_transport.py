"""What carries the messages: whose a session is, what a message may be, and the same server on standard streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from agentnet.models.base import Request
from agentnet.serving.app import Problem
from agentnet.serving.mcp import mounting
from agentnet.serving.mcp.mounting import MOST_BODY
from agentnet.serving.mcp.sessions import OpenSessions
from tests.scripted import agent, network
from tests.serving.mcp.conftest import ERAS, Running, Serve, Tokens

ROOT = Path(__file__).parents[3]
ACCEPT = {"accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": LATEST_HANDSHAKE_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


async def post(url: str, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=30) as http:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await http.post(f"{url}/mcp", json=body, headers=ACCEPT | named)


async def test_nobody_comes_in_without_a_key(serve: Serve) -> None:
    async with serve(door=Tokens()) as running:
        for headers in ({}, {"authorization": "Bearer nobody"}, {"authorization": "Basic ada"}):
            refused = await post(running.url, INITIALIZE, **headers)
            assert refused.status_code == 401
            assert "mcp-session-id" not in refused.headers


async def test_a_session_is_its_callers_alone(serve: Serve) -> None:
    async with serve(door=Tokens()) as running:
        opened = await post(running.url, INITIALIZE, authorization="Bearer ada")
        assert opened.status_code == 200
        session = {"mcp_session_id": opened.headers["mcp-session-id"], "mcp_protocol_version": LATEST_HANDSHAKE_VERSION}
        assert (await post(running.url, LIST, authorization="Bearer ada", **session)).status_code == 200
        assert (await post(running.url, LIST, authorization="Bearer ben", **session)).status_code == 404
        async with httpx2.AsyncClient() as http:
            headers = {name.replace("_", "-"): value for name, value in session.items()} | ACCEPT
            stolen = await http.delete(f"{running.url}/mcp", headers=headers | {"authorization": "Bearer ben"})
            assert stolen.status_code == 404
        assert (await post(running.url, LIST, authorization="Bearer ada", **session)).status_code == 200


async def test_a_caller_has_so_many_sessions_and_leaves_room_to_others(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounting, "OpenSessions", partial(OpenSessions, most=2))
    ada, ben = {"authorization": "Bearer ada"}, {"authorization": "Bearer ben"}
    async with serve(door=Tokens()) as running:
        assert (await post(running.url, LIST, **ada)).status_code == 400  # opens no session
        opened = [await post(running.url, INITIALIZE, **ada) for _ in range(2)]
        refused = await post(running.url, INITIALIZE, **ada)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too-many-sessions")
        assert (await post(running.url, INITIALIZE, **ben)).status_code == 200
        session = {"mcp-session-id": opened[0].headers["mcp-session-id"]}
        assert (await post(running.url, LIST, **ada, **session)).status_code == 200
        async with httpx2.AsyncClient() as http:
            assert (await http.delete(f"{running.url}/mcp", headers=ACCEPT | ada | session)).status_code == 200
        assert (await post(running.url, INITIALIZE, **ada)).status_code == 200


async def test_a_session_counts_while_it_is_used_or_was_not_long_ago() -> None:
    clock = [0.0]
    sessions = OpenSessions(10, most=1, now=lambda: clock[0])

    async def nowhere(_: Any) -> None:
        """Whoever asks is gone."""

    async def answered(status: int, method: str = "POST", asked: str = "", given: str = "") -> None:
        scope = {"method": method, "headers": [(b"mcp-session-id", asked.encode())] if asked else []}
        async with sessions.request("ann", scope, nowhere) as send:
            headers = [(b"Mcp-Session-Id", given.encode())] if given else []
            await send({"type": "http.response.start", "status": status, "headers": headers})

    await answered(400)
    await answered(200)
    await answered(200, given="s")
    with pytest.raises(Problem) as refused:
        await answered(200)
    assert (refused.value.status, refused.value.again) == (429, 10)
    clock[0] = 9.0
    await answered(200, asked="s")
    await answered(404, asked="t")
    async with sessions.request("ann", {"method": "GET", "headers": [(b"mcp-session-id", b"s")]}, nowhere):
        clock[0] = 100.0
        with pytest.raises(Problem):
            await answered(200)
    clock[0] = 111.0
    await answered(200, given="u")
    with pytest.raises(Problem):
        await answered(200)
    await answered(404, asked="u")  # the SDK knows it no more
    await answered(200, given="v")
    await answered(200, "DELETE", asked="v")
    await answered(200)


@pytest.mark.parametrize("version", [LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION])
async def test_names_of_other_hosts_are_refused(running: Running, version: str) -> None:
    refused = await post(running.url, INITIALIZE, host="evil.example", mcp_protocol_version=version)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "wrong-host"


@pytest.mark.parametrize("version", [LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION])
async def test_a_message_has_bounds(running: Running, version: str) -> None:
    long = INITIALIZE | {"more": "x" * MOST_BODY}
    assert (await post(running.url, long, mcp_protocol_version=version)).status_code == 413


@pytest.mark.parametrize("body", [[], [INITIALIZE], {}, "text", 1, None, {"jsonrpc": "1.0", "id": 1, "method": "ping"}])
@pytest.mark.parametrize("version", [LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION, "1999-01-01"])
async def test_rubbish_is_refused(running: Running, body: object, version: str) -> None:
    refused = await post(running.url, body, mcp_protocol_version=version)
    assert 400 <= refused.status_code < 500


async def test_streams_without_an_end_end_with_the_server(serve: Serve) -> None:
    async with serve() as running:
        opened = await post(running.url, INITIALIZE)
        headers = ACCEPT | {"mcp-session-id": opened.headers["mcp-session-id"]}
        async with httpx2.AsyncClient(timeout=30) as http:
            async with http.stream("GET", f"{running.url}/mcp", headers=headers) as listening:
                assert listening.status_code == 200
                running.end()
                with contextlib.suppress(httpx2.RemoteProtocolError):
                    assert [line async for line in listening.aiter_lines()] == []
            refused = await http.get(f"{running.url}/mcp", headers=headers)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert (await post(running.url, LIST, mcp_session_id=headers["mcp-session-id"])).status_code == 200


async def test_in_2025_a_connection_that_breaks_cancels_nothing(serve: Serve) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> str:
        asked.set()
        await go_on.wait()
        return "=> 7"

    async with serve(network(agent("ann", slow))) as running:
        opened = await post(running.url, INITIALIZE)
        session = {"mcp-session-id": opened.headers["mcp-session-id"]}
        await post(running.url, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
        call = {"name": "ask", "arguments": {"question": "What is 3 + 4?"}}
        body = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
        async with (
            httpx2.AsyncClient(timeout=30) as http,
            http.stream("POST", f"{running.url}/mcp", json=body, headers=ACCEPT | session) as response,
        ):
            assert response.status_code == 200
            await asyncio.wait_for(asked.wait(), 30)
        go_on.set()
        (run,) = await running.session.runs.latest()
        async for _ in running.session.follow(run.id):
            """Up to its end."""
        assert (await running.session.runs.record(run.id)).answer == "7"


class Stdio:
    """``agentnet mcp`` as a client's configuration starts it."""

    def __init__(self, folder: Path) -> None:
        own = {"PYTHONPATH": str(ROOT), "AGENTNET_HOME": str(folder), "AGENTNET_TRIAL": "off"}
        self.parameters = StdioServerParameters(
            command=sys.executable, args=["-m", "agentnet", "mcp", "--network", "zoo"], env={**os.environ, **own}
        )


@pytest.mark.slow
@pytest.mark.parametrize("era", ERAS)
async def test_the_same_server_speaks_over_standard_streams(tmp_path: Path, era: str) -> None:
    async with Client(Stdio(tmp_path).parameters, mode=era) as client:
        result = await client.call_tool("ask", {"question": "What is 347 + 285?", "label": "math"})
        assert result.structured_content["answer"] == "632"
        assert (await client.read_resource(result.structured_content["resource"])).contents


@pytest.mark.slow
@pytest.mark.parametrize("how", ["end of input", "signal"])
async def test_the_command_ends_with_its_input_and_by_a_signal(tmp_path: Path, how: str) -> None:
    given = Stdio(tmp_path).parameters
    process = await asyncio.create_subprocess_exec(
        given.command,
        *given.args,
        env=given.env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(httpx2.Request("POST", "http://x", json=INITIALIZE).content + b"\n")
    answer = await process.stdout.readline()
    assert b'"protocolVersion"' in answer
    if how == "signal":
        process.send_signal(signal.SIGTERM)
    else:
        process.stdin.close()
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out, errors) == (0, b"", b"")
