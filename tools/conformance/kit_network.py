"""A network for A2A's kit: its members say what the kit's scenarios want to hear.

A message of the kit tells by the beginning of its id which scenario it belongs to; `KitTasks` puts the protocol into
its metadata, as any client could. Everything else is what `agentnet serve` runs, but for three scenarios that a network
of models has not: a file, a link, and a message instead of a task. `KitHandler` makes those from the task's answer.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from a2a.helpers.proto_helpers import new_text_message
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import Message, Part, SendMessageRequest, Task
from google.protobuf.json_format import ParseDict

from agentnet.agents import HumanAgent, ModelAgent
from agentnet.contracts.cards import Card
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.serving import Caller
from agentnet.models.scripted import ScriptedModel
from agentnet.network import Network
from agentnet.prompts import find_pack
from agentnet.serving.a2a.asking import EXTENSION, JSON
from agentnet.serving.a2a.request_handler import TaskRequestHandler
from agentnet.serving.a2a.service import Sent, Tasks
from agentnet.serving.a2a.surface import surface
from agentnet.serving.app import application
from agentnet.serving.gateway import Gateway
from agentnet.serving.process import listen, serving, url_of
from agentnet.serving.running import RunService
from agentnet.session import Session
from agentnet.settings import resolve
from agentnet.store.storage import open_storage

PERSON, DIRECT = "person", "direct"
SAYS: Mapping[str, str] = {
    "complete": "Hello from TCK",
    "text": "Generated text content",
    "data": '{"key": "value", "count": 42}',
    DIRECT: "Direct message response",
}
"""Member → its answer."""
SCENARIOS: Mapping[str, str] = {
    "tck-input-required": PERSON,
    "tck-artifact-text": "text",
    "tck-artifact-data": "data",
    "tck-message-response": DIRECT,
}
"""Beginning of a message's id → the member that is asked; any other message asks `complete`."""
FILES: Mapping[str, Part] = {
    "tck-artifact-file-url": Part(url="https://example.com/output.txt", media_type="text/plain", filename="output.txt"),
    "tck-artifact-file": Part(raw=b"tck", media_type="text/plain", filename="output.txt"),
}


class KitTasks(Tasks):
    """Tasks that follow the kit's scenarios."""

    async def send(self, caller: Caller, request: SendMessageRequest) -> Sent:
        member = next((name for start, name in SCENARIOS.items() if _begins(request, start)), "complete")
        ParseDict({EXTENSION: {"protocol": f"kit/{member}"}}, request.message.metadata)
        if member == "data":
            request.configuration.accepted_output_modes.append(JSON)
        return await super().send(caller, request)


class KitHandler(TaskRequestHandler):
    """Answers the scenarios that a network has not."""

    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task | Message:
        task = await super().on_message_send(params, context)
        assert isinstance(task, Task)
        if _begins(params, "tck-message-response"):
            return new_text_message(task.artifacts[0].parts[0].text, context_id=task.context_id)
        for start, part in FILES.items():
            if _begins(params, start):
                task.artifacts[0].parts[0].CopyFrom(part)
                break
        return task


def _begins(request: SendMessageRequest, start: str) -> bool:
    return request.message.message_id.startswith(start)


def network() -> Network:
    """Return a network of the members and a person."""
    pack, card = find_pack("compact"), Card()
    agents = [ModelAgent(name, _always(answer), card, pack) for name, answer in SAYS.items()]
    person = HumanAgent(PERSON, card, find_pack("person"))
    members = [AgentSpec.model_validate({"name": agent.name, "model": f"{agent.name}.gguf"}) for agent in agents]
    members.append(AgentSpec.model_validate({"name": PERSON, "human": "terminal"}))
    return Network(NetworkSpec(name="kit", agents=tuple(members)), [*agents, person])


def _always(answer: str) -> ScriptedModel:
    return ScriptedModel(lambda request: f"=> {answer}")


async def main() -> None:
    listening = listen("127.0.0.1", 0)
    with tempfile.TemporaryDirectory(prefix="agentnet-a2a-kit-") as name:
        folder = Path(name)
        settings = resolve(home=str(folder), store=str(folder / "store.db"))
        async with open_storage(settings) as storage:
            session = Session(network(), settings=settings, storage=storage)
            gateway = Gateway(session, RunService(session), url_of(listening))
            routes = surface(gateway, KitHandler(KitTasks(gateway))).routes
            async with gateway.runs.running(drain=0), serving(application(routes), listening):
                print(gateway.url, flush=True)
                await asyncio.to_thread(sys.stdin.read)
            await session.close()


if __name__ == "__main__":
    asyncio.run(main())
