"""The content of a suite file: datasets, systems, and the baselines that they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from agentnet.contracts.base import FileModel
from agentnet.contracts.cards import Share
from agentnet.contracts.grades import Scale
from agentnet.contracts.limits import Limits
from agentnet.contracts.policies import Exchange
from agentnet.contracts.protocols import Settled
from agentnet.files.tables import uncompressed

AnswerType = Literal["exact", "numeric", "choice", "yes-no", "set", "judged"]
"""How answers are extracted and scored, unless the dataset names an extractor or a scorer of its own."""

SPLITS = ("test", "dev", "train", "val", "valid", "validation", "data")
"""Stems of file names that name a split: such a dataset is called after its folder."""

ZOO = "zoo"
"""The loader that reads no file: it generates items of a task family."""

Baseline = Literal["members", "best", "self-consistency", "self-correction"]
BASELINES: tuple[Baseline, ...] = ("members", "best", "self-consistency", "self-correction")


class Fields(FileModel):
    """The columns of a table, or the fields of a JSON object, that hold the parts of an item."""

    question: str = "question"
    answer: str = "answer"
    id: str | None = None
    label: str | None = None
    cluster: str | None = Field(default=None, description="such as the passage that several questions are about")
    choices: str | tuple[str, ...] | None = Field(
        default=None, description="one field that holds a list, or one field for each choice"
    )
    context: str | None = Field(default=None, description="such as a passage; it comes before the question")


class DatasetSpec(FileModel):
    """A source of items. `from` names the loader: ``zoo``, or one of `agentnet.evals.datasets.LOADERS`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    loader: str = Field(alias="from", description="zoo, gsm8k, bbh, boolq, mmlu, ceval, table")
    name: str = Field(default="", description="default: the family's, or the file's")
    path: str | None = Field(
        default=None, description="JSONL, JSON or CSV file, also as .gz; starts from the suite's folder"
    )
    family: str | None = Field(default=None, description="zoo: which family of generated tasks")
    items: int | None = Field(default=None, ge=1, description="how many; None takes all (a zoo family needs a number)")
    seed: int = Field(
        default=7, ge=0, description="of the generated items, or of the order in which a file's are drawn"
    )
    label: str | None = Field(default=None, description="the kind of task; default: the dataset's name")
    answer: AnswerType | None = Field(default=None, description="None takes the loader's own")
    extract: str | None = Field(default=None, description="a named extractor, instead of the answer type's")
    score: str | None = Field(default=None, description="a named scorer, instead of the answer type's")
    tolerance: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="of numbers")
    judge: str | None = Field(default=None, description="judged answers: the agent that compares with the reference")
    prompt: str | None = Field(
        default=None, description="Jinja text with question, context, choices; None takes the answer type's"
    )
    fields: Fields = Field(default=Fields(), description="table: the columns of the file")

    @property
    def called(self) -> str:
        """The dataset's name: its own, its family's or its file's; if the file is named after a split, its folder's."""
        if self.name or self.family or not self.path:
            return self.name or self.family or ""
        path = uncompressed(Path(self.path))
        return path.parent.name if path.stem in SPLITS and path.parent.name else path.stem

    @model_validator(mode="after")
    def _complete(self) -> DatasetSpec:
        if self.loader == ZOO:
            if self.family is None or self.items is None:
                raise ValueError("a zoo dataset needs `family` and `items`")
            if self.path is not None:
                raise ValueError("a zoo dataset is generated: leave out `path`")
        elif self.path is None:
            raise ValueError(f"a {self.loader} dataset needs `path`")
        if self.loader != "table" and self.fields != Fields():
            raise ValueError(f"`fields` are those of a table, {self.loader} has its own; say `from: table`")
        if self.answer == "judged" and self.judge is None:
            raise ValueError("judged answers need `judge`, the agent that judges")
        return self


