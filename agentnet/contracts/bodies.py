"""The bodies of messages: one small type for each kind."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from agentnet.contracts.base import WireModel

REFERENCE = re.compile(r"#(\d+)")
"""``#2`` in a step's text stands for the answer of step 2."""


class Task(WireModel):
    """A task for the network, or for one agent in a delegation."""

    kind: Literal["task"] = "task"
    text: str = Field(min_length=1)
    label: str | None = Field(default=None, description="the kind of task, as agents' cards name it")


class Analysis(WireModel):
    """What kind of task a text is, found without a model call, and which system `auto` uses for it.

    It states the task for the expression that follows: `text` is the task's own.
    """

    kind: Literal["analysis"] = "analysis"
    text: str = Field(min_length=1)
    label: str | None = Field(
        default=None, description="the kind of task: given with it, or found with certainty; null: unknown"
    )
    shares: dict[str, float] = Field(
        default_factory=dict, description="label → probability, the likeliest first; empty where the label was given"
    )
    use: str = Field(default="", description="name of the system that `auto` uses; empty where it does not choose")
    why: str = ""

    @property
    def unknown(self) -> bool:
        """Whether the kind of the task was looked for and not found."""
        return self.label is None


class Step(WireModel):
    """One subtask of a plan. `ask` may refer to the answers of earlier steps as ``#ID``."""

    id: int = Field(ge=1)
    label: str
    ask: str = Field(min_length=1)
    needs: tuple[int, ...] = Field(default=(), description="ids of the steps whose answers this one waits for")


class Plan(WireModel):
    """Subtasks with their dependencies: a directed acyclic graph."""

    kind: Literal["plan"] = "plan"
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_acyclic(self) -> Plan:
        ids = [step.id for step in self.steps]
        if len(set(ids)) != len(ids):
            raise ValueError("two steps have the same id")
        waiting = {step.id: set(step.needs) for step in self.steps}
        for step, needs in waiting.items():
            if unknown := needs - set(ids):
                raise ValueError(f"step {step} needs step {min(unknown)}, which does not exist")
        while ready := [step for step, needs in waiting.items() if not needs]:
            for step in ready:
                del waiting[step]
            for needs in waiting.values():
                needs.difference_update(ready)
        if waiting:
            raise ValueError(f"the steps {', '.join(map(str, sorted(waiting)))} wait for each other in a cycle")
        return self


class Assignment(WireModel):
    """A step of a plan, assigned to an agent, with the answers of earlier steps filled in.

    The answers are other members' words. `text` has them as short values; a prompt may show `ask` and quote them.
    """

    kind: Literal["assignment"] = "assignment"
    step: int
    agent: str
    text: str
    label: str
    ask: str = Field(default="", description="the question as planned, with ``#ID`` for the answers of earlier steps")
    answers: dict[str, str] = Field(
        default_factory=dict, description="ID of each step that `ask` refers to → its answer, in full"
    )


class Proposal(WireModel):
    """An agent's own answer. `text` is the whole reply, `answer` the final answer within it."""

    kind: Literal["proposal"] = "proposal"
    answer: str
    text: str


class Critique(WireModel):
    """Free-text criticism of the transcript."""

    kind: Literal["critique"] = "critique"
    text: str


class Revision(WireModel):
    """An answer given after reading other agents' messages."""

    kind: Literal["revision"] = "revision"
    answer: str
    text: str


class Vote(WireModel):
    """A choice of one candidate: `choice` is the id of the chosen message."""

    kind: Literal["vote"] = "vote"
    choice: str
    reason: str = ""


class Verdict(WireModel):
    """A judgement of an answer. `answer` is the verifier's own answer, if it gives one."""

    kind: Literal["verdict"] = "verdict"
    verdict: Literal["approve", "disapprove"]
    reason: str = ""
    answer: str = ""
    target: str = Field(description="id of the judged message")


class Grade(WireModel):
    """A grade of an answer, on the scale that its judge was given."""

    kind: Literal["grade"] = "grade"
    grade: str
    reason: str = ""
    target: str = Field(description="id of the graded message")


class Synthesis(WireModel):
    """One answer written from several."""

    kind: Literal["synthesis"] = "synthesis"
    answer: str
    text: str


class Piece(WireModel):
    """A piece of a text that several models write together, with each member's contribution.

    The unit of a score depends on the strategy: a sum of logits, a probability. The bytes of an incomplete character
    are joined with the bytes that complete it.
    """

    text: str = Field(description="empty where the text ends")
    score: float
    shares: dict[str, float] = Field(description="member → its contribution to the score")
    runner_up: str | None = Field(default=None, description="the second best; empty: to end the text")
    runner_up_score: float | None = None


