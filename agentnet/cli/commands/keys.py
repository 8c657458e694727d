"""``agentnet keys``: the keys with which others use a served network."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.contracts.serving import KeyLimits, KeyRecord, Scope
    from agentnet.store.keys import Used

_SPAN = re.compile(r"(\d{1,6})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
LONGEST_NAME = 64


async def create(
    name: Annotated[str, typer.Argument(help="What the key is for; it names it in lists.", show_default=False)],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may do: ask, admin, node or metrics; repeatable. Default: ask."),
    ] = None,
    tokens_per_day: Annotated[
        int | None, typer.Option("--tokens-per-day", min=1, help="Most tokens of its runs on a day (UTC).")
    ] = None,
    cost_per_day: Annotated[
        float | None, typer.Option("--cost-per-day", min=1e-9, help="Most money of its runs on a day (UTC).")
    ] = None,
    runs: Annotated[int | None, typer.Option("--runs", min=1, help="Most runs at the same time. Default: 64.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.001, help="Wall time of its longest run.")] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="When it ends: 12h, 30d, 8w, or a date such as 2027-01-31 (UTC).")
    ] = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Make a key, and show it once: the store has its hash only.

    Scopes: `ask` starts runs and sees its own, `admin` does and sees everything, `node` lets nodes join, and `metrics`
    reads measurements. From the first key on, a server wants one of everybody, at once and on this machine too.
    """
    from agentnet.cli.output import emit
    from agentnet.cli.serving import say
    from agentnet.errors import BadInput
    from agentnet.store import Database, Keys

    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput(f"a key's name has 1 to {LONGEST_NAME} printable characters")
    limits = _limits(tokens_per_day=tokens_per_day, cost_per_day=cost_per_day, runs=runs, seconds=seconds)
    until = None if expires is None else _moment(expires, datetime.now(UTC))
    scopes = _scopes(scope or ["ask"])
    async with await Database.open(options.settings_from(store=store).store.value) as database:
        key, record = await Keys(database).create(name, scopes, limits, expires=until)
    if json:
        emit({"key": key, **_data(record)})
        return
    typer.echo(key)
    say(f"key {record.id} ({record.name}) may {', '.join(record.scopes)}; it is shown this once: keep it now")


async def list_(
    all: Annotated[bool, typer.Option("--all", help="List keys that are revoked or expired, too.")] = False,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """List the keys: what they may do, and what they used today."""
    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, emit, show_table, table
    from agentnet.store import Database, Keys

    today = datetime.now(UTC).date().isoformat()
    async with await Database.open(options.settings_from(store=store).store.value, existing=True) as database:
        keys = Keys(database)
        found = [(record, await keys.used(record.id, today)) for record in await keys.all()]
    found = [(record, used) for record, used in found if all or record.why_not() is None]
    if json:
        emit([{**_data(record), "today": _used(used)} for record, used in found])
        return
    if not found:
        console().print("No keys. One is made with: agentnet keys create NAME", style="dim")
        return
    rows = table("key", "name", "may", "limits", "used today", "expires", "state", wrap=("name", "limits"))
    for record, used in found:
        expires = "never" if record.expires is None else f"{record.expires:%Y-%m-%d %H:%M}"
        cost = f", {used.cost:.4g}" if used.cost else ""
        spent = f"{used.tokens} tokens{cost}, {used.runs} runs"
        state = record.why_not() or "in use"
        cells = (record.id, record.name, ", ".join(record.scopes), _shown(record.limits), spent, expires, state)
        rows.add_row(*map(printable, cells))
    show_table(rows, spare=("expires", "limits"))


async def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, or its name.", show_default=False)],
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Revoke a key: no server accepts it any more, from the next request on. It cannot be taken back."""
    from agentnet.cli.entry import printable
    from agentnet.cli.output import console, emit
    from agentnet.store import Database, Keys

    async with await Database.open(options.settings_from(store=store).store.value, existing=True) as database:
        record = await Keys(database).revoke(key)
    if json:
        emit(_data(record))
    else:
        console().print(printable(f"key {record.id} ({record.name}) is revoked"))


def _scopes(given: list[str]) -> tuple[Scope, ...]:
    """Return scopes by their names. Raises `BadInput`."""
    from agentnet.contracts.serving import Scope
    from agentnet.errors import BadInput

    known: tuple[Scope, ...] = get_args(Scope)
    for name in given:
        if name not in known:
            raise BadInput(f"--scope: {name!r} is no scope: choose from {', '.join(known)}")
    return tuple(scope for scope in known if scope in given)


def _limits(**given: Any) -> KeyLimits:
    from agentnet.contracts.serving import KeyLimits

    return KeyLimits(**{name: value for name, value in given.items() if value is not None})


def _moment(text: str, now: datetime) -> datetime:
    """Return when a key expires. Raises `BadInput` for what is no time to come."""
    from agentnet.errors import BadInput

    try:
        span = _SPAN.fullmatch(text)
        if span is not None:
            moment = now + timedelta(hours=int(span[1]) * _HOURS[span[2]])
        else:
            moment = datetime.fromisoformat(text)
            moment = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"--expires: {text!r} is no time: write 12h, 30d, 8w, or a date such as 2027-01-31") from None
    if moment <= now:
        raise BadInput(f"--expires: {text} is over already")
    return moment


def _data(record: KeyRecord) -> dict[str, Any]:
    return {**record.model_dump(mode="json", exclude={"digest"}), "state": record.why_not() or "in use"}


def _used(used: Used) -> dict[str, Any]:
    return {"runs": used.runs, "tokens": used.tokens, "cost": used.cost}


def _shown(limits: KeyLimits) -> str:
    parts = (
        (limits.tokens_per_day, "{} tokens a day"),
        (limits.cost_per_day, "cost {:g} a day"),
        (limits.runs, "{} at once"),
        (limits.seconds, "{:g} s a run"),
    )
    return ", ".join(text.format(value) for value, text in parts if value is not None)
