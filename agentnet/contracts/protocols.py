"""Protocol expressions: how agents collaborate, as data.

An expression is a tree of combinators. In YAML each is a mapping with one key, and a bare string asks one agent::

    verify:
      proposer: {parallel: {branches: ["@solver"], decide: majority}}
      verifier: "@verifier"

The same tree in Python: ``Verify(proposer=Parallel(branches=["@solver"]), verifier="@verifier")``.

**Selectors.** An agent is named (``scout``) or selected: ``@ROLE`` by the roles on its card, ``@all``, or ``@best``
(the best card for the task's label, looked up when the task is known). In a list of agents, ``@ROLE`` stands for all of
them in the network's order (``@ROLE:2`` for the first two); as a single agent, it stands for the first.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, model_serializer, model_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.cards import Label, Share
from agentnet.contracts.formats import Format
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.tagged import OneOf, TaggedModel
from agentnet.files.names import suggestion

Selector = Annotated[str, Field(pattern=r"^(@[a-z_]+(:[1-9][0-9]*)?|[A-Za-z][A-Za-z0-9_.-]*)$")]

BEST = "@best"
"""The selector of the agent whose card is best for the label of the task."""

Settled = Literal["reason", "score"]
"""The way of a closed choice: the model writes a reason and then its choice, or scores each possible choice."""

Quorum = Literal["members", "answered"]
"""Of whom a decision needs half, and a consensus its share: of all members, or of those that answered."""

QUORUM = "`answered`: members that failed do not count; else a decision needs answers of half of the members"


class Ask(TaggedModel):
    """One turn of one agent. Without a role it solves the task, or revises if there are messages to read."""

    kind = "ask"
    bare: ClassVar[dict[str, Any] | None] = {"type": "string"}
    agent: Selector
    role: Literal["solve", "revise", "review", "critique", "conclude", "synthesize"] | None = None
    sampling: Sampling | None = Field(default=None, description="replaces the agent's own sampling")
    format: Format | None = Field(default=None, description="the form that the reply is held to")

    @model_serializer(mode="plain")
    def _wrap(self) -> Any:
        bare = self.role is None and self.sampling is None and self.format is None
        return self.agent if bare else super()._wrap()


class Serial(TaggedModel):
    """A chain: each step reads the output of the step before it (with ``see: all``, of all steps before it)."""

    kind = "serial"
    steps: tuple[Expression, ...] = Field(min_length=1)
    see: Literal["last", "all"] = "last"


class Parallel(TaggedModel):
    """Branches that answer independently, and a decision among their answers."""

    kind = "parallel"
    branches: tuple[Expression, ...] = Field(min_length=1)
    times: int = Field(default=1, ge=1, le=1000, description="run each branch this many times, with different seeds")
    decide: Decision = "majority"
    quorum_of: Quorum = Field(default="members", description=QUORUM)
    stop: Literal["never", "decided"] = Field(
        default="never",
        description="`decided`: the branches are asked in their order, at most as many at once as could decide, and no "
        "more once no answer that is left could change the decision (majority, weighted, first)",
    )

    @model_validator(mode="after")
    def _can_be_decided(self) -> Parallel:
        if self.stop == "decided" and not (self.decide in ("majority", "first") or isinstance(self.decide, Weighted)):
            raise ValueError("`stop: decided` needs a rule that counts answers: majority, weighted or first")
        return self


class Debate(TaggedModel):
    """Members that answer, read each other, and answer again, until they agree or the rounds are over."""

    kind = "debate"
    members: tuple[Expression, ...] = Field(min_length=1)
    rounds: int = Field(default=3, ge=1, le=1000, description="the first round is the independent answer")
    see: Literal["all", "others", "next"] = Field(
        default="all", description="whose last answers a member reads; `next` is a ring: only its neighbour's"
    )
    stop: Literal["consensus", "never"] = "consensus"
    quorum: float = Field(default=1.0, gt=0.5, le=1.0, description="share of equal answers that counts as consensus")
    quorum_of: Quorum = Field(default="members", description=QUORUM)
    decide: Decision = "majority"


class Delegate(TaggedModel):
    """A plan whose steps go to the workers whose cards fit their labels; the answers are merged."""

    kind = "delegate"
    planner: Selector = "@planner"
    workers: tuple[Expression, ...] = Field(default=(Ask(agent="@solver"),), min_length=1)
    merge: Merge = Field(default="last", description="`last`: the last step's answer is the answer")
    max_steps: int = Field(default=8, ge=1, le=64)
    split: Literal["always", "needed"] = Field(
        default="always",
        description="`needed`: a task goes whole to the best worker if a worker was measured at its label and the "
        "planner was not measured at planning it, or if a step of the plan repeats it",
    )


class Verify(TaggedModel):
    """A proposer, a verifier, and a bounded number of retries with the verdict fed back."""

    kind = "verify"
    proposer: Expression
    verifier: Selector = "@verifier"
    retries: int = Field(default=2, ge=0, le=1000)
    by: Settled = Field(
        default="reason",
        description="`score`: no reason is written; the likelier verdict counts, with its probability",
    )


ROBUST = ("median", "trimmed")
"""The strategies of `Fuse` that hold against members that lie."""
PROBABILITIES = ("pi", "gac", "median", "trimmed", "unite", "max")
"""The strategies of `Fuse` that give a piece a probability; the scores of the others are sums of logits."""


class Fuse(TaggedModel):
    """Members that write one text together: all propose the next token, and all continue from the chosen one."""

    kind = "fuse"
    members: tuple[Selector, ...] = Field(
        default=("@solver",), min_length=1, description="agents; the first one is the leader"
    )
    strategy: Literal["duetnet", "duetnet-logprobs", "dp", "dk", "pi", "gac", "median", "trimmed", "unite", "max"] = (
        Field(
            default="duetnet",
            description="duetnet, dp, dk: as published; duetnet-logprobs: shift-invariant; pi: mean of probabilities; "
            "gac: the same, weighted by the cards; median: holds while fewer than half of the members lie; trimmed: "
            "mean without the greatest and the least; unite: union of the likeliest; max: the most confident",
        )
    )
    level: Literal["pieces", "bytes"] | None = Field(
        default=None,
        description="unit of agreement: tokens as text, or bytes with exact probabilities. None: bytes for median and "
        "trimmed where all members are local, else pieces",
    )
    weights: Literal["equal", "card"] | None = Field(default=None, description="None: by card for gac, else equal")
    sure: float | None = Field(
        default=None, gt=0, le=1, description="the first member continues alone if its confidence is at least this"
    )
    tau_k: int = Field(default=10, ge=1, description="number of pieces considered per member")
    tau_p: float = Field(
        default=0.75, gt=0, le=1, description="keep the fewest of them that reach this probability (duetnet, dp)"
    )
    top: int = Field(default=1, ge=1, description="sample among this many of the best pieces (duetnet, dp, dk)")
    deadline: float | None = Field(
        default=None,
        gt=0,
        description="seconds after which a piece is chosen without a member; waiting for engines does not count. "
        "None: no limit, or 10 where a member is behind a server",
    )
    think: int = Field(default=0, ge=0, description="tokens of reasoning that each member may write first, alone")
    speculate: bool | None = Field(
        default=None,
        description="evaluate several pieces at once where members agree: the same text from fewer evaluations. None: "
        "with three local members or more. One by one where `sure`, `deadline`, or a limit of tokens or cost is set",
    )
    sampling: Sampling | None = Field(default=None, description="max_tokens and stop; None takes the first member's")

    @model_validator(mode="after")
    def _counts_alike(self) -> Fuse:
        if self.strategy in ROBUST and self.weights == "card":
            raise ValueError(f"{self.strategy} counts all members alike: leave out `weights: card`")
        return self


class Cascade(TaggedModel):
    """Independent steps, one after another, until an answer is trusted; the most expensive step comes last."""

    kind = "cascade"
    steps: tuple[Expression, ...] = Field(min_length=1)
    until: Literal["agreement", "confidence"] = Field(
        default="agreement", description="stop at enough equal answers, or at the first confident one"
    )
    agree: int = Field(
        default=2,
        ge=1,
        description="number of equal answers that is enough (until agreement); where any agent of the steps was "
        "measured for the task's label, only answers of measured agents count",
    )
    sure: float = Field(default=0.8, gt=0, le=1, description="confidence that is enough (until confidence)")
    otherwise: Literal["last", "majority"] = Field(
        default="last", description="the result if no answer is trusted: the last step's answer, or the majority"
    )


class Best(TaggedModel):
    """The expression whose card is best for the task's label: no collaboration, the honest baseline."""

    kind = "best"
    among: tuple[Expression, ...] = Field(default=(Ask(agent="@solver"),), min_length=1)


