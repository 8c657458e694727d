"""Other clients of OpenAI's API: the synchronous one, LangChain's, and the one for Node."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from tests.scripted import agent
from tests.serving.conftest import Waiting
from tests.serving.openai.conftest import SUM, RunningGateway, Team, slow
from tools.conformance import clients
from tools.conformance.npm import installed
from tools.conformance.report import Missing


class Found(BaseModel):
    """Whether the sum is right."""

    right: bool


def langchain(place: RunningGateway, model: str = "zoo/math", **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=f"{place.url}/v1", api_key=SecretStr("none"), max_retries=0, **options)


async def test_the_synchronous_client(zoo: RunningGateway) -> None:
    def talk() -> None:
        with openai.OpenAI(base_url=f"{zoo.url}/v1", api_key="none", max_retries=0) as client:
            asked: Any = {"model": "zoo/math", "messages": [{"role": "user", "content": SUM}]}
            assert client.chat.completions.create(**asked).choices[0].message.content.endswith("=> 19")
            pieces = [
                chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**asked, stream=True)
            ]
            assert "".join(pieces).endswith("=> 19")
            parsed = client.chat.completions.parse(**asked, response_format=Found)
            assert isinstance(parsed.choices[0].message.parsed, Found)
            with client.chat.completions.stream(**asked) as stream:
                assert stream.get_final_completion().choices[0].message.content.endswith("=> 19")  # type: ignore[union-attr]
            with pytest.raises(openai.BadRequestError, match="tools is not supported"):
                client.chat.completions.create(**asked, tools=[{"type": "function", "function": {"name": "f"}}])
            assert client.responses.create(model="auto", input=SUM).output_text == "19"

    await asyncio.to_thread(talk)


async def test_langchain_talks_streams_and_parses(zoo: RunningGateway) -> None:
    chat = langchain(zoo)
    reply = await chat.ainvoke(SUM)
    assert str(reply.content).endswith("=> 19")
    assert reply.usage_metadata is not None  # type: ignore[attr-defined]
    assert (await asyncio.to_thread(chat.invoke, SUM)).content == reply.content
    streamed = [chunk.content async for chunk in langchain(zoo, "debate", stream_usage=True).astream(SUM)]
    assert "".join(map(str, streamed)) == "19"
    found = await chat.with_structured_output(Found).ainvoke(SUM)
    assert isinstance(found, Found)
    last = await langchain(zoo, "auto", use_responses_api=True).ainvoke(SUM)
    assert last.text == "19"


async def test_langchain_hears_errors(zoo: RunningGateway) -> None:
    with pytest.raises(openai.NotFoundError):
        await langchain(zoo, "nothing").ainvoke(SUM)
    with pytest.raises(openai.BadRequestError, match="tools"):
        await langchain(zoo).bind_tools([Found]).ainvoke(SUM)


async def test_langchain_that_gives_up_cancels_its_run(team: Team) -> None:
    model = Waiting()
    async with team(slow(model)) as place:
        with pytest.raises(openai.APITimeoutError):
            await langchain(place, "scripted/slow", timeout=0.5).ainvoke(SUM)
        await asyncio.wait_for(model.cancelled.wait(), 10)


async def test_a_quiet_stream_is_kept_alive_and_begins_before_its_first_word(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.serving.openai.streaming.QUIET_SECONDS", 0.05)
    model = Waiting()
    model.first = None
    async with team(slow(model), agent("ada", lambda _: "1")) as place:
        body = {"model": "scripted/slow", "messages": [{"role": "user", "content": SUM}], "stream": True}
        async with place.http.stream("POST", "/v1/chat/completions", json=body) as answer:
            assert answer.headers["x-agentnet-run"]
            lines = answer.aiter_lines()
            assert (await asyncio.wait_for(anext(lines), 10)).startswith(": ")
            model.go.set()
            assert [line async for line in lines][-2] == "data: [DONE]"


@pytest.mark.parametrize("document", ["README.md", "docs/serve.md"])
async def test_the_example_of_the_documents(
    document: str, zoo: RunningGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[3] / document).read_text(encoding="utf-8")
    code = text.split("```python\nfrom openai import OpenAI\n")[1].split("```")[0]
    assert "http://127.0.0.1:8080/v1" in code
    example = f"from openai import OpenAI\n{code}".replace("http://127.0.0.1:8080", zoo.url)
    await asyncio.to_thread(exec, example, {})
    answer, reasoning = capsys.readouterr().out.split("\n", 1)
    assert answer == "632"
    assert "(solve):" in reasoning


@pytest.mark.slow
async def test_the_client_for_node(zoo: RunningGateway) -> None:
    try:
        folder = await asyncio.to_thread(installed, "openai", {"openai": clients.VERSION})
    except Missing as missing:
        pytest.skip(f"OpenAI's client for Node was not tried: {missing}")
    checks = await asyncio.to_thread(lambda: list(clients.run(folder, zoo.url)))
    assert [f"{check.name}: {check.detail}" for check in checks if check.status != "passed"] == []
    assert len(checks) > 5
