"""Mutated messages: read from their wire form, and as rows of a stored run that is shown and verified."""

from __future__ import annotations

import asyncio
import io
import json
import math
import pickle
import random
import shutil
import sqlite3
from contextlib import redirect_stdout
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from agentnet.cli.commands.audit import verify
from agentnet.cli.commands.runs import show
from agentnet.contracts import bodies
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message, message_id, parse
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.usage import Usage
from agentnet.store import Database, Runs
from benchmarks.fuzz.values import change, change_text, written

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LARGEST = 2**63
STORED = "stored.db"
BODIES: tuple[Any, ...] = (
    bodies.Task(text="2 + 2?", label="math"),
    bodies.Plan(steps=(bodies.Step(id=1, label="a", ask="x"), bodies.Step(id=2, label="b", ask="#1", needs=(1,)))),
    bodies.Assignment(step=2, agent="ann", text="3 + 1", label="b", ask="#1 + 1", answers={"1": "3"}),
    bodies.Proposal(answer="4", text="It is 4."),
    bodies.Critique(text="No."),
    bodies.Revision(answer="4", text="Still 4."),
    bodies.Vote(choice="m1", reason="good"),
    bodies.Verdict(verdict="approve", reason="right", answer="4", target="m1"),
    bodies.Synthesis(answer="4", text="All say 4."),
    bodies.Fusion(
        answer="4", text="4", members=("ann", "bob"), strategy="mean",
        pieces=(bodies.Piece(text="4", score=0.5, shares={"ann": 0.25, "bob": -math.inf}, runner_up="5"),),
        respelled={"ann": 1}, dropped={"bob": "slow"}, evaluations={"ann": 3},
    ),
    bodies.Result(answer="4", decision="majority", sources=("m1",), support={"4": 2.0}, approved=True),
    bodies.Refusal(reason="no"),
    bodies.Error(code="model", detail="gone"),
)  # fmt: skip
MESSAGES = tuple(
    Message(
        id=message_id("run-1", "debate", place, "ann"), run="run-1", sequence=place, sender="ann", recipients=("bob",),
        reply_to=("m0",), node="debate", round=place, time=NOW, confidence=0.5, body=body,
        usage=Usage(calls=1, prompt_tokens=9, completion_tokens=4, reused_tokens=2, seconds=0.5, cost=0.25),
    )
    for place, body in enumerate(BODIES)
)  # fmt: skip
"""One of every kind."""


class Messages:
    """Messages of every kind with one to three changes: as text, as an object, or as a row of a stored run."""

    name = "messages"

    def write(self, draw: random.Random, folder: Path) -> tuple[Path, str]:
        place = draw.randrange(len(MESSAGES))
        document = json.loads(MESSAGES[place].model_dump_json())
        if draw.random() < 0.2:
            document["schema_version"] = draw.choice(
                ("1.9", "1.0", "2.0", "1", "-1.0", "1.-1", "1." + "9" * 5000, "１.２")
            )
        changes = [change(draw, document) for _ in range(draw.choice((0, 1, 1, 1, 2, 3)))]
        what = f"{BODIES[place].kind}: {', '.join(changes)}"
        if draw.random() < 0.15:
            path = folder / "message.object"
            if draw.random() < 0.3:
                document[draw.choice(("x", "body", "usage", "time"))] = draw.choice(
                    ({1, 2}, b"bytes", NOW, object, {1: 2}, {None: 1}, {(1,): 2}, float("nan"))
                )
            path.write_bytes(pickle.dumps(document))
            return path, f"object {what}"
        text = written(document, ascii=draw.random() < 0.8)
        if draw.random() < 0.35:
            text, change_of_text = change_text(draw, text)
            what += f"; {change_of_text}"
        if draw.random() < 0.2:
            path = folder / STORED
            shutil.copyfile(_store(), path)
            _put(draw, path, place, text)
            return path, f"stored {what}"
        path = folder / draw.choice(("message.bytes", "message.text"))
        path.write_bytes(text)
        return path, what

    def use(self, path: Path) -> str:
        if path.name == STORED:
            return _shown(path)
        data: Any = path.read_bytes()
        if path.suffix == ".object":
            data = pickle.loads(data)
        elif path.suffix == ".text":
            try:
                data = data.decode(errors="surrogatepass")  # half a surrogate pair stays one
            except UnicodeDecodeError:
                data = data.decode(errors="replace")
        raw = deepcopy(data) if isinstance(data, dict) else None
        message = parse(data)
        check(message)
        told = message.model_dump(mode="json")
        _agrees(json.loads(data) if raw is None else raw, told, "message")
        return message.body.kind