class Route(TaggedModel):
    """An answer that its judges vote on; one that disapproves refines it, until all approve or the hops are used up.

    The judges of a member are chosen by the grades that the members gave each other (`agentnet grade`).
    """

    kind = "route"
    members: tuple[Selector, ...] = Field(default=("@solver",), min_length=1, description="agents")
    first: Selector | None = Field(
        default=None, description="the member that answers first; None: the best card for the task's label"
    )
    hops: int = Field(default=3, ge=0, le=1000, description="α: how often an answer may be refined")
    d1: float = Field(default=50.0, ge=0, le=100, description="per cent of the members that count as low, by rank")
    d2: float = Field(default=50.0, ge=0, le=100, description="per cent of a member's graders, the strictest first")
    choose: Literal["c", "c-prime"] = Field(
        default="c",
        description="judges that give low grades and receive high ones (the published C), or low and low (C′)",
    )
    by: Settled = Field(
        default="reason", description="`score`: no reason is written; the likelier verdict counts, with its probability"
    )
    stop: Literal["approved", "never"] = Field(
        default="approved", description="`never`: refine until the hops are used up, also what all judges approve"
    )
    grades: dict[str, dict[str, float]] | None = Field(
        default=None, description="judge → member → mean grade. None: those of the network"
    )
    judges: dict[str, tuple[str, ...]] | None = Field(
        default=None, description="member → the members that vote on its answers. None: chosen by the grades"
    )

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class System(FileModel):
    """An expression of which `auto` may make use, under a name."""

    name: str = Field(min_length=1, max_length=200)
    protocol: Expression


