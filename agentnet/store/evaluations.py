"""`Evaluations`: what a database remembers of evaluations. Each trial is committed as soon as it is over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from agentnet.contracts.evaluations import EvaluationRecord, Item, Split, Trial
from agentnet.errors import BadInput
from agentnet.redaction import without_known, without_known_in, without_secrets
from agentnet.store.database import Database
from agentnet.store.tables import evaluation_items, evaluations, trials, utc

_CHANGING = ("status", "updated")
"""The fields of an `EvaluationRecord` that are columns only, not in the record's JSON."""


class Evaluations:
    """The evaluations of an open database. Every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, record: EvaluationRecord, items: Mapping[Split, Sequence[Item]]) -> None:
        """Remember a new evaluation and its items. Raises `BadInput` where its id is taken."""
        rows = [
            {
                "evaluation": record.id,
                "split": split,
                "dataset": item.dataset,
                "place": place,
                "item": item.model_dump(mode="json"),
            }
            for split, found in items.items()
            for place, item in enumerate(found)
        ]

        def write(connection: Connection) -> None:
            try:
                connection.execute(insert(evaluations), {"id": record.id, "name": record.name, **_columns(record)})
            except IntegrityError as error:
                raise BadInput(f"there is an evaluation {record.id} already: report it, or resume it") from error
            if rows:
                connection.execute(insert(evaluation_items), rows)

        await self._database.write(write)

    async def save(self, record: EvaluationRecord) -> EvaluationRecord:
        """Replace what is known of an evaluation; returns it with its new time."""
        record = record.model_copy(update={"updated": datetime.now(UTC)})
        change = update(evaluations).where(evaluations.c.id == record.id).values(**_columns(record))

        def write(connection: Connection) -> None:
            connection.execute(change)

        await self._database.write(write)
        return record

    async def forget(self, evaluation: str) -> None:
        """Remove an evaluation, its items and its trials."""

        def write(connection: Connection) -> None:
            for table in (trials, evaluation_items):
                connection.execute(delete(table).where(table.c.evaluation == evaluation))
            connection.execute(delete(evaluations).where(evaluations.c.id == evaluation))

        await self._database.write(write)

    async def find(self, prefix: str) -> EvaluationRecord:
        """Return the one evaluation whose id starts with `prefix`. Raises `BadInput` for none, or several."""
        return _record(await self._database.find_by_prefix(evaluations, prefix, "evaluation", "report"))

    async def latest(self, limit: int = 50) -> list[EvaluationRecord]:
        """Return the latest evaluations, newest first."""
        query = select(evaluations).order_by(evaluations.c.created.desc(), evaluations.c.id).limit(limit)
        return [_record(row) for row in await self._database.rows(query)]

    async def items(self, evaluation: str, split: Split) -> list[Item]:
        """Return the items of a split, dataset by dataset, in their order."""
        mine = (evaluation_items.c.evaluation == evaluation) & (evaluation_items.c.split == split)
        query = select(evaluation_items.c.item).where(mine).order_by(evaluation_items.c.place)
        return [Item.model_validate_json(json.dumps(row.item)) for row in await self._database.rows(query)]

    async def record_trial(self, evaluation: str, trial: Trial) -> None:
        """Remember a trial; one that was not scored is replaced by the next try."""
        key = {
            "evaluation": evaluation,
            "split": trial.split,
            "system": trial.system,
            "dataset": trial.dataset,
            "item": trial.item,
            "epoch": trial.epoch,
        }
        row = {**key, "status": trial.status, "score": trial.score, "trial": without_known(trial.model_dump_json())}

        def write(connection: Connection) -> None:
            same = [trials.c[name] == value for name, value in key.items()]
            connection.execute(delete(trials).where(*same))
            connection.execute(insert(trials), row)

        await self._database.write(write)

    async def trials(self, evaluation: str) -> list[Trial]:
        """Return every trial of an evaluation, in an order that does not depend on when they ended."""
        order = (trials.c[name] for name in ("split", "system", "dataset", "item", "epoch"))
        query = select(trials.c.trial).where(trials.c.evaluation == evaluation).order_by(*order)
        return [Trial.model_validate_json(row.trial) for row in await self._database.rows(query)]

    async def counts(self, ids: Iterable[str]) -> dict[str, int]:
        """Return evaluation → number of its trials, for those of some evaluations that have any."""
        query = select(trials.c.evaluation, func.count().label("trials")).where(trials.c.evaluation.in_(list(ids)))
        return {row.evaluation: row.trials for row in await self._database.rows(query.group_by(trials.c.evaluation))}


def _columns(record: EvaluationRecord) -> dict[str, Any]:
    data = record.model_dump(mode="json", exclude=set(_CHANGING))
    return {
        "created": utc(record.created),
        "updated": utc(record.updated),
        "status": record.status,
        "record": without_known_in({**data, "network": without_secrets(data["network"])}),
    }


def _record(row: Row[Any]) -> EvaluationRecord:
    changing = {name: getattr(row, name) for name in _CHANGING}
    return EvaluationRecord.model_validate_json(json.dumps({**row.record, **changing}))
