"""A network file: the member agents, and the models behind them."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.cards import Card
from agentnet.contracts.grades import Grades
from agentnet.contracts.messages import RESERVED_SENDERS
from agentnet.contracts.model_specs import HumanSpec, MemberSpec
from agentnet.contracts.profiles import Canaries
from agentnet.contracts.sampling import Sampling

AGENT_NAME = r"^[A-Za-z][A-Za-z0-9_.-]*$"
RESERVED = RESERVED_SENDERS | {"agentnet", "everyone", "system"}
"""Names that no member can have, in any spelling: they would read like another sender, or like all of them."""
RECORDED = {"recorded": True}
"""Context for validating the network of a stored run: an earlier version may have admitted its names."""


class AgentSpec(FileModel):
    """One member: a name, a model (or a person), a card, a prompt pack and sampling settings.

    ``{name: maria, human: terminal}`` is short for a member whose model is ``{human: terminal}``.
    """

    name: str = Field(pattern=AGENT_NAME, max_length=64)
    model: MemberSpec
    card: Card = Card()
    pack: str = Field(
        default="instruct", description="a shipped prompt pack's name, or a folder beside the network file"
    )
    sampling: Sampling = Sampling()
    vouched: bool = Field(
        default=False,
        description="your word for this member: the measurements on its card are your own, and its server's "
        "log-probabilities are honest. Otherwise measurements on the card count as claims",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        if isinstance(value, dict) and "human" in value and "model" not in value:
            return {**{key: part for key, part in value.items() if key != "human"}, "model": {"human": value["human"]}}
        return value

    @property
    def is_human(self) -> bool:
        return isinstance(self.model, HumanSpec)


class NetworkSpec(FileModel):
    """The content of a network file."""

    name: str
    description: str = ""
    agents: tuple[AgentSpec, ...] = Field(min_length=1)
    canaries: Canaries = Field(
        default=Canaries(), description="how members are measured while they work, and what newcomers have to prove"
    )
    embeddings: str | None = Field(
        default=None,
        description="a GGUF embedding model by which kinds of tasks are told apart: a file, relative to this one, or "
        "hf://owner/repo/file.gguf. None: by character n-grams",
    )
    grades: Grades | str | None = Field(
        default=None, description="how the members graded each other, or the file beside this one that says so"
    )

    @field_validator("agents")
    @classmethod
    def _own_names(cls, agents: tuple[AgentSpec, ...], info: ValidationInfo) -> tuple[AgentSpec, ...]:
        names = [agent.name for agent in agents]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two agents are called {min(twice)!r}")
        if info.context != RECORDED and (taken := [name for name in names if is_reserved(name)]):
            raise ValueError(f"no agent can be called {min(taken)!r}: the name is reserved; choose another")
        return agents


def is_reserved(name: str) -> bool:
    """Return whether a name reads like a reserved one: capitals, dots, hyphens and underscores make no difference."""
    return re.sub(r"[._-]", "", name).casefold() in RESERVED
