"""What the API takes and shows, as types: the OpenAPI document is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from agentnet.contracts.cards import Label
from agentnet.contracts.conversation import Utterance
from agentnet.contracts.events import RunStatus
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import LARGEST_INTEGER, Message
from agentnet.contracts.questions import Question
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.runs import ForkedFrom, RunRecord
from agentnet.contracts.serving import KeyLimits, Scope, Surface
from agentnet.contracts.usage import Usage
from agentnet.rendering.describe import Part, describe

Expression = dict[str, Any]
"""A protocol expression as data, such as ``{"verify": {"proposer": "scout", "verifier": "critic"}}``."""


class Sent(BaseModel):
    """The base of what callers send: fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ask(Sent):
    """A question to the network."""

    question: str | Annotated[list[Utterance], Field(min_length=1, max_length=1000)] = Field(
        description="a text, or the turns of a conversation", examples=["What is 12 + 7?"]
    )
    protocol: str | Expression = Field(
        default="auto",
        description="auto, a protocol's name, NETWORK/AGENT, or an expression",
        examples=["best", {"parallel": ["@solver", "@solver"]}],
    )
    label: Label | None = Field(default=None, description="the task's kind, as cards name it")
    seed: int = Field(default=0, ge=0, le=LARGEST_INTEGER)
    limits: Limits | None = None
    replies: ReplyOptions = Field(default=ReplyOptions(), description="sampling and form of free replies")


class Answer(Sent):
    """What a person says."""

    words: str = Field(min_length=1, max_length=100_000)


class Resume(Sent):
    """How a run goes on."""

    limits: Limits | None = Field(default=None, description="replace the run's own")


class Fork(Sent):
    """How another run goes on from a message of a run."""

    message: str = Field(min_length=1, max_length=128, description="id of the last message that is kept")
    protocol: str | Expression | None = Field(
        default=None,
        description="a protocol that begins with what was said; null: the run's own goes on from there",
        examples=["vote"],
    )
    seed: int | None = Field(default=None, ge=0, le=LARGEST_INTEGER, description="null: another than the run's own")
    limits: Limits | None = Field(default=None, description="null: the run's own")
    replies: ReplyOptions | None = Field(default=None, description="null: the run's own")


class Judged(Sent):
    """What a user says of an answer."""

    right: bool = Field(strict=True)


class Check(Sent):
    """A protocol to be checked: the YAML text of a file or an expression, or an expression as data."""

    protocol: str | Expression


class RunSummary(BaseModel):
    """A run, as lists show it."""

    id: str
    task: str
    label: str | None
    protocol: str
    status: RunStatus
    answer: str | None
    detail: str
    created: datetime
    updated: datetime
    surface: Surface | None = Field(description="by which protocol it was asked for; null: by a program of the machine")
    caller: str | None = Field(description="id of the caller's key")
    detached: bool
    forked_from: ForkedFrom | None = Field(description="what it began with, if it was forked from another run")
    outcome: bool | None = Field(description="whether a user said that its answer was right; null: no user said")
    usage: Usage = Field(description="what its own messages used so far")

    @classmethod
    def of(cls, record: RunRecord, usage: Usage, **more: Any) -> RunSummary:
        """Return what is shown of a run."""
        served = record.served
        return cls(
            id=record.id,
            task=record.task.text,
            label=record.task.label,
            protocol=record.protocol_name,
            status=record.status,
            answer=record.answer,
            detail=record.detail,
            created=record.created,
            updated=record.updated,
            surface=None if served is None else served.surface,
            caller=None if served is None else served.caller,
            detached=served is not None and served.detached,
            forked_from=record.forked_from,
            outcome=record.outcome,
            usage=usage,
            **more,
        )


class Run(RunSummary):
    """A run, with all that was asked of it."""

    network: str
    members: tuple[str, ...] = Field(description="names of the network's members when it began, in their order")
    expression: Any = Field(description="the protocol, bound to members, with every default written out")
    seed: int
    limits: Limits
    replies: ReplyOptions | None
    question: Question | None = Field(description="the question for a person that it waits for")

    @classmethod
    def of(cls, record: RunRecord, usage: Usage, *, question: Question | None = None, **more: Any) -> Run:
        """Return all that is shown of a run."""
        shown = super().of(
            record,
            usage,
            network=record.network.name,
            members=tuple(agent.name for agent in record.network.agents),
            expression=record.protocol.get("protocol"),
            seed=record.seed,
            limits=record.limits,
            replies=record.replies,
            question=question,
            **more,
        )
        assert isinstance(shown, Run)
        return shown


class RunPage(BaseModel):
    """Some runs, those that changed last first."""

    runs: list[RunSummary]
    next: str | None = Field(description="`cursor` of the next page; null on the last one")


class Shown(BaseModel):
    """What a message says, for people: as the terminal and notebooks show it."""

    kind: str = Field(description="the kind of its body, with the round from the second one on: `proposal 2`")
    brief: tuple[Part, ...] = Field(description="the answer, in short")
    full: tuple[Part, ...] = Field(description="the whole reply, with its reasons")
    refs: tuple[str, ...] = Field(description="ids of the messages that it decides about, or rests on")
    depth: int = Field(description="expressions around the one that it was said in")

    @classmethod
    def of(cls, message: Message, said: Mapping[str, Message]) -> Shown:
        """Return what is shown of a message; `said` are those that it may refer to, by id."""
        brief, full = describe(message, said), describe(message, said, verbose=True)
        return cls(kind=brief.kind, brief=brief.parts, full=full.parts, refs=brief.refs, depth=brief.depth)


class Started(BaseModel):
    """A run that has begun."""

    id: str


class Learned(BaseModel):
    """What the outcome of a run says of its members."""

    class Of(BaseModel):
        """One member's own answer."""

        member: str
        right: bool
        label: str | None

    run: str
    right: bool
    members: list[Of]


class Cancelled(BaseModel):
    """What came of a wish to cancel."""

    cancelled: bool = Field(description="whether the run was active at this server")


class Me(BaseModel):
    """Who asks."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    limits: KeyLimits


class ProtocolShown(BaseModel):
    """Something that can be asked by its name."""

    name: str
    summary: str
    description: str
    calls: str = Field(description="model calls, in words")
    source: str
    expression: Any
    yaml: str = Field(description="its file")
    ready: bool = Field(description="whether it can be asked now")
    problem: str | None = Field(description="why it cannot")
    members: tuple[str, ...] = Field(description="who may take part")
    people: tuple[str, ...] = Field(description="those of them that are persons")


class Checked(BaseModel):
    """What came of checking a protocol."""

    valid: bool
    problem: str | None = Field(description="the first thing that is wrong, in one line")
    line: int | None = Field(
        default=None, description="the line of a YAML text in which it is wrong, where it is known"
    )
    name: str | None = None
    written: Expression | None = Field(default=None, description="the expression as it was written, to be asked")
    expression: Any = Field(default=None, description="the protocol, bound to members")
    notes: tuple[str, ...] = ()


class Rule(BaseModel):
    """What is used for one kind of task."""

    label: str = Field(description="``*``: every kind that has no rule of its own")
    use: str
    evidence: tuple[str, ...]


class PolicyShown(BaseModel):
    """What was learned about the network, and `auto` goes by."""

    file: str
    created: datetime
    default: str
    rules: list[Rule]
    remarks: list[str]
    policy: dict[str, Any]


class Failure(BaseModel):
    """Why a request is refused, in the form of OpenAI's API."""

    class Reason(BaseModel):
        """What happened, to what, and what to do."""

        message: str
        type: str
        code: str
        param: str | None = Field(description="the field that is wrong")

    error: Reason
