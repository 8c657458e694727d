"""The content of a scenario file."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.limits import Limits


class Within(FileModel):
    """A number that an answer may miss by at most `tolerance`. Units after the number are ignored."""

    value: float
    tolerance: float = Field(default=0.0, ge=0)


class Expect(FileModel):
    """The expected answer: exactly one of these."""

    answer: str | None = Field(default=None, description="the answer, compared by `agentnet.answers.same`")
    one_of: tuple[str, ...] | None = Field(default=None, min_length=1)
    contains: str | None = Field(default=None, description="text that the answer contains, in any case")
    within: Within | None = None

    @field_validator("answer", "contains", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return _as_written(value)

    @field_validator("one_of", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        return [_as_written(part) for part in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _one_kind(self) -> Expect:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of answer, one_of, contains, within; found {', '.join(given) or 'none'}")
        return self


def _as_written(value: object) -> object:
    """The text of a YAML value: YAML reads ``answer: 632`` as a number and ``answer: yes`` as true."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


class ScenarioTask(FileModel):
    """One question. Without `expect`, it is right if its run ends with the scenario's status."""

    text: str = Field(min_length=1)
    label: str | None = Field(default=None, description="the kind of task, as agents' cards name it")
    expect: Expect | None = None


class Expectations(FileModel):
    """The expectations of a whole scenario."""

    min_right: float = Field(default=1.0, ge=0, le=1, description="share of tasks with a right answer")
    max_calls: int | None = Field(default=None, ge=1, description="model calls, over all tasks")
    agents_took_part: tuple[str, ...] = Field(default=(), description="agents that took a turn in any run")
    status: Literal["done", "failed", "stopped"] = Field(default="done", description="the final status of every run")


class ScenarioSpec(FileModel):
    """A scenario: tasks, the network and the protocol that answer them, and the expected results.

    `network` is ``zoo`` or a network file; `protocol` is a shipped protocol's name, a protocol file, or an inline
    expression. Files are looked up in the scenario's folder first.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    summary: str = Field(min_length=1, description="one line")
    story: str = Field(default="", description="one paragraph: the situation that the tasks come from")
    tasks: tuple[ScenarioTask, ...] = Field(min_length=1)
    network: str = "zoo"
    protocol: str | dict[str, Any]
    limits: Limits = Limits()
    seed: int = 0
    expectations: Expectations = Expectations()