def check(message: Message) -> None:
    """Raise `ArithmeticError` or `ValueError` for a message that no program could use or pass on."""
    again = parse(message.model_dump_json())
    if repr(again) != repr(message):
        raise ValueError(f"does not survive the wire: {message!r}"[:2000])
    usage = message.usage
    numbers = [usage.seconds, usage.cost, *(getattr(message.body, "support", None) or {}).values()]
    numbers += [message.confidence or 0.0]
    counts = [usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.reused_tokens, message.round]
    if not all(map(math.isfinite, numbers)) or not all(0 <= count < LARGEST for count in [*counts, message.sequence]):
        raise ArithmeticError(f"numbers that are none: {message!r}"[:2000])
    if any(math.isnan(score) for piece in getattr(message.body, "pieces", ()) for score in piece.shares.values()):
        raise ArithmeticError("a share that is no number")
    message.model_dump_json().encode()


def _agrees(raw: Any, told: Any, where: str) -> None:
    """Raise `ValueError` where a message says something else than its wire form: a value was turned into another."""
    if where == "message.time" or where.startswith("message.body.schema"):
        return
    if isinstance(raw, dict) and isinstance(told, dict):
        for key in raw.keys() & told.keys():
            _agrees(raw[key], told[key], f"{where}.{key}")
    elif isinstance(raw, list | tuple) and isinstance(told, list) and len(raw) == len(told):
        for each, other in zip(raw, told, strict=True):
            _agrees(each, other, where)
    elif isinstance(raw, bool) is not isinstance(told, bool) or (raw != told and raw == raw):
        raise ValueError(f"{where}: {raw!r} was read as {told!r}"[:1000])


def _shown(path: Path) -> str:
    with redirect_stdout(io.StringIO()):
        code = asyncio.run(verify("run-1", store=str(path)))
        asyncio.run(show("run-1", store=str(path)))
        asyncio.run(show("run-1", store=str(path), json=True))
    return f"shown; verified with exit code {code}"


def _put(draw: random.Random, path: Path, place: int, text: bytes) -> None:
    with sqlite3.connect(path) as database:
        value: Any = text if draw.random() < 0.1 else text.decode(errors="replace")
        database.execute("UPDATE messages SET wire = ? WHERE sequence = ?", (value, place))
        if draw.random() < 0.3:
            column = draw.choice(("sender", "round", "kind", "time", "chain", "cost", "calls", "sequence"))
            odd = draw.choice(("x", -1, 2**62, 1e308, "\0", b"\xff"))
            database.execute(f"UPDATE messages SET {column} = ? WHERE sequence = ?", (odd, place))
    database.close()


@cache
def _store() -> Path:
    """Return a store with a run of all kinds of messages."""
    path = Path(mkdtemp(prefix="agentnet-fuzz-store-")) / STORED
    asyncio.run(_fill(path))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    return path


async def _fill(path: Path) -> None:
    agents = [{"name": name, "model": "zoo:math"} for name in ("ann", "bob")]
    record = RunRecord(
        id="run-1", task=BODIES[0], protocol_name="debate", protocol={"debate": {}}, seed=7, limits=Limits(),
        network=NetworkSpec.model_validate({"name": "pair", "agents": agents}), fingerprint="abc", status="running",
        created=NOW, updated=NOW,
    )  # fmt: skip
    async with await Database.open(path) as database:
        runs = Runs(database)
        await runs.start_run(record, MESSAGES[0])
        for message in MESSAGES[1:]:
            await runs.append(message)
        await runs.finish_run("run-1", "done", "4")
