"""What the tools take and give: their JSON Schemas are made from these types."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from agentnet.contracts.base import FileModel, WireModel
from agentnet.contracts.events import RunStatus
from agentnet.contracts.limits import Limits
from agentnet.serving.reading import MOST_VALUES, is_bounded

MOST_TEXT = 200_000
"""Characters of the longest question."""
MOST_COMPARED = 8
"""Protocols that one call compares."""

Name = Annotated[str, Field(min_length=1, max_length=100)]


class Asking(FileModel):
    """What every tool takes."""

    question: str = Field(min_length=1, max_length=MOST_TEXT, description="The question, complete in itself.")
    label: str | None = Field(
        default=None,
        max_length=64,
        description="The kind of task, as the members' cards name it (see the resource agentnet://network). It helps "
        "to choose who answers; without it, the text decides.",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="Runs of the same seed are the same.")
    max_tokens: int | None = Field(default=None, ge=1, description="The most tokens that each run may use in all.")
    max_seconds: float | None = Field(default=None, gt=0, le=86_400, description="The longest that each run may take.")

    @property
    def limits(self) -> Limits | None:
        """Return the limits of each run; None where there are none."""
        if self.max_tokens is None and self.max_seconds is None:
            return None
        return Limits(tokens=self.max_tokens, seconds=self.max_seconds)


class AskArguments(Asking):
    """Arguments of ``ask``."""


class RunArguments(Asking):
    """Arguments of ``run_protocol``."""

    protocol: Name | dict[str, Any] = Field(
        description="A protocol's name, a member's name (it answers alone), or a protocol's expression as an object, "
        'such as {"verify": {"proposer": "@solver", "verifier": "@verifier"}}. The resource agentnet://network lists '
        "the names."
    )

    @field_validator("protocol")
    @classmethod
    def _bounded(cls, protocol: str | dict[str, Any]) -> str | dict[str, Any]:
        if not is_bounded(protocol):
            raise ValueError(f"an expression has at most {MOST_VALUES} values")
        return protocol


class CompareArguments(Asking):
    """Arguments of ``compare``."""

    protocols: tuple[Name, ...] = Field(
        min_length=1,
        max_length=MOST_COMPARED,
        description="Names of protocols or members. The protocol best, the best single model, always takes part.",
    )


class Used(WireModel):
    """What a run used."""

    calls: int = Field(description="calls of models")
    prompt_tokens: int
    completion_tokens: int
    seconds: float = Field(description="time inside the models")
    cost: float = Field(description="at the prices of the members' cards")


class Answered(WireModel):
    """How a run ended."""

    run: str = Field(description="the run's id")
    resource: str = Field(description="where the whole run can be read")
    status: RunStatus
    answer: str | None
    approved: bool | None = Field(description="whether a verifier approved the answer; null where none was asked")
    protocol: str
    agents: tuple[str, ...] = Field(description="the members that took part")
    detail: str = Field(description="why there is no answer; empty where there is one")
    usage: Used


class Contestant(Answered):
    """How a compared run ended."""

    name: str = Field(description="the protocol or member, as the call named it")
    agrees_with_best: bool | None = Field(description="null where one of the two has no answer")


class Compared(WireModel):
    """What several protocols answered; the best single model comes first."""

    contestants: tuple[Contestant, ...]
