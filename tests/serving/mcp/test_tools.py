"""The tools, as the SDK's own client calls them over HTTP, in both eras of the protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceLink, TextContent

from tests.scripted import agent, network, says
from tests.serving.mcp.conftest import ERAS, Running, Serve, Stuck

SUM = "What is 3 + 4?"


def text(result: Any) -> str:
    """The words of a result."""
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


@pytest.mark.parametrize("era", ERAS)
async def test_a_question_gets_an_answer_with_its_run(running: Running, era: str) -> None:
    async with running.client(era=era) as client:
        result = await client.call_tool("ask", {"question": SUM, "label": "math"})
    assert not result.is_error
    assert text(result) == "7"
    answered = result.structured_content
    assert (answered["answer"], answered["status"], answered["agents"]) == ("7", "done", ["ann"])
    assert answered["usage"]["calls"] == 1
    record = await running.session.runs.find(answered["run"])
    assert record.served is not None
    assert (record.served.surface, record.served.detached) == ("mcp", False)
    (link,) = result.content[1:]
    assert isinstance(link, ResourceLink)
    assert link.uri == answered["resource"] == f"agentnet://runs/{record.id}"


async def test_results_are_what_the_tools_declare(running: Running) -> None:
    calls = {
        "ask": {"question": SUM},
        "run_protocol": {"question": SUM, "protocol": "debate"},
        "compare": {"question": SUM, "protocols": ["vote"]},
    }
    async with running.client() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools.keys() == calls.keys()
        for name, arguments in calls.items():
            Draft202012Validator(tools[name].input_schema).validate(arguments)
            result = await client.call_tool(name, arguments)
            Draft202012Validator(tools[name].output_schema or {}).validate(result.structured_content)


@pytest.mark.parametrize("era", ERAS)
async def test_progress_tells_who_speaks(running: Running, era: str) -> None:
    told: list[tuple[float, str | None]] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message))

    async with running.client(era=era) as client:
        arguments = {"question": SUM, "protocol": {"verify": {"proposer": "ann", "verifier": "cal"}}}
        result = await client.call_tool("run_protocol", arguments, progress_callback=listen)
    assert result.structured_content["approved"] is True
    assert [number for number, _ in told] == list(range(1, len(told) + 1))
    lines = [line for _, line in told]
    assert lines[:2] == ["ann takes a turn: solve", "ann, proposal: 3 + 4 is 7 => 7"]
    assert "cal takes a turn: verify" in lines


@pytest.mark.parametrize(
    ("protocol", "answer", "agents"),
    [("bob", "8", ["bob"]), ("scripted/bob", "8", ["bob"]), ("single", "7", ["ann"]), ({"ask": "bob"}, "8", ["bob"])],
)
async def test_protocols_are_chosen_by_name_or_written_in_place(
    running: Running, protocol: object, answer: str, agents: list[str]
) -> None:
    async with running.client() as client:
        result = await client.call_tool("run_protocol", {"question": SUM, "protocol": protocol, "label": "math"})
    assert (result.structured_content["answer"], result.structured_content["agents"]) == (answer, agents)


async def test_protocols_are_set_beside_the_best_single_model(running: Running) -> None:
    async with running.client() as client:
        arguments = {"question": SUM, "protocols": ["bob", "best", "bob", "debate"], "label": "math"}
        result = await client.call_tool("compare", arguments)
    found = {one["name"]: one for one in result.structured_content["contestants"]}
    assert list(found) == ["best", "bob", "debate"]
    assert (found["best"]["answer"], found["best"]["agrees_with_best"]) == ("7", True)
    assert (found["bob"]["answer"], found["bob"]["agrees_with_best"]) == ("8", False)
    assert len({one["run"] for one in found.values()}) == 3
    assert text(result).splitlines()[:2] == ["best: 7", "bob: 8"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {}, "question: Field required"),
        ("ask", {"question": " "}, "the question is empty"),
        ("ask", {"question": SUM, "wish": 1}, "wish: Extra inputs are not permitted"),
        ("run_protocol", {"question": SUM, "protocol": "debat"}, "did you mean 'debate'?"),
        ("run_protocol", {"question": SUM, "protocol": "{ask: ann}"}, "there is no '{ask: ann}' here"),
        ("run_protocol", {"question": SUM, "protocol": {"ask": "zoe"}}, "zoe"),
        ("run_protocol", {"question": SUM, "protocol": {"dance": "ann"}}, "dance"),
        (
            "run_protocol",
            {"question": SUM, "protocol": {"parallel": {"branches": ["ann"] * 300}}},
            "at most 256 values",
        ),
        ("run_protocol", {"question": SUM, "protocol": {"dance": 1} | {"ask": "ann"}}, "protocol"),
        ("compare", {"question": SUM, "protocols": []}, "at least 1 item"),
        ("compare", {"question": SUM, "protocols": ["vote", "nobody"]}, "there is no 'nobody' here"),
    ],
)
async def test_what_is_wrong_with_a_call_is_its_result(
    running: Running, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with running.client() as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert said in text(result)
    assert await running.session.runs.latest() == []


async def test_a_name_is_no_file(running: Running, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nsummary: x\nprotocol: {ask: ann}\n")
    monkeypatch.chdir(tmp_path)
    async with running.client() as client:
        for name in ("mine.yaml", str(tmp_path / "mine.yaml")):
            result = await client.call_tool("run_protocol", {"question": SUM, "protocol": name})
            assert result.is_error
            assert "there is no" in text(result)


async def test_an_unknown_tool_is_an_error_of_the_protocol(running: Running) -> None:
    async with running.client() as client:
        with pytest.raises(MCPError, match="no tool is called 'dance': there are ask, run_protocol, compare"):
            await client.session.call_tool("dance", {})


async def test_a_run_without_an_answer_says_why(serve: Serve) -> None:
    async with serve(network(agent("ann", says("REFUSE: no riddles")))) as running, running.client() as client:
        result = await client.call_tool("ask", {"question": "Riddle"})
    assert result.is_error
    assert text(result).startswith("no answer (failed): ")
    assert result.structured_content["answer"] is None
    assert result.structured_content["detail"]


async def test_a_limit_ends_a_run(running: Running) -> None:
    async with running.client() as client:
        result = await client.call_tool("run_protocol", {"question": SUM, "protocol": "debate", "max_tokens": 8})
    assert result.structured_content["status"] == "stopped"
    assert "tokens" in text(result)


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_is_cancelled_cancels_its_run(serve: Serve, era: str) -> None:
    stuck = Stuck()
    async with serve(network(agent("ann", stuck))) as running:
        async with running.client(era=era) as client:
            call = asyncio.create_task(client.call_tool("ask", {"question": SUM}))
            await asyncio.wait_for(stuck.asked.wait(), 30)
            call.cancel()
            await asyncio.wait_for(stuck.cancelled.wait(), 30)
            await client.list_tools()
        assert await _ended(running) == "cancelled"


async def test_a_client_that_ends_its_session_cancels_its_runs(serve: Serve) -> None:
    stuck = Stuck()
    async with serve(network(agent("ann", stuck))) as running:
        async with running.client(era="legacy") as client:
            call = asyncio.create_task(_tolerant(client))
            await asyncio.wait_for(stuck.asked.wait(), 30)
        await asyncio.wait_for(stuck.cancelled.wait(), 30)
        assert await _ended(running) == "cancelled"
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


async def _tolerant(client: Client) -> None:
    with pytest.raises(MCPError):
        await client.call_tool("ask", {"question": SUM})


async def _ended(running: Running) -> str:
    """Return the status of the only run, once it is over."""
    (run,) = await running.session.runs.latest()
    async for _ in running.session.follow(run.id):
        """Up to its end."""
    return (await running.session.runs.record(run.id)).status
