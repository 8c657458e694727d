"""Whether the messages and the result of a stored run are those that were recorded, and which are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentnet.contracts.messages import Message, parse
from agentnet.errors import AgentNetError
from agentnet.store.chain import Head, SealingKey, linked, start_of
from agentnet.store.message_log import Draft

Fault = Literal["changed", "missing", "reordered", "truncated", "added", "record", "end", "head", "key"]
"""What is wrong: with a message, with how many there are, with the run's record or end, with the head, with the key."""
Row = Mapping[str, Any]

NAMED = 100
"""Missing messages in a row that are named one by one."""
_UNSEALED = ("running", "interrupted")
"""Statuses of runs whose process did not record an end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was recorded."""

    fault: Fault
    detail: str
    sequence: int | None = None
    """The message's place in the run."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known of a run's integrity."""

    run: str
    messages: int
    chained: bool
    """Whether the run has a chain; an earlier version recorded none."""
    findings: tuple[Finding, ...]

    @property
    def intact(self) -> bool:
        """Whether everything is as it was recorded, as far as the chain and the key of this store can tell."""
        return self.chained and not self.findings


def examined(run: Row, messages: Sequence[Row], chain: Row | None, key: SealingKey | None) -> Audit:
    """Return what is wrong with a run, from its rows: messages in the order of their sequences."""
    if chain is None and all(message["chain"] is None for message in messages):
        return Audit(run["id"], len(messages), False, ())
    if chain is None:
        findings = [Finding("head", "the end of the chain is gone")]
    else:
        head = Head(run["id"], chain["start"], chain["length"], chain["head"])
        placed = [row for row in messages if type(row["sequence"]) is int]
        odd = [row for row in messages if type(row["sequence"]) is not int]
        findings = [*_record(run, head), *_messages(placed, head), *_length(placed, head)]
        findings += [Finding("changed", f"a message ({row['id']}) has no number as its place") for row in odd]
        findings += _seals(run, chain, head, key)
    return Audit(run["id"], len(messages), True, tuple(findings))


def _record(run: Row, head: Head) -> Iterator[Finding]:
    if start_of(run) != head.start:
        yield Finding("record", "the run's task, network, protocol or settings are not those that were recorded")


def _messages(rows: Sequence[Row], head: Head) -> Iterator[Finding]:
    read = [_read(row["wire"]) for row in rows]
    places = [row["sequence"] if message is None else message.sequence for row, message in zip(rows, read, strict=True)]
    hashes = {place: row["chain"] or "" for place, row in zip(places, rows, strict=True)} | {-1: head.start}
    expected = 0
    for row, message, place in zip(rows, read, places, strict=True):
        sequence = row["sequence"]
        for gone in range(expected, min(sequence, expected + NAMED)):
            yield Finding("missing", f"message {gone} is missing", gone)
        if sequence > expected + NAMED:
            yield Finding("missing", f"messages {expected + NAMED} to {sequence - 1} are missing", expected + NAMED)
        expected = sequence + 1
        before = hashes.get(sequence - 1)
        if place != sequence:
            yield Finding("reordered", f"message {sequence} ({row['id']}) was recorded as message {place}", sequence)
        elif before is not None and linked(before, row["wire"]) != row["chain"]:
            yield Finding("changed", f"message {sequence} ({row['id']}, {row['sender']}) was changed", sequence)
        elif message is None or (columns := _other_columns(message, row)):
            what = "cannot be read" if message is None else f"has another {', '.join(columns)} than was recorded"
            yield Finding("changed", f"message {sequence} ({row['id']}) {what}", sequence)


def _length(rows: Sequence[Row], head: Head) -> Iterator[Finding]:
    last = rows[-1]["sequence"] + 1 if rows else 0
    if last < head.length:
        which = f"messages {last} to {head.length - 1} are" if head.length - last > 1 else f"message {last} is"
        yield Finding("truncated", f"{which} missing at the end", last)
    elif last > head.length:
        yield Finding("added", f"messages from {head.length} on were not recorded", head.length)
    elif rows and rows[-1]["chain"] != head.hash:
        yield Finding("head", "the chain does not end where it was recorded to end", last - 1)


def _seals(run: Row, chain: Row, head: Head, key: SealingKey | None) -> Iterator[Finding]:
    if key is None or not key.made(chain["seal"]):
        lacks = "the key of this store is gone" if key is None else "it was sealed with another key"
        yield Finding("key", f"{lacks}: whether the whole chain was computed again cannot be told")
        return
    if key.seal(head) != chain["seal"]:
        yield Finding(
            "head", "the seal of the chain is broken: messages may have been changed and the chain computed again"
        )
    if chain["end_seal"] is None:
        if run["status"] not in _UNSEALED:
            yield Finding("end", f"the run's end ({run['status']}) was not recorded by this store")
    elif key.seal_end(head, run["status"], run["answer"], run["detail"]) != chain["end_seal"]:
        yield Finding("end", "the run's status, answer or detail is not the one that was recorded")


def _read(wire: str) -> Message | None:
    try:
        return parse(wire)
    except AgentNetError:
        return None


def _other_columns(message: Message, row: Row) -> list[str]:
    """Return the columns of a message's row that do not say what its wire form says."""
    return [name for name, value in Draft.of(message).row.items() if row[name] != value]