class Fusion(WireModel):
    """An answer that several agents write together, token by token."""

    kind: Literal["fusion"] = "fusion"
    answer: str
    text: str
    members: tuple[str, ...]
    strategy: str
    pieces: tuple[Piece, ...] = ()
    respelled: dict[str, int] = Field(
        default_factory=dict,
        description="member → pieces that differ from its own tokens, and were tokenized again",
    )
    dropped: dict[str, str] = Field(default_factory=dict, description="member → why it was left out before the end")
    evaluations: dict[str, int] = Field(
        default_factory=dict,
        description="member → how often its model was asked, if several pieces could be evaluated at once",
    )


class Result(WireModel):
    """The decision of a protocol, or of a part of one. `sources` are the messages that the decision is based on."""

    kind: Literal["result"] = "result"
    answer: str
    decision: str = Field(description="the rule that decided, such as `majority`")
    sources: tuple[str, ...] = ()
    support: dict[str, float] = Field(default_factory=dict, description="answer → weight, if answers were counted")
    approved: bool | None = Field(
        default=None, description="whether a verifier approved the answer; null where none was asked"
    )


class PlannedCall(WireModel):
    """A call that is to be made: a tool, as ``SERVER/TOOL``, and its arguments."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class ToolCall(WireModel):
    """A call of a tool that an agent made within a turn, before its reply. A call without `error` has a result.

    The result is data of the tool's server. A prompt quotes it; it never decides which tool is called.
    """

    kind: Literal["tool-call"] = "tool-call"
    tool: str = Field(description="SERVER/TOOL")
    arguments: dict[str, Any] = Field(default_factory=dict)
    result: str = Field(default="", description="the text of the result")
    cut: bool = Field(default=False, description="the result was longer than allowed: its end is missing")
    error: str = Field(default="", description="why there is no result")
    turn: str = Field(default="", description="id of the message that the turn becomes")
    pending: tuple[PlannedCall, ...] = Field(default=(), description="the calls of the same turn that come after it")


class Refusal(WireModel):
    """The agent declines to answer."""

    kind: Literal["refusal"] = "refusal"
    reason: str


class Error(WireModel):
    """The agent could not answer. `code` is the `code` of a class in `agentnet.errors`."""

    kind: Literal["error"] = "error"
    code: str
    detail: str


class Unknown(WireModel):
    """A body of a kind that a newer minor version added. It is kept, passed on, and otherwise ignored."""

    model_config = ConfigDict(extra="allow")
    kind: str = Field(min_length=1)
    __pydantic_extra__: dict[str, Any]


KINDS: dict[str, type[WireModel]] = {
    body.model_fields["kind"].default: body
    for body in (
        Task,
        Analysis,
        Plan,
        Assignment,
        Proposal,
        Critique,
        Revision,
        Vote,
        Verdict,
        Grade,
        Synthesis,
        Fusion,
        Result,
        ToolCall,
        Refusal,
        Error,
    )
}
"""The bodies of this version, by kind."""


def _tag(value: object) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in KINDS else "unknown"


Body = Annotated[
    Annotated[Task, Tag("task")]
    | Annotated[Analysis, Tag("analysis")]
    | Annotated[Plan, Tag("plan")]
    | Annotated[Assignment, Tag("assignment")]
    | Annotated[Proposal, Tag("proposal")]
    | Annotated[Critique, Tag("critique")]
    | Annotated[Revision, Tag("revision")]
    | Annotated[Vote, Tag("vote")]
    | Annotated[Verdict, Tag("verdict")]
    | Annotated[Grade, Tag("grade")]
    | Annotated[Synthesis, Tag("synthesis")]
    | Annotated[Fusion, Tag("fusion")]
    | Annotated[Result, Tag("result")]
    | Annotated[ToolCall, Tag("tool-call")]
    | Annotated[Refusal, Tag("refusal")]
    | Annotated[Error, Tag("error")]
    | Annotated[Unknown, Tag("unknown")],
    Discriminator(_tag),
]

Answered = (Proposal, Revision, Synthesis, Fusion, Result)
"""The bodies that carry an `answer` to the task."""


def answer_of(body: Body) -> str | None:
    """Return the final answer of a body; None if it carries none."""
    return body.answer if isinstance(body, Answered) else None