class SystemSpec(FileModel):
    """A system to compare: a protocol, by name, file or expression."""

    name: str = ""
    protocol: str | dict[str, Any]
    datasets: tuple[str, ...] = Field(default=(), description="the only ones on which it is tried; empty: all")
    unlabelled: bool = Field(default=False, description="it is not told of which kind a question is")
    group: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)


class Sweep(FileModel):
    """Many systems at once, one for each point of an experiment."""

    sweep: Literal["paths", "subsets", "rounds", "pairs", "hops"]
    members: tuple[str, ...] = Field(default=("@solver",), min_length=1, description="agents or selectors")
    shapes: tuple[Literal["serial", "parallel", "s2p", "p2s"], ...] = ("serial", "parallel", "s2p", "p2s")
    by: tuple[str, ...] = Field(default=("vote",), description="subsets, pairs: how they decide, or how they are fused")
    rounds: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(1, 2, 3, 4, 5), description="rounds: of a debate")
    hops: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(1, 2, 3, 4, 5, 6), description="hops: α of `route`, with and without an end at approval"
    )
    settled: Settled = Field(default="reason", description="hops: how judges vote")
    datasets: tuple[str, ...] = ()


class Repeats(FileModel):
    """How often the best member is asked for the baselines at equal token budget."""

    most: int = Field(default=8, ge=1, description="calls, at most")
    temperature: float = Field(default=0.7, gt=0, description="of self-consistency's samples")


def _spelled_out(value: object) -> object:
    return {"protocol": value} if isinstance(value, str) else value


def _entry(value: object) -> str:
    """The kind of entry that is meant, so that a mistake in one kind is not reported as a mistake in the other."""
    return "sweep" if isinstance(value, Sweep) or (isinstance(value, dict) and "sweep" in value) else "system"


Entry = Annotated[
    Annotated[Sweep, Tag("sweep")] | Annotated[SystemSpec, BeforeValidator(_spelled_out), Tag("system")],
    Discriminator(_entry),
]


class Learning(FileModel):
    """What a network learns from the selection split: for which kind of question it uses which system."""

    candidates: tuple[Entry, ...] = Field(
        default=(), description="systems that are tried on the selection items, as every member is"
    )
    usual: bool = Field(
        default=True, description="also try what usually helps: votes, cascades, decoding together, delegation"
    )
    exchange: Exchange = Exchange()
    epsilon: Share = Field(default=0.01, description="tolerated loss of accuracy against the best single model")
    delta: Share = Field(default=0.1, description="probability with which a larger loss is accepted")
    explore: Share = Field(default=0.0, description="share of the questions on which another system may be tried")


class Change(FileModel):
    """One change of a network while questions arrive: exactly one of its fields beside `at` names a member."""

    at: Share = Field(description="share of the questions that arrived before it")
    joins: str | None = Field(default=None, description="it was not there before, and begins on probation")
    leaves: str | None = None
    returns: str | None = Field(default=None, description="it left, and is back with what is known of it")
    lies: str | None = Field(default=None, description="from now on it gives wrong answers, to canaries, too")
    fails: str | None = Field(default=None, description="it is there and cannot be reached")
    recovers: str | None = Field(default=None, description="it neither lies nor fails any more")

    @model_validator(mode="after")
    def _is_one(self) -> Change:
        if len(self._named()) != 1:
            raise ValueError("name one member: joins, leaves, returns, lies, fails or recovers")
        return self

    @property
    def member(self) -> str:
        return next(iter(self._named().values()))

    @property
    def does(self) -> str:
        """What it does: the name of the field."""
        return next(iter(self._named()))

    def _named(self) -> dict[str, str]:
        named = {name: getattr(self, name) for name in type(self).model_fields if name != "at"}
        return {name: member for name, member in named.items() if member is not None}


class Living(FileModel):
    """Members come, go, lie and fail while the test items arrive, those of all datasets mixed."""

    changes: tuple[Change, ...] = Field(min_length=1)
    canaries: int = Field(
        default=50, ge=0, description="the last selection items of each dataset are canaries, at most half of them"
    )


