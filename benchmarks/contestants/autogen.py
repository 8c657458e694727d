"""As many turns in AutoGen: three assistants in a round robin. One after the other, for that is how it takes turns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelInfo, RequestUsage

from benchmarks.contestants import AGENTS, REPLY, TASK, TURNS, Contestant, Debate

NOTHING = RequestUsage(prompt_tokens=0, completion_tokens=0)


class Instant(ChatCompletionClient):
    """A model client that answers at once."""

    component_type = "model"

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        return CreateResult(finish_reason="stop", content=REPLY, usage=NOTHING, cached=False)

    async def create_stream(
        self, messages: Sequence[LLMMessage], **_: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        yield await self.create(messages)

    async def close(self) -> None:
        pass

    def actual_usage(self) -> RequestUsage:
        return NOTHING

    def total_usage(self) -> RequestUsage:
        return NOTHING

    def count_tokens(self, messages: Sequence[LLMMessage], **_: Any) -> int:
        return 0

    def remaining_tokens(self, messages: Sequence[LLMMessage], **_: Any) -> int:
        return 1_000_000

    @property
    def capabilities(self) -> Any:
        return self.model_info

    @property
    def model_info(self) -> ModelInfo:
        return ModelInfo(
            vision=False, function_calling=False, json_output=False, family="unknown", structured_output=False
        )

    def _to_config(self) -> Mapping[str, Any]:
        return {}


@asynccontextmanager
async def round_robin(folder: Path) -> AsyncIterator[Debate]:
    client = Instant()

    async def debate(number: int) -> str:
        # A team remembers its conversation, so each debate has a fresh one, as its documentation asks for.
        agents = [AssistantAgent(name, model_client=client, system_message="Answer.") for name in AGENTS]
        team = RoundRobinGroupChat(agents, termination_condition=MaxMessageTermination(TURNS + 1))
        said = [message for message in (await team.run(task=TASK)).messages if isinstance(message, TextMessage)]
        assert len(said) == TURNS + 1, f"{len(said) - 1} turns instead of {TURNS}"
        return said[-1].content.rpartition("Answer: ")[2]

    yield debate


CONTESTANTS = (Contestant("AutoGen round robin", False, round_robin),)
