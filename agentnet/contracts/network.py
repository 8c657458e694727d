"""A network file: the agents that are members, and the models behind them."""

from __future__ import annotations

from pydantic import Field, field_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.cards import Card
from agentnet.contracts.messages import CANDIDATE, COORDINATOR, FUSION, USER
from agentnet.contracts.model_specs import ModelSpec
from agentnet.contracts.sampling import Sampling

RESERVED_NAMES = frozenset({COORDINATOR, USER, FUSION, CANDIDATE})
AGENT_NAME = r"^[A-Za-z][A-Za-z0-9_.-]*$"


class AgentSpec(FileModel):
    """One member: a name, a model, a card, a prompt pack and how it samples."""

    name: str = Field(pattern=AGENT_NAME, max_length=64)
    model: ModelSpec
    card: Card = Card()
    pack: str = Field(
        default="instruct", description="a shipped prompt pack's name, or a folder beside the network file"
    )
    sampling: Sampling = Sampling()


class NetworkSpec(FileModel):
    """The content of a network file."""

    name: str
    description: str = ""
    agents: tuple[AgentSpec, ...] = Field(min_length=1)

    @field_validator("agents")
    @classmethod
    def _unique_names(cls, agents: tuple[AgentSpec, ...]) -> tuple[AgentSpec, ...]:
        names = [agent.name for agent in agents]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two agents are called {min(twice)!r}")
        if taken := RESERVED_NAMES & set(names):
            raise ValueError(f"no agent can be called {min(taken)!r}: messages of that sender are not an agent's")
        return agents
