"""The debate in AgentNet: the coordinator, with and without its store and checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agentnet.agents import ModelAgent
from agentnet.contracts.bodies import Task
from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.protocols import Ask, ProtocolSpec
from agentnet.contracts.protocols import Debate as DebateSpec
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Coordinator
from agentnet.models.base import Chunk, Completion, ModelCapabilities, Request
from agentnet.network import Network
from agentnet.prompts import find_pack
from agentnet.store import Database, Runs, open_checkpointer
from benchmarks.contestants import AGENTS, REPLY, ROUNDS, TASK, Contestant, Debate

COMPLETION = Completion(REPLY, "stop", Usage(calls=1, prompt_tokens=100, completion_tokens=10))
PROTOCOL = ProtocolSpec(
    name="debate",
    summary="three agents, three rounds",
    protocol=DebateSpec(members=tuple(Ask(agent=name) for name in AGENTS), rounds=ROUNDS, stop="never"),
)


class Instant:
    """A model that answers at once."""

    name = "instant"
    capabilities = ModelCapabilities(context=None, schema=True, logprobs=True)

    async def generate(self, request: Request) -> Completion:
        return COMPLETION

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        yield Chunk(REPLY, COMPLETION)

    async def close(self) -> None:
        pass


def network() -> Network:
    """Three agents that share one model."""
    model = Instant()
    spec = NetworkSpec(
        name="bench", agents=tuple(AgentSpec(name=name, model=LlamaSpec(path="scripted")) for name in AGENTS)
    )
    pack = find_pack("instruct")
    return Network(spec, [ModelAgent(name, model, Card(), pack) for name in AGENTS])


def _debate(coordinator: Coordinator) -> Debate:
    async def debate(number: int) -> str:
        outcome = await coordinator.run(Task(text=TASK), PROTOCOL, run=f"run-{number}")
        return outcome.answer or ""

    return debate


@asynccontextmanager
async def in_memory(folder: Path) -> AsyncIterator[Debate]:
    yield _debate(Coordinator(network()))


@asynccontextmanager
async def with_store(folder: Path) -> AsyncIterator[Debate]:
    async with (
        await Database.open(folder / "store.db") as database,
        open_checkpointer(folder / "checkpoints.db") as saver,
    ):
        yield _debate(Coordinator(network(), store=Runs(database), checkpointer=saver))


CONTESTANTS = (
    Contestant("AgentNet", False, in_memory),
    Contestant("AgentNet", True, with_store),
)
