"""A network file: the member agents, and the models behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from agentnet.contracts.base import FileModel
from agentnet.contracts.cards import Card
from agentnet.contracts.grades import Grades
from agentnet.contracts.messages import RESERVED_SENDERS
from agentnet.contracts.model_specs import HumanSpec, MemberSpec
from agentnet.contracts.profiles import Canaries
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.tools import SERVER_NAME, AnyToolServer, ToolUse

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
    tools: ToolUse | None = Field(
        default=None, description="tools that it may use in its turns: names of the form SERVER/TOOL, or more settings"
    )

    @model_validator(mode="after")
    def _has_a_model(self) -> AgentSpec:
        if self.tools is not None and self.is_human:
            raise ValueError("a person uses no tools of a network file: leave out `tools`")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out tools where there are none: a member is then the one that earlier versions recorded."""
        data: dict[str, Any] = serialize(self)
        if self.tools is None:
            data.pop("tools", None)
        return data

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
    tools: Mapping[Annotated[str, Field(pattern=SERVER_NAME)], AnyToolServer] = Field(
        default_factory=dict, description="MCP servers whose tools members may use, by a name of your own"
    )
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

    @model_validator(mode="after")
    def _has_the_servers(self) -> NetworkSpec:
        for agent in self.agents:
            if agent.tools is not None and (unknown := agent.tools.servers - self.tools.keys()):
                raise ValueError(
                    f"{agent.name} uses a tool of {min(unknown)!r}, which is no server under `tools` "
                    f"(there: {', '.join(self.tools) or 'none'})"
                )
        return self


def is_reserved(name: str) -> bool:
    """Return whether a name reads like a reserved one: capitals, dots, hyphens and underscores make no difference."""
    return re.sub(r"[._-]", "", name).casefold() in RESERVED
