"""Which runs are wanted, for lists that are read page by page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from agentnet.contracts.events import RunStatus
from agentnet.contracts.serving import Surface
from agentnet.store.tables import messages, runs, utc


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What listed runs have in common. None stands for any."""

    caller: str | None = None
    surface: Surface | None = None
    context: str | None = None
    protocol: str | None = None
    forked_from: str | None = None
    """Id of the run that they were forked from."""
    text: str | None = None
    """Words of the task, in any case."""
    said: str | None = None
    """The kind of a message that they have, such as `fusion`."""
    statuses: Collection[RunStatus] | None = None
    updated_since: datetime | None = None
    among: Collection[str] | None = None
    """Ids."""
    without: Collection[str] = ()
    """Ids."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what holds for the rows of such runs."""
        names = ("caller", "surface", "context", "protocol", "forked_from")
        found: list[ColumnElement[bool]] = [
            runs.c[name] == value for name in names if (value := getattr(self, name)) is not None
        ]
        if self.text is not None:
            found.append(runs.c.task.icontains(self.text.replace("\0", ""), autoescape=True))
        if self.said is not None:
            found.append(exists().where(messages.c.run == runs.c.id, messages.c.kind == self.said))
        if self.statuses is not None:
            found.append(runs.c.status.in_(self.statuses))
        if self.updated_since is not None:
            found.append(runs.c.updated >= utc(self.updated_since))
        if self.among is not None:
            found.append(runs.c.id.in_(self.among))
        if self.without:
            found.append(runs.c.id.not_in(self.without))
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list of runs that begins with those that changed last: behind one of them."""

    updated: datetime
    run: str

    def condition(self) -> ColumnElement[bool]:
        """Return what holds for the rows behind it."""
        time = utc(self.updated)
        return or_(runs.c.updated < time, and_(runs.c.updated == time, runs.c.id < self.run))


def listed(wanted: RunFilter, behind: Place | None, limit: int) -> Select[Any]:
    """Return the query of the next `limit` runs, those that changed last first."""
    query = select(runs).where(*wanted.conditions())
    if behind is not None:
        query = query.where(behind.condition())
    return query.order_by(runs.c.updated.desc(), runs.c.id.desc()).limit(limit)


def counted(wanted: RunFilter) -> Select[Any]:
    """Return the query of how many runs there are."""
    return select(func.count().label("count")).select_from(runs).where(*wanted.conditions())
