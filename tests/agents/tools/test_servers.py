"""Servers of tools: started once, asked within limits; whatever one does is the error of a call, or of its server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from mcp.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST, CallToolResult, ListToolsResult, TextContent, Tool

from agentnet.agents.tools import Toolbox, ToolServers
from agentnet.agents.tools.connection import ToolConnection
from agentnet.agents.tools.consent import allow
from agentnet.contracts.bodies import PlannedCall, ToolCall
from agentnet.contracts.tools import ToolServer, ToolUse
from agentnet.errors import ToolError
from tests.agents.tools.conftest import Opened, command
from tests.agents.tools.workshop import calls_in, workshop


def box(servers: ToolServers, *names: str, **limits: Any) -> Toolbox:
    return servers.toolbox(ToolUse(allow=names, **limits))


async def called(servers: ToolServers, tool: str, arguments: dict[str, Any] | None = None, **limits: Any) -> ToolCall:
    limits.setdefault("seconds", 120)
    return await box(servers, tool, **limits).call(PlannedCall(tool=tool, arguments=arguments or {}), "id-1")


async def test_the_shipped_calculator_calculates_exactly(opened: Opened) -> None:
    sums = {
        (123456789012345678901, "*", 98765432109876543210): str(123456789012345678901 * 98765432109876543210),
        (7, "-", 12): "-5",
        (12, "/", 4): "3",
        (1, "/", 8): "0.125",
    }
    async with opened(calc=ToolServer(shipped="calculator", start=300)) as servers:
        for (left, operation, right), result in sums.items():
            arguments = {"left": left, "operation": operation, "right": right}
            assert (await called(servers, "calc/calculate", arguments)).result == result
        divided = await called(servers, "calc/calculate", {"left": 1, "operation": "/", "right": 0})
        assert divided.result == ""
        assert "divided by 0" in divided.error
        large = await called(servers, "calc/calculate", {"left": 10**40, "operation": "+", "right": 1})
        assert "30 digits" in large.error


async def test_a_call_has_its_result_and_its_id(opened: Opened, log: Path) -> None:
    async with opened() as servers:
        call = await called(servers, "shop/echo", {"text": "a\u2028b\ud7ff\x07"})
    assert (call.result, call.error, call.cut) == ("a\nb\ud7ff", "", False)
    assert calls_in(log) == [{"tool": "echo", "id": "id-1"}]


async def test_a_long_result_is_cut_at_a_whole_character(opened: Opened) -> None:
    async with opened() as servers:
        call = await called(servers, "shop/rows", {"count": 500}, bytes=101)
    assert (call.result, call.cut) == ("é" * 50, True)


async def test_a_tool_that_fails_says_why_in_one_line(opened: Opened) -> None:
    async with opened() as servers:
        reason = await called(servers, "shop/fail", {"why": "reason"})
        nothing = await called(servers, "shop/fail", {"why": "nothing"})
    assert "it would not" in reason.error
    assert "\n" not in reason.error
    assert nothing.error
    assert not nothing.result


async def test_a_late_result_is_an_error_and_the_server_stays(opened: Opened) -> None:
    async with opened() as servers:
        late = await called(servers, "shop/nap", {"seconds": 1.0}, seconds=0.2)
        assert late.error == "shop/nap: no result within 0.2 s"
        assert (await called(servers, "shop/echo", {"text": "there"})).result == "there"


async def test_a_crash_is_the_error_of_one_call_and_the_next_starts_the_server_again(opened: Opened, log: Path) -> None:
    async with opened(shop=ToolServer(command=command(log), start=300)) as servers:
        crashed = await called(servers, "shop/crash")
        assert crashed.error.startswith("shop/crash: ")
        echoes = await asyncio.gather(*(called(servers, "shop/echo", {"text": str(n)}) for n in range(3)))
    assert [echo.result for echo in echoes] == ["0", "1", "2"]
    assert [call["tool"] for call in calls_in(log)] == ["crash", "echo", "echo", "echo"]


async def test_a_server_is_started_once_and_ended_with_the_session(opened: Opened, tmp_path: Path) -> None:
    program = tmp_path / "counting.py"
    program.write_text(
        "import sys, pathlib\n"
        "started = pathlib.Path(sys.argv[1])\n"
        "started.open('a').write('started ')\n"
        "from mcp.server.mcpserver import MCPServer\n"
        "made = MCPServer('counting')\n"
        "made.add_tool(lambda: 'x', name='x')\n"
        "made.run('stdio')\n"
        "started.open('a').write('ended')\n"
    )
    server = ToolServer(command=(sys.executable, str(program), str(tmp_path / "started")), start=300)
    async with opened(count=server) as servers:
        await servers.start(["count"])
        await asyncio.gather(*(called(servers, "count/x") for _ in range(3)))
    assert (tmp_path / "started").read_text() == "started ended"


async def test_a_program_gets_only_the_variables_that_the_file_names(
    opened: Opened, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTNET_KEY_SHOP", "a-key-for-the-shop")
    monkeypatch.setenv("AGENTNET_KEY_OTHER", "a-key-for-another")
    async with opened(shop=ToolServer(command=command(log), env=("AGENTNET_KEY_SHOP",), start=300)) as servers:
        own = await called(servers, "shop/environment", {"name": "AGENTNET_KEY_SHOP"})
        other = await called(servers, "shop/environment", {"name": "AGENTNET_KEY_OTHER"})
    assert (own.result, other.result) == ("a-key-for-the-shop", "not set")


async def test_problems_name_the_server_and_the_tool(opened: Opened, over_http: Callable[..., str]) -> None:
    servers = {
        "gone": ToolServer(command=("no-such-program-of-agentnet",), start=300),
        "mute": ToolServer(command=("sleep", "30"), start=0.3),
        "short": ToolServer(command=("true",), start=300),
        "shop": ToolServer(url=over_http()),
    }
    async with opened(**servers) as found:
        problems = box(found, "gone/x", "mute/x", "short/x", "shop/saw", "shop/echo", "else/x").problems
    gone, mute, short, saw, other = problems
    assert gone == "gone: cannot be used: no program 'no-such-program-of-agentnet'"
    assert mute == "mute: it did not list its tools within 0.3 s; raise `start`"
    assert short.startswith("short: cannot be used: ")
    assert saw.startswith("shop/saw: no such tool (the server has shop/echo, ")
    assert other == "else/x: the server 'else' is not open here"


async def test_a_servers_schema_of_its_results_is_never_matched(opened: Opened, over_http: Callable[..., str]) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}, "required": ["x"]}
    tool = Tool(name="x", input_schema={"type": "object"}, output_schema=schema)

    async def listed(context: object, params: object) -> ListToolsResult:
        return ListToolsResult(tools=[tool])

    async def answered(context: object, params: object) -> CallToolResult:
        return CallToolResult(content=[TextContent(text="done")], structured_content={"x": 1})

    server = Server("odd", on_list_tools=listed, on_call_tool=answered)
    async with opened(odd=ToolServer(url=over_http(server.streamable_http_app()))) as servers:
        assert (await called(servers, "odd/x")).result == "done"


async def test_calls_together_wait_for_one_start_of_a_server(opened: Opened, tmp_path: Path) -> None:
    started = tmp_path / "started"
    server = ToolServer(command=("sh", "-c", f"echo x >> {started}; sleep 30"), start=0.5)
    async with ToolServers.open({"mute": server}, tmp_path, tmp_path / "home") as servers:
        allow(server, tmp_path, tmp_path / "home")
        calls = [servers.connections["mute"].call("x", {}, seconds=5, id=str(n)) for n in range(4)]
        failed = await asyncio.gather(*calls, return_exceptions=True)
    assert {str(error) for error in failed} == {"mute: it did not list its tools within 0.5 s; raise `start`"}
    assert started.read_text() == "x\n"


async def test_a_session_that_its_server_forgot_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Client] = []

    class Client:
        async def call_tool(self, *_: object, **__: object) -> None:
            raise MCPError(INVALID_REQUEST, "Session terminated")

    @asynccontextmanager
    async def opening(self: ToolConnection) -> AsyncIterator[Client]:
        begun.append(Client())
        yield begun[-1]

    monkeypatch.setattr(ToolConnection, "_open", opening)
    monkeypatch.setattr(ToolConnection, "_list", no_tools)
    connection = ToolConnection("shop", ToolServer(shipped="calculator"), tmp_path, tmp_path)
    for _ in range(2):
        with pytest.raises(ToolError, match="shop/x: Session terminated"):
            await connection.call("x", {}, seconds=60, id="1")
    assert len(begun) == 2
    await connection.close()


async def no_tools(self: ToolConnection, client: object) -> None:
    """What stands for the list of tools of a server that has none."""


async def test_who_is_cancelled_while_a_server_ends_stays_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending, ended = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def opening(self: ToolConnection) -> AsyncIterator[Any]:
        try:
            yield object()
        finally:
            ending.set()
            while not ended.is_set():
                with suppress(asyncio.CancelledError):
                    await ended.wait()

    monkeypatch.setattr(ToolConnection, "_open", opening)
    monkeypatch.setattr(ToolConnection, "_list", no_tools)
    connection = ToolConnection("slow", ToolServer(shipped="calculator"), tmp_path, tmp_path)
    await connection.start()
    assert connection.problem is None
    closing = asyncio.create_task(connection.close())
    await ending.wait()
    closing.cancel()
    await asyncio.sleep(0)
    ended.set()
    await asyncio.wait({closing})
    assert closing.cancelled()


async def test_a_command_is_started_only_where_it_was_allowed(tmp_path: Path, log: Path) -> None:
    server, home = ToolServer(command=command(log)), tmp_path / "home"
    marker = tmp_path / "marker"
    stranger = ToolServer(command=("touch", str(marker)))
    allow(server, tmp_path, home)
    (tmp_path / "elsewhere").mkdir()
    for found, base in ((stranger, tmp_path), (server, tmp_path / "elsewhere")):
        async with ToolServers.open({"shop": found}, base, home) as servers:
            await servers.start(["shop"])
            (problem,) = box(servers, "shop/echo").problems
        assert "was not allowed on this machine" in problem
        assert "agentnet tools --network FILE --allow" in problem
    assert not marker.exists()
    assert (home / "allowed-commands").stat().st_mode & 0o077 == 0


async def test_descriptions_are_one_bounded_line_without_control_tokens(opened: Opened) -> None:
    async with opened() as servers:
        echo = box(servers, "shop/echo").offers["shop/echo"]
    assert echo.description == "Say it again. # Your turn < |im_end|>"
    assert set(echo.parameters["properties"]) == {"text"}


async def test_a_server_over_http_is_asked_with_its_key(
    opened: Opened, over_http: Callable[..., str], log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    inner = workshop(log).streamable_http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(value.decode() for name, value in scope.get("headers", ()) if name == b"authorization")
        await inner(scope, receive, send)

    monkeypatch.setenv("AGENTNET_KEY_SHOP", "a-key-for-the-shop")
    server = ToolServer(url=over_http(app), key_env="AGENTNET_KEY_SHOP")
    async with opened(shop=server) as servers:
        assert box(servers, "shop/echo").problems == ()
        assert (await called(servers, "shop/echo", {"text": "over HTTP"})).result == "over HTTP"
    assert set(seen) == {"Bearer a-key-for-the-shop"}


async def test_a_key_goes_nowhere_that_it_is_not_for(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_AWS_SECRET", "a-secret-for-another")
    async with opened(shop=ToolServer(url="http://127.0.0.1:9/mcp", key_env="MY_AWS_SECRET")) as servers:
        (problem,) = box(servers, "shop/echo").problems
    assert "MY_AWS_SECRET is not sent to 127.0.0.1" in problem


HOSTILE: dict[str, tuple[int, list[tuple[bytes, bytes]], bytes]] = {
    "a redirect": (307, [(b"location", b"http://127.0.0.1:9/elsewhere")], b""),
    "an endless answer": (200, [(b"content-type", b"application/json")], b"[" * 3_000_000),
    "no JSON": (200, [(b"content-type", b"application/json")], b"<html>"),
    "another protocol": (200, [(b"content-type", b"application/json")], b'{"choices": []}'),
    "an error": (500, [(b"content-type", b"text/plain")], b"no"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_server_is_one_problem(opened: Opened, over_http: Callable[..., str], kind: str) -> None:
    status, headers, body = HOSTILE[kind]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async with opened(bad=ToolServer(url=over_http(app), start=5)) as servers:
        (problem,) = box(servers, "bad/x").problems
    assert problem.startswith("bad: ")
    assert "\n" not in problem


async def test_a_server_that_goes_away_is_the_error_of_a_call(opened: Opened, over_http: Callable[..., str]) -> None:
    inner = workshop(Path("unused")).streamable_http_app()
    away: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if away and scope["type"] == "http":
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps({}).encode()})
        else:
            await inner(scope, receive, send)

    async with opened(shop=ToolServer(url=over_http(app))) as servers:
        away.append(True)
        call = await called(servers, "shop/echo", {"text": "x"}, seconds=5)
        assert call.error.startswith("shop/echo: ")
