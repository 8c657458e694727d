"""The resources: what callers can read of the network, of its protocols, and of their own runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from agentnet.serving.mcp import server
from tests.evals import made
from tests.serving.mcp.conftest import ERAS, Running, Serve, Tokens


async def read(client: Client, uri: str) -> Any:
    """The content of a resource that is JSON."""
    (content,) = (await client.read_resource(uri)).contents
    assert content.mime_type == "application/json"
    return json.loads(content.text)  # type: ignore[union-attr]


@pytest.mark.parametrize("era", ERAS)
async def test_the_network_says_who_takes_part_and_what_can_run(running: Running, era: str) -> None:
    async with running.client(era=era) as client:
        found = await read(client, "agentnet://network")
        assert [member["name"] for member in found["members"]] == ["ann", "bob", "cal"]
        names = [protocol["name"] for protocol in found["protocols"]]
        assert names[0] == "auto"
        assert "verification" in names
        assert "delegation" not in names  # nobody here plans
        card = await read(client, found["members"][0]["card"])
        assert (card["name"], card["claims"]) == ("ann", {"math": 0.9})
        assert (await read(client, "agentnet://protocols/vote"))["protocol"]["parallel"]


async def test_what_is_listed_can_be_read(running: Running) -> None:
    async with running.client() as client:
        asked = await client.call_tool("ask", {"question": "What is 3 + 4?"})
        listed = (await client.list_resources()).resources
        assert asked.structured_content["resource"] in [resource.uri for resource in listed]
        for resource in listed:
            assert await read(client, resource.uri)


async def test_a_run_is_read_from_its_question_to_its_end(running: Running) -> None:
    async with running.client() as client:
        asked = await client.call_tool("run_protocol", {"question": "What is 3 + 4?", "protocol": "verification"})
        run = await read(client, asked.structured_content["resource"])
    assert (run["question"], run["answer"], run["status"]) == ("What is 3 + 4?", "7", "done")
    assert [(message["sender"], message["kind"]) for message in run["messages"]][:3] == [
        ("user", "task"),
        ("ann", "proposal"),
        ("cal", "verdict"),
    ]
    assert "it is a number" in run["messages"][2]["text"]


async def test_callers_read_their_own_runs_only(serve: Serve) -> None:
    async with serve(door=Tokens()) as running:
        async with running.client("ada") as ada:
            uri = (await ada.call_tool("ask", {"question": "What is 3 + 4?"})).structured_content["resource"]
            assert await read(ada, uri)
        async with running.client("ben") as ben:
            assert uri not in [resource.uri for resource in (await ben.list_resources()).resources]
            with pytest.raises(MCPError, match="there is no resource agentnet://runs/"):
                await read(ben, uri)
            assert await _completed(ben, "agentnet://runs/{run}", "") == []
        async with running.client("root") as root:
            assert await read(root, uri)
            assert len(await _completed(root, "agentnet://runs/{run}", "")) == 1


async def test_reports_are_for_administrators(serve: Serve) -> None:
    async with serve(door=Tokens()) as running:
        assert running.session.storage is not None
        evaluations = running.session.storage.evaluations
        await evaluations.start(made.record(), {"test": made.items(2)})
        for system in ("ann", "bob"):
            for item in ("i0", "i1"):
                await evaluations.record_trial("e1", made.trial(system, item))
        async with running.client("root") as root:
            listed = [resource.uri for resource in (await root.list_resources()).resources]
            assert "agentnet://reports/e1" in listed
            (content,) = (await root.read_resource("agentnet://reports/e1")).contents
            assert content.mime_type == "text/markdown"
            assert "made" in content.text  # type: ignore[union-attr]
            assert await _completed(root, "agentnet://reports/{evaluation}", "e") == ["e1"]
        async with running.client("ada") as ada:
            with pytest.raises(MCPError, match="there is no resource"):
                await ada.read_resource("agentnet://reports/e1")
            assert await _completed(ada, "agentnet://reports/{evaluation}", "e") == []


@pytest.mark.parametrize(
    "uri",
    [
        "agentnet://runs/000000000000",
        "agentnet://runs/",
        "agentnet://cards/zoe",
        "agentnet://cards/..%2F..%2Fetc%2Fpasswd",
        "agentnet://protocols/mine.yaml",
        "agentnet://reports/none",
        "agentnet://network/more",
        "file:///etc/passwd",
        "nothing",
    ],
)
async def test_what_is_not_there_is_said(running: Running, uri: str) -> None:
    async with running.client() as client:
        with pytest.raises(MCPError, match="there is no resource") as refused:
            await client.read_resource(uri)
    assert refused.value.error.data == {"uri": uri}


async def test_names_are_completed(running: Running) -> None:
    async with running.client() as client:
        assert await _completed(client, "agentnet://cards/{agent}", "b") == ["bob"]
        assert await _completed(client, "agentnet://protocols/{protocol}", "ve") == ["verification"]
        for reference in (
            ResourceTemplateReference(uri="agentnet://other/{name}"),
            PromptReference(name="prompt"),
        ):
            with pytest.raises(MCPError, match=r"there is no template|no prompts"):
                await client.complete(reference, {"name": "agent", "value": ""})


async def test_long_lists_come_in_pages(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running.client() as client:
        whole = [resource.uri for resource in (await client.list_resources(cache_mode="bypass")).resources]
        monkeypatch.setattr(server, "PAGE", 5)
        found: list[str] = []
        cursor = None
        while True:
            page = await client.list_resources(cursor=cursor, cache_mode="bypass")
            assert len(page.resources) <= 5
            found += [resource.uri for resource in page.resources]
            if (cursor := page.next_cursor) is None:
                break
        assert found == whole
        for wrong in ("-1", "x", "99999", "9" * 100):
            with pytest.raises(MCPError, match="is no cursor of this list"):
                await client.list_resources(cursor=wrong)


async def test_templates_say_what_can_be_read_by_name(running: Running) -> None:
    async with running.client() as client:
        templates = [template.uri_template for template in (await client.list_resource_templates()).resource_templates]
    assert templates == [
        "agentnet://cards/{agent}",
        "agentnet://protocols/{protocol}",
        "agentnet://runs/{run}",
        "agentnet://reports/{evaluation}",
    ]


async def _completed(client: Client, template: str, begun: str) -> list[str]:
    variable = template.partition("{")[2].rstrip("}")
    reference = ResourceTemplateReference(uri=template)
    return (await client.complete(reference, {"name": variable, "value": begun})).completion.values
