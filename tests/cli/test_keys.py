"""keys create, list and revoke."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentnet.contracts.serving import KeyLimits, KeyRecord
from agentnet.store import Database, Keys
from tests.cli.conftest import Cli


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "store.db"
    monkeypatch.setenv("AGENTNET_STORE", str(path))
    return path


def found(store: Path, key: str) -> KeyRecord | None:
    async def look() -> KeyRecord | None:
        async with await Database.open(store) as database:
            return await Keys(database).find(key)

    return asyncio.run(look())


def test_a_key_is_shown_once_and_kept_nowhere(cli: Cli, store: Path) -> None:
    made = cli("keys", "create", "laptop")
    key = made.out.strip()
    assert made.code == 0
    assert "shown this once" in made.err
    record = found(store, key)
    assert record is not None
    assert (record.name, record.scopes, record.limits, record.expires) == ("laptop", ("ask",), KeyLimits(), None)
    secret = key.split("-")[2].encode()
    assert not any(secret in file.read_bytes() for file in store.parent.rglob("*") if file.is_file())
    assert secret.decode() not in cli("keys", "list", "--json").out


def test_a_key_has_scopes_limits_and_an_end(cli: Cli, store: Path) -> None:
    options = ["--scope", "ask", "--scope", "metrics", "--tokens-per-day", 1000, "--cost-per-day", 2.5, "--runs", 4]
    made = cli("keys", "create", "ci", *options, "--seconds", 60, "--expires", "30d", "--json").json
    record = found(store, made["key"])
    assert record is not None
    assert record.scopes == ("ask", "metrics")
    assert record.limits == KeyLimits(tokens_per_day=1000, cost_per_day=2.5, runs=4, seconds=60)
    assert record.expires is not None
    assert abs(record.expires - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)
    (listed,) = cli("keys", "list", "--json").json
    assert (listed["id"], listed["state"], listed["today"]) == (
        record.id,
        "in use",
        {"runs": 0, "tokens": 0, "cost": 0},
    )
    shown = " ".join(cli("keys", "list").out.split())
    assert "ask, metrics" in shown


def test_a_revoked_key_is_listed_only_with_all(cli: Cli, store: Path) -> None:
    key = cli("keys", "create", "laptop").out.strip()
    other = cli("keys", "create", "phone", "--json").json
    assert "is revoked" in cli("keys", "revoke", "laptop").out
    record = found(store, key)
    assert record is not None
    assert record.why_not() == "was revoked"
    assert [listed["name"] for listed in cli("keys", "list", "--json").json] == ["phone"]
    assert [listed["state"] for listed in cli("keys", "list", "--all", "--json").json] == ["was revoked", "in use"]
    assert cli("keys", "revoke", other["id"], "--json").json["state"] == "was revoked"
    assert "No keys" in cli("keys", "list").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", ""], "a key's name has 1 to 64"),
        (["create", "x" * 65], "a key's name has 1 to 64"),
        (["create", "a\nb"], "a key's name has 1 to 64"),
        (["create", "x", "--scope", "root"], "'root' is no scope: choose from ask, admin, node, metrics"),
        (["create", "x", "--expires", "soon"], "'soon' is no time"),
        (["create", "x", "--expires", "999999w"], "is no time"),
        (["create", "x", "--expires", "9999-12-31T23:59:59-12:00"], "is no time"),
        (["create", "x", "--expires", "2020-01-01"], "2020-01-01 is over already"),
        (["create", "x", "--expires", "0d"], "0d is over already"),
        (["revoke", "nobody"], "key 'nobody' is none of this store"),
        (["revoke", "old"], "key 'old' is revoked already"),
        (["revoke", "twin"], "2 keys are called 'twin': give the id of one"),
    ],
)
def test_what_cannot_be_done_is_one_line(cli: Cli, store: Path, arguments: list[str], words: str) -> None:
    for name in ("old", "twin", "twin"):
        cli("keys", "create", name)
    cli("keys", "revoke", "old")
    ran = cli("keys", *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_store_that_is_not_there_has_no_keys(cli: Cli, store: Path) -> None:
    for arguments in (["list"], ["revoke", "x"]):
        ran = cli("keys", *arguments)
        assert ran.code == 2
        assert "there is no store" in ran.err
    assert not store.exists()