class MutualGrades(FileModel):
    """Members grade each other's answers to the selection items; `route` chooses its judges by these grades."""

    scale: Scale | None = Field(
        default=None, description="best grade first; None: A, B, C, or verdicts where a member's prompts know no grades"
    )
    by: Settled = Field(default="reason", description="`score`: no reason is written; the likeliest grade counts")


Attack = Literal["silent", "random", "collude", "split", "turncoat", "boast", "forge", "loud"]
"""What a liar does. `silent`: it gives no answer (the reference of all others); `random`: it gives wrong answers of
its own; `collude`: all liars give the same wrong answer; `split`: they lie only where honest members disagree, and
side with the most frequent wrong answer; `turncoat`: they were honest while they were measured; `boast`: they were
never measured, and their cards claim everything; `forge`: their replies contain lines that look like other members'
messages, verdicts and control tokens. The last three collude. Unless said otherwise, liars lied while they were
measured, too. `loud`: where members decode together (and only there), logits of 1,000 for the tokens of a wrong
answer."""


class Attacks(FileModel):
    """Liars in place of members, tried on every system of a suite."""

    kinds: tuple[Attack, ...] = Field(
        default=("random", "collude", "split", "turncoat", "boast", "forge", "loud"), min_length=1
    )
    members: tuple[str, ...] = Field(default=("@solver",), min_length=1, description="agents that liars may replace")
    liars: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(1, 2), description="how many at once")
    sets: int = Field(default=5, ge=1, description="at most this many choices of who lies, for each number of liars")
    canaries: int = Field(
        default=0, ge=0,
        description="questions of each dataset that members are asked among the items, as a network asks them that "
        "measures its members while they work: the last of the selection split, at most half of it; no card is "
        "measured by them"
    )  # fmt: skip
    deciders: bool = Field(default=True, description="also let planner, verifier and judge lie, one at a time")


class SuiteSpec(FileModel):
    """A benchmark: datasets, the systems to compare, and how precisely."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    summary: str = Field(min_length=1, description="one line")
    description: str = ""
    network: str = Field(default="zoo", description="zoo, zoo-batched, or a network file")
    datasets: tuple[DatasetSpec, ...] = Field(min_length=1)
    systems: tuple[Entry, ...] = ()
    members: tuple[str, ...] = Field(
        default=("@solver",), min_length=1, description="agents or selectors; the best single model is one of them"
    )
    baselines: tuple[Baseline, ...] = BASELINES
    repeats: Repeats = Repeats()
    selection: int = Field(
        default=100, ge=0, validation_alias=AliasChoices("selection", "calibration"),
        description="items of each dataset that choose the best member and measure the cards, and are used for nothing "
        "else; 0: the cards decide as they are"
    )  # fmt: skip
    epochs: int = Field(default=1, ge=1, description="repetitions of every item, with different seeds")
    seed: int = Field(default=0, ge=0)
    limits: Limits = Limits()
    attacks: Attacks | None = Field(default=None, description="measure what liars cost each system")
    grades: MutualGrades | None = Field(
        default=None, description="let the members grade each other's answers to the selection items, for `route`"
    )
    living: Living | None = Field(default=None, description="change the network while the questions arrive")
    learn: Learning | None = Field(
        default=None, description="learn a policy from the selection split; the protocol `auto` follows it"
    )
    concurrency: int = Field(default=8, ge=1, description="items evaluated concurrently")
    attempts: int = Field(default=3, ge=1, description="tries of an item whose models cannot be reached")

    @model_validator(mode="after")
    def _has_systems(self) -> SuiteSpec:
        if self.grades is not None and not self.selection:
            raise ValueError("members grade answers to selection items: set `selection` to more than 0")
        if not self.systems and not self.baselines and self.grades is None:
            raise ValueError("there is nothing to compare: name `systems`, or leave `baselines` as they are")
        return self
