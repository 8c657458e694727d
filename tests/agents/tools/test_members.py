"""Members of a real network with tools: a real model, a real server, and what is recorded of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import agentnet
from agentnet.agents.tools.calculator import server as calculator
from agentnet.contracts.bodies import ToolCall
from agentnet.contracts.network import NetworkSpec
from agentnet.errors import ResumeError
from agentnet.network.fingerprints import fingerprint

ONE_CALL = {
    "allow": ["calc/calculate"],
    "use": "always",
    "numbers": "task",
    "answer": "result",
    "calls": 1,
    "seconds": 60,
}


def team(url: str, **tools: object) -> NetworkSpec:
    return NetworkSpec.model_validate(
        {
            "name": "team",
            "tools": {"calc": {"url": url}},
            "agents": [{"name": "ann", "model": "zoo:math", "tools": ONE_CALL | tools}],
        }
    )


@pytest.fixture
def calc(over_http: Callable[..., str]) -> str:
    """The URL of a calculator."""
    return over_http(calculator().streamable_http_app())


async def test_the_zoo_writes_bare_values_and_answers_with_the_result(calc: str, tmp_path: Path) -> None:
    async with agentnet.open((team(calc), tmp_path), remember=False) as session:
        for question, answer in (
            ("What is 7386 + 8090?", 7386 + 8090),
            ("Ann has 91344 coins and gives 87625 to Ben. How many coins are left?", 91344 - 87625),
        ):
            assert (await session.run(question, "ann")).answer == str(answer)
        failed = await session.run("What is two plus two?", "ann")
    assert failed.answer is None
    assert failed.detail == "ann made no call, and its answer is a tool's result"


async def test_a_model_in_process_is_held_to_the_json_of_a_call(calc: str, tmp_path: Path) -> None:
    pack = tmp_path / "terse"
    pack.mkdir()
    (pack / "pack.yaml").write_text(
        "name: terse\nanswer_marker: '=>'\ntemplates: {solve: solve.j2, revise: solve.j2, call: call.j2}\n"
    )
    (pack / "solve.j2").write_text("{{ task.text }}\n{% for found in results %}{{ found.text }}\n{% endfor %}solve")
    (pack / "call.j2").write_text("{{ task.text }}\n{% for tool in tools %}{{ tool.name }}\n{% endfor %}call")
    spec = team(calc, answer="reply", calls=2)
    ann = spec.agents[0].model_copy(update={"pack": "terse"})
    async with agentnet.open((spec.model_copy(update={"agents": (ann,)}), tmp_path), remember=False) as session:
        outcome = await session.run("What is 23 + 45?", "ann")
    calls = [message.body for message in outcome.messages if isinstance(message.body, ToolCall)]
    assert 1 <= len(calls) <= 2, outcome.detail
    for call in calls:
        assert call.tool == "calc/calculate"
        assert {call.arguments["left"], call.arguments["right"]} <= {23, 45}
        assert call.arguments["operation"] in ("+", "-", "*", "/")
        assert call.result


async def test_a_run_is_not_resumed_with_other_tools(calc: str, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    limits = agentnet.Limits(calls=1)
    async with agentnet.open((team(calc), tmp_path), store=store) as session:
        stopped = await session.run("What is 7386 + 8090?", "ann", limits=limits)
        assert stopped.status == "stopped"
    async with agentnet.open((team(calc, seconds=1), tmp_path), store=store) as session:
        with pytest.raises(ResumeError, match=r"tools\.seconds was 60\.0 and is 1\.0"):
            await session.resume(stopped.run, limits=agentnet.Limits())
    async with agentnet.open((team(calc), tmp_path), store=store) as session:
        done = await session.resume(stopped.run, limits=agentnet.Limits())
    assert done.answer == "15476"


def test_a_member_without_tools_is_what_it_was_before_there_were_any() -> None:
    plain = NetworkSpec.model_validate({"name": "team", "agents": [{"name": "ann", "model": "zoo:math"}]}).agents[0]
    tooled = team("http://127.0.0.1:9/mcp").agents[0]
    assert "tools" not in plain.model_dump(mode="json")
    assert fingerprint(plain) != fingerprint(tooled)
    assert fingerprint(plain) == fingerprint(tooled.model_copy(update={"tools": None}))
    assert type(tooled).model_validate(tooled.model_dump(mode="json")) == tooled


async def test_a_zoo_member_with_tools_was_not_measured(calc: str, tmp_path: Path) -> None:
    async with agentnet.open((team(calc), tmp_path), remember=False) as session:
        assert session.network["ann"].card.measured == {}
        assert session.network["ann"].card.roles
