"""The tables. A change here needs a migration under ``migrations/versions``; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

Count = BigInteger().with_variant(Integer(), "sqlite")
"""A count of any size that a message may have. An integer of SQLite holds as much; one of PostgreSQL does not."""


class StoreModel(SQLModel, registry=registry()):
    """The base of the store's tables, apart from the models of programs that import this package."""


class RunRow(StoreModel, table=True):
    """One run. `record` is its `RunRecord` as JSON, without what changes while it runs; times are UTC.

    `owner` is the process that works on it now, as `agentnet.store.owner` writes it.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_by_caller", "caller", "created"),
        Index("runs_by_status", "status", "created"),
        Index("runs_by_change", "updated", "id"),
        Index("runs_by_context", "context", "caller"),
        Index("runs_by_fork", "forked_from"),
    )

    id: str = Field(primary_key=True)
    created: str = Field(index=True)
    updated: str
    status: str
    answer: str | None = None
    detail: str = ""
    protocol: str
    task: str = Field(sa_column=Column(Text, nullable=False))
    record: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    owner: str | None = None
    caller: str | None = None
    """Id of the key that asked for it over a server, empty where none was needed; None for other runs."""
    charged_tokens: int | None = Field(default=None, sa_column=Column(Count, nullable=True))
    charged_cost: float | None = None
    """What its caller was charged for it so far; None before the first time."""
    surface: str | None = None
    """The protocol by which it was asked for over a server."""
    context: str | None = None
    """The conversation that it belongs to, as its caller names it."""
    forked_from: str | None = None
    """The run with whose messages it began."""
    limits: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    """The limits that it was resumed with last, where they were others than its record's."""
    outcome: bool | None = None
    """Whether a user said that its answer was right."""


class RunAgentRow(StoreModel, table=True):
    """An agent that was a member when a run started."""

    __tablename__ = "run_agents"

    run: str = Field(sa_column=Column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True))
    name: str = Field(primary_key=True)
    model: str
    pack: str
    card: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class MessageRow(StoreModel, table=True):
    """One message: what queries need as columns, the whole of it as wire JSON."""

    __tablename__ = "messages"
    __table_args__ = (Index("messages_in_order", "run", "sequence", unique=True),)

    run: str = Field(sa_column=Column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True))
    id: str = Field(primary_key=True)
    sequence: int = Field(sa_type=Count)
    sender: str
    node: str
    round: int = Field(sa_type=Count)
    kind: str
    time: str
    calls: int = Field(sa_type=Count)
    prompt_tokens: int = Field(sa_type=Count)
    completion_tokens: int = Field(sa_type=Count)
    reused_tokens: int = Field(sa_type=Count)
    seconds: float
    cost: float
    wire: str = Field(sa_column=Column(Text, nullable=False))
    chain: str | None = None
    """The hash of this message and all before it; None for messages of a version that kept none."""


class ChainRow(StoreModel, table=True):
    """The chain of a run's messages (`agentnet.store.chain`): its start, its head, and their seals."""

    __tablename__ = "chains"

    run: str = Field(sa_column=Column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True))
    start: str
    length: int
    head: str
    seal: str
    end_seal: str | None = None


class EvaluationRow(StoreModel, table=True):
    """One evaluation. `record` is its `EvaluationRecord` as JSON, without what changes while it runs; times are UTC."""

    __tablename__ = "evaluations"

    id: str = Field(primary_key=True)
    created: str = Field(index=True)
    updated: str
    status: str
    name: str
    record: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class EvaluationItemRow(StoreModel, table=True):
    """An item of an evaluation, in its dataset's order."""

    __tablename__ = "evaluation_items"

    evaluation: str = Field(sa_column=Column(ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True))
    split: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    item: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class TrialRow(StoreModel, table=True):
    """What a system did with an item: what queries need as columns, the whole `Trial` as JSON."""

    __tablename__ = "trials"

    evaluation: str = Field(sa_column=Column(ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True))
    split: str = Field(primary_key=True)
    system: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    status: str
    score: float | None = None
    trial: str = Field(sa_column=Column(Text, nullable=False))


class RosterRow(StoreModel, table=True):
    """A network that nodes take part in. `epoch` counts the changes of its nodes: each has an event of that number."""

    __tablename__ = "rosters"

    network: str = Field(primary_key=True)
    epoch: int


class NodeRow(StoreModel, table=True):
    """A node of a network: its `NodeRecord`, with what changes at each heartbeat in columns. Times are UTC.

    `late` is when it becomes suspect, and `until` when its lease ends. `offers` is JSON.
    """

    __tablename__ = "nodes"
    __table_args__ = (
        Index("nodes_by_name", "network", "name", unique=True),
        Index("nodes_by_epoch", "network", "epoch"),
        Index("nodes_by_heartbeat", "network", "heard"),
        Index("nodes_by_lease", "network", "state", "late"),
    )

    network: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    name: str
    url: str
    state: str
    offers: str = Field(sa_column=Column(Text, nullable=False))
    access: str
    lease: str
    joined: str
    heard: str
    late: str
    until: str
    epoch: int
    running: int
    queued: int
    slots: int
    tokens_per_second: float
    prefill_per_second: float
    free_cells: int | None = None


