"""A network as an agent of A2A, asked by the SDK's own clients over both transports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from a2a.client.errors import A2AClientError
from a2a.helpers.proto_helpers import get_artifact_text, get_data_parts
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import (
    A2AError,
    ContentTypeNotSupportedError,
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from .conftest import Served, last, request, said, served

BINDINGS = pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
WORKING, WAITING = TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_INPUT_REQUIRED
DONE, CANCELED = TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_CANCELED


def artifacts(task: Task) -> dict[str, str]:
    return {artifact.name: get_artifact_text(artifact) for artifact in task.artifacts}


@BINDINGS
async def test_a_message_becomes_a_run_whose_answer_is_an_artifact(server: Served, binding: str) -> None:
    async with server.client(binding, streaming=False) as client:
        task = (await last(client.send_message(request()))).task
        assert task.status.state == DONE
        assert artifacts(task) == {"answer": "391", "provenance": ""}
        (provenance,) = get_data_parts(task.artifacts[1].parts)
        assert (provenance["run"], provenance["agents"], provenance["usage"]["calls"]) == (task.id, ["scout"], 1)
        assert [said(message) for message in task.history] == [["What is 17 * 23?"]]
        found = await client.get_task(GetTaskRequest(id=task.id))
    assert found == task
    record = await server.gateway.session.runs.record(task.id)
    assert record.answer == "391"
    assert record.served is not None
    assert (record.served.caller, record.served.surface, record.served.context) == ("ann", "a2a", task.context_id)


@BINDINGS
async def test_a_stream_tells_the_task_then_what_members_say_then_the_answer(server: Served, binding: str) -> None:
    async with server.client(binding) as client:
        heard: list[StreamResponse] = []
        async for response in client.send_message(request(protocol="team/atlas")):
            heard.append(response)
            server.gate.open.set()
    kinds = [response.WhichOneof("payload") for response in heard]
    assert kinds == ["task", "status_update", "artifact_update", "artifact_update", "status_update"]
    assert heard[0].task.status.state == WORKING
    assert said(heard[1].status_update.status.message) == ["slowly => 391"]
    assert get_artifact_text(heard[2].artifact_update.artifact) == "391"
    assert heard[4].status_update.status.state == DONE


@BINDINGS
async def test_a_persons_turn_is_input_that_the_next_message_gives(server: Served, binding: str) -> None:
    async with server.client(binding) as client:
        asked = [response async for response in client.send_message(request(protocol="team/maria"))]
        task = asked[0].task
        waiting = await client.get_task(GetTaskRequest(id=task.id))
        assert waiting.status.state == WAITING
        assert "What is 17 * 23?" in said(waiting.status.message)[0]
        answered = request("it is 391", taskId=task.id)
        answered.configuration.history_length = 1
        heard = [response async for response in client.send_message(answered)]
        assert heard[-1].status_update.status.state == DONE
        done = await client.get_task(GetTaskRequest(id=task.id))
        assert artifacts(done)["answer"] == "it is 391"
        assert [said(message) for message in done.history] == [["What is 17 * 23?"], ["it is 391"]]
        short = await client.get_task(GetTaskRequest(id=task.id, history_length=1))
        assert [said(message) for message in short.history] == [["it is 391"]]
        with pytest.raises(UnsupportedOperationError):
            await last(client.send_message(request("again", taskId=task.id)))


@BINDINGS
async def test_who_subscribes_follows_a_task_to_its_end(server: Served, binding: str) -> None:
    async with server.client(binding, streaming=False, polling=True) as client:
        task = (await last(client.send_message(request(protocol="team/maria")))).task
    async with server.client(binding) as first, server.client(binding) as second:
        streams = [client.subscribe(SubscribeToTaskRequest(id=task.id)) for client in (first, second)]
        for stream in streams:
            assert (await anext(stream)).task.status.state == WAITING
        async with server.client(binding) as third:
            await last(third.send_message(request("391", taskId=task.id)))
        rest = [[response async for response in stream] for stream in streams]
        assert rest[0] == rest[1]
        assert rest[0][-1].status_update.status.state == DONE
        with pytest.raises(UnsupportedOperationError):
            await last(first.subscribe(SubscribeToTaskRequest(id=task.id)))


@BINDINGS
async def test_a_task_that_is_canceled_stays_so(server: Served, binding: str) -> None:
    async with server.client(binding, streaming=False, polling=True) as client:
        task = (await last(client.send_message(request(protocol="team/atlas")))).task
        assert task.status.state == WORKING
        await server.gate.asked.wait()
        with pytest.raises(UnsupportedOperationError):
            await last(client.send_message(request("and?", taskId=task.id)))
        assert (await client.cancel_task(CancelTaskRequest(id=task.id))).status.state == CANCELED
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task.id))
    assert (await server.gateway.session.runs.record(task.id)).status == "cancelled"


@BINDINGS
async def test_a_context_is_a_conversation(server: Served, binding: str) -> None:
    async with server.client(binding, streaming=False) as client:
        first = (await last(client.send_message(request("What is 17 * 23?", contextId="sums")))).task
        assert first.context_id == "sums"
        await last(client.send_message(request("And twice that?", contextId="sums")))
        await last(client.send_message(request("Alone", contextId="other")))
    async with server.client(binding, "bob", streaming=False) as client:
        await last(client.send_message(request("Who am I?", contextId="sums")))
    texts = [request.messages[-1]["content"] for request in server.requests]
    assert "User: What is 17 * 23?" in texts[1]
    assert "Assistant: 391" in texts[1]
    assert "User: And twice that?" in texts[1]
    assert all("Assistant" not in text for text in (texts[0], texts[2], texts[3]))


@BINDINGS
async def test_callers_see_their_own_tasks_alone(server: Served, binding: str) -> None:
    async with (
        server.client(binding, "ann", streaming=False, polling=True) as ann,
        server.client(binding, "bob") as bob,
    ):
        task = (await last(ann.send_message(request(protocol="team/maria")))).task
        for attempt in (
            bob.get_task(GetTaskRequest(id=task.id)),
            bob.cancel_task(CancelTaskRequest(id=task.id)),
            last(bob.send_message(request("391", taskId=task.id))),
            last(bob.subscribe(SubscribeToTaskRequest(id=task.id))),
            ann.get_task(GetTaskRequest(id=task.id[:6])),
        ):
            with pytest.raises(TaskNotFoundError):
                await attempt
        assert (await bob.list_tasks(ListTasksRequest())).total_size == 0
        assert (await ann.list_tasks(ListTasksRequest())).total_size == 1
    async with server.client(binding, "owner") as owner:
        assert (await owner.get_task(GetTaskRequest(id=task.id))).id == task.id


@BINDINGS
async def test_tasks_are_listed_page_by_page(server: Served, binding: str) -> None:
    async with server.client(binding, streaming=False) as client:
        done = [(await last(client.send_message(request(contextId=f"c{n % 2}")))).task.id for n in range(5)]
    async with server.client(binding, streaming=False, polling=True) as client:
        waiting = (await last(client.send_message(request(protocol="team/maria")))).task.id
        seen: list[str] = []
        wanted = ListTasksRequest(page_size=2)
        while True:
            page = await client.list_tasks(wanted)
            assert (page.total_size, page.page_size) == (6, 2)
            assert not any(task.artifacts for task in page.tasks)
            seen += [task.id for task in page.tasks]
            if not page.next_page_token:
                break
            wanted.page_token = page.next_page_token
        assert seen == [waiting, *reversed(done)]
        for state, expected in ((DONE, 5), (WAITING, 1), (WORKING, 0), (TaskState.TASK_STATE_REJECTED, 0)):
            assert (await client.list_tasks(ListTasksRequest(status=state))).total_size == expected
        of_context = await client.list_tasks(ListTasksRequest(context_id="c1", include_artifacts=True))
        assert [artifacts(task)["answer"] for task in of_context.tasks] == ["391", "391"]
        with pytest.raises(InvalidParamsError):
            await client.list_tasks(ListTasksRequest(page_token="nonsense"))


@BINDINGS
async def test_tasks_outlive_the_server(tmp_path: Path, binding: str) -> None:
    async with served(tmp_path) as before, before.client(binding, streaming=False, polling=True) as client:
        asking = (await last(client.send_message(request(protocol="team/maria", contextId="sums")))).task
        working = (await last(client.send_message(request(protocol="team/atlas")))).task
        await before.gate.asked.wait()
    async with served(tmp_path) as after, after.client(binding, streaming=False) as client:
        found = await client.get_task(GetTaskRequest(id=working.id))
        assert found.status.state == WORKING
        after.gate.open.set()
        while (found := await client.get_task(GetTaskRequest(id=working.id))).status.state == WORKING:
            await asyncio.sleep(0.01)
        assert artifacts(found)["answer"] == "391"
        done = (await last(client.send_message(request("391", taskId=asking.id)))).task
        assert (done.status.state, done.context_id) == (DONE, "sums")


REFUSED: tuple[tuple[dict[str, Any], type[A2AError]], ...] = (
    ({"parts": [{"raw": "dGNr", "mediaType": "image/png"}]}, ContentTypeNotSupportedError),
    ({"parts": [{"url": "https://example.com/x"}]}, ContentTypeNotSupportedError),
    ({"parts": [{"text": "  "}]}, InvalidParamsError),
    ({"parts": []}, InvalidParamsError),
    ({"messageId": ""}, InvalidParamsError),
    ({"taskId": "nosuchtask"}, TaskNotFoundError),
    ({"contextId": "x" * 300}, InvalidParamsError),
    ({"metadata": {"urn:agentnet:run": {"protocol": "/etc/passwd"}}}, InvalidParamsError),
    ({"metadata": {"urn:agentnet:run": {"protocol": "{ask: scout}"}}}, InvalidParamsError),
    ({"metadata": {"urn:agentnet:run": {"colour": "red"}}}, InvalidParamsError),
    ({"metadata": {"urn:agentnet:run": "debate"}}, InvalidParamsError),
    ({"metadata": {"urn:agentnet:run": {"protocol": "verification"}}}, InvalidParamsError),
)


@BINDINGS
async def test_what_cannot_be_asked_is_refused_by_name(server: Served, binding: str) -> None:
    async with server.client(binding) as client:
        for fields, kind in REFUSED:
            with pytest.raises(kind) as refused:
                await last(client.send_message(request(**fields)))
            assert "unexpected" not in str(refused.value)
    assert await server.gateway.session.runs.latest() == []


@BINDINGS
async def test_a_limit_is_the_callers_own(server: Served, binding: str) -> None:
    wishes: dict[str, Any] = {
        "metadata": {"urn:agentnet:run": {"protocol": "team/scout", "limits": {"tokens": 1}, "seed": 7}}
    }
    async with server.client(binding, streaming=False) as client:
        task = (await last(client.send_message(request(**wishes)))).task
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert "tokens" in said(task.status.message)[0]
    assert (await server.gateway.session.runs.record(task.id)).seed == 7


async def test_an_answer_is_data_for_a_client_that_takes_json_first(server: Served) -> None:
    async with server.client(streaming=False, accepted_output_modes=["application/json"]) as client:
        task = (await last(client.send_message(request()))).task
    assert get_data_parts(task.artifacts[0].parts) == [391]
    async with server.client(streaming=False, accepted_output_modes=["image/png"]) as client:
        with pytest.raises(ContentTypeNotSupportedError):
            await last(client.send_message(request()))


async def test_nobody_is_let_in_without_a_key(server: Served) -> None:
    with pytest.raises(A2AClientError):
        async with server.client(name="mallory") as client:
            await last(client.send_message(request()))