class Case(FileModel):
    """What `auto` uses for one kind of task."""

    label: Label | None = Field(default=None, description="the kind of task; None: every task that no other case is of")
    use: str = Field(description="name of a system")
    right: Share | None = Field(
        default=None,
        description="share of right answers of the system on such tasks; a member of which the evidence does not know "
        "is used instead where its card proves more",
    )
    why: str = Field(default="", description="one sentence, for the log")


class Auto(TaggedModel):
    """The system that was found best for the kind of task; where nothing was learned, the same as `best`.

    Without `systems`, those of the session's policy are used; without a policy, the expression is `best` among `among`.
    """

    kind = "auto"
    among: tuple[Expression, ...] = Field(
        default=(Ask(agent="@solver"),),
        min_length=1,
        description="of these, the best by card is used in all other cases",
    )
    systems: tuple[System, ...] = ()
    cases: tuple[Case, ...] = ()
    known: tuple[str, ...] = Field(default=(), description="the members that the evidence for the cases is about")
    explore: Share = Field(default=0.0, description="share of the tasks for which a system is drawn at random instead")

    @model_validator(mode="after")
    def _uses_its_systems(self) -> Auto:
        names = [system.name for system in self.systems]
        labels = [case.label for case in self.cases]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two systems are called {min(twice)!r}")
        if twice_labelled := [label for label in labels if labels.count(label) > 1]:
            raise ValueError(f"two cases are of {twice_labelled[0] or 'every other task'!r}")
        for case in self.cases:
            if case.use not in names:
                raise ValueError(f"no system {case.use!r}{suggestion(case.use, names)} (systems: {', '.join(names)})")
        return self


class Weighted(TaggedModel):
    """A vote in which each answer is weighted by its agent's card, or by its own confidence."""

    kind = "weighted"
    bare: ClassVar[dict[str, Any] | None] = {"const": "weighted"}
    by: Literal["card", "confidence"] = "card"


class Judge(TaggedModel):
    """An agent that reads the answers and chooses one."""

    kind = "judge"
    bare: ClassVar[dict[str, Any] | None] = {"const": "judge"}
    agent: Selector = "@judge"
    by: Settled = Field(
        default="reason",
        description="`score`: no reason is written; the likeliest letter counts, with its probability",
    )


class Synthesize(TaggedModel):
    """An agent that reads the answers and writes one of its own."""

    kind = "synthesize"
    bare: ClassVar[dict[str, Any] | None] = {"const": "synthesize"}
    agent: Selector = "@aggregator"


AnyCombinator = Ask | Serial | Parallel | Debate | Delegate | Verify | Fuse | Cascade | Best | Route | Auto
"""The kinds of expressions. Each is implemented in the module of `agentnet.collab` that has its name."""

COMBINATORS: dict[str, type[TaggedModel]] = {model.kind: model for model in get_args(AnyCombinator)}

Expression = Annotated[AnyCombinator, OneOf("combinator", bare="ask")]
Decision = Annotated[
    Literal["majority", "confidence", "first", "all"] | Weighted | Judge | Synthesize, OneOf("decision")
]
Merge = Annotated[Literal["last"] | Synthesize, OneOf("merge")]

System.model_rebuild()
for _model in COMBINATORS.values():
    _model.model_rebuild()


class ProtocolSpec(FileModel):
    """A named protocol with its card: the content of a protocol file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    summary: str = Field(description="one line")
    description: str = Field(default="", description="one paragraph: what it does and when to use it")
    source: str = Field(default="", description="the paper or practice that it comes from")
    calls: str = Field(default="", description="its cost in model calls")
    floor: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="a labelled task is refused if all agents that would answer it were measured, and the best of them "
        "was right on a smaller share of such tasks",
    )
    protocol: Expression