class NodeOfferRow(StoreModel, table=True):
    """A member that a node offers, by which its replicas are found."""

    __tablename__ = "node_offers"
    __table_args__ = (
        ForeignKeyConstraint(["network", "key"], ["nodes.network", "nodes.key"], ondelete="CASCADE"),
        Index("node_offers_by_member", "network", "member"),
    )

    network: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    member: str = Field(primary_key=True)
    digest: str


class NodeEventRow(StoreModel, table=True):
    """A change of a node, or of the standing of one of its members."""

    __tablename__ = "node_events"
    __table_args__ = (Index("node_events_by_key", "network", "key"),)

    network: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    time: str
    node: str
    key: str
    member: str | None = None
    before: str
    after: str
    why: str = Field(sa_column=Column(Text, nullable=False))
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class ProfileRow(StoreModel, table=True):
    """What was measured of a member on one node. `record` is its `Profile` as JSON; the node of a member in process is
    empty."""

    __tablename__ = "profiles"

    node: str = Field(primary_key=True)
    member: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    standing: str
    updated: str
    record: str = Field(sa_column=Column(Text, nullable=False))


class ObservationRow(StoreModel, table=True):
    """One question that was put to a member, and what came of it: `record` is its `Observation` as JSON."""

    __tablename__ = "observations"
    __table_args__ = (
        Index("observations_of_a_seat", "node", "member", "digest", "id"),
        Index("observations_of_a_run", "run"),
    )

    id: int | None = Field(default=None, primary_key=True)
    node: str
    member: str
    digest: str
    source: str
    run: str
    time: str
    record: str = Field(sa_column=Column(Text, nullable=False))


class StandingEventRow(StoreModel, table=True):
    """A change of a member's standing: `record` is its `StandingEvent` as JSON."""

    __tablename__ = "standing_events"

    id: int | None = Field(default=None, primary_key=True)
    node: str
    member: str
    digest: str
    time: str
    record: str = Field(sa_column=Column(Text, nullable=False))


class AskedQuestionRow(StoreModel, table=True):
    """A question that a member knows: it is never a canary for it again."""

    __tablename__ = "asked_questions"

    node: str = Field(primary_key=True)
    member: str = Field(primary_key=True)
    question: str = Field(primary_key=True)


class KnownQuestionRow(StoreModel, table=True):
    """A question of a run whose answer was reported right: a canary for members that do not know it."""

    __tablename__ = "known_questions"

    question: str = Field(primary_key=True)
    run: str
    label: str | None = None
    text: str = Field(sa_column=Column(Text, nullable=False))
    answer: str = Field(sa_column=Column(Text, nullable=False))


class KeyRow(StoreModel, table=True):
    """A key of a caller: `record` is its `KeyRecord` as JSON, without what changes. Times are UTC."""

    __tablename__ = "keys"

    id: str = Field(primary_key=True)
    name: str
    digest: str
    created: str
    expires: str | None = None
    revoked: str | None = None
    record: str = Field(sa_column=Column(Text, nullable=False))


class KeyUsageRow(StoreModel, table=True):
    """What a key used on a day (UTC, as ``2026-01-31``)."""

    __tablename__ = "key_usage"

    key: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    runs: int = Field(sa_type=Count)
    tokens: int = Field(sa_type=Count)
    cost: float


class RequestRow(StoreModel, table=True):
    """A request with an idempotency key: the SHA-256 of its body, and the runs that it started, as a JSON list."""

    __tablename__ = "requests"
    __table_args__ = (Index("requests_by_time", "created"),)

    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str
    created: str
    runs: str = Field(sa_column=Column(Text, nullable=False))


def utc(time: datetime) -> str:
    """Return a time as the tables hold it: text that sorts as time does."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


metadata = StoreModel.metadata
runs: Table = metadata.tables["runs"]
run_agents: Table = metadata.tables["run_agents"]
messages: Table = metadata.tables["messages"]
chains: Table = metadata.tables["chains"]
evaluations: Table = metadata.tables["evaluations"]
evaluation_items: Table = metadata.tables["evaluation_items"]
trials: Table = metadata.tables["trials"]
rosters: Table = metadata.tables["rosters"]
nodes: Table = metadata.tables["nodes"]
node_offers: Table = metadata.tables["node_offers"]
node_events: Table = metadata.tables["node_events"]


profiles: Table = metadata.tables["profiles"]
observations: Table = metadata.tables["observations"]
standing_events: Table = metadata.tables["standing_events"]
asked_questions: Table = metadata.tables["asked_questions"]
known_questions: Table = metadata.tables["known_questions"]
keys: Table = metadata.tables["keys"]
key_usage: Table = metadata.tables["key_usage"]
requests: Table = metadata.tables["requests"]
