"""Forks over the API: runs that go on from a message of another run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .test_api import SUM, Client, ann, caller, url

__all__ = ["ann", "url"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
SERIAL = {"serial": ["math", "facts"]}


async def test_a_run_is_forked_and_its_forks_are_listed(ann: Client) -> None:
    run = await ann.ask(protocol=SERIAL, seed=3, limits={"calls": 5})
    assert (await ann.ended(run))["forked_from"] is None
    messages = await ann.get(f"/runs/{run}/messages")
    body: dict[str, Any] = {"message": messages[1]["id"]}
    same = (await ann.post(f"/runs/{run}/fork", body, 201))["id"]
    events = await ann.events(same)
    assert [id for name, id, _ in events if name == "message"] == ["0", "1", "2"]
    shown = await ann.get(f"/runs/{same}")
    assert shown["forked_from"] == {"run": run, "message": messages[1]["id"], "copied": 1}
    assert (shown["task"], shown["seed"], shown["limits"]["calls"], shown["usage"]["calls"]) == (SUM, 4, 5, 1)
    assert (shown["detached"], shown["protocol"], shown["expression"]) == (
        True, "inline", (await ann.get(f"/runs/{run}"))["expression"],
    )  # fmt: skip

    body = {"message": messages[-1]["id"], "protocol": "team/math", "seed": 9, "limits": {"calls": 2}}
    other = (await ann.post(f"/runs/{run}/fork", body, 201))["id"]
    assert (await ann.ended(other))["answer"]
    said = await ann.get(f"/runs/{other}/messages")
    assert [message["node"] for message in said] == ["task", "before/serial/math", "before/serial/facts", "ask/math"]
    assert said[-1]["reply_to"] == [message["id"] for message in said[:-1]]
    assert said[-1]["body"]["kind"] == "revision"
    forks = (await ann.get("/runs", forked_from=run))["runs"]
    assert {fork["id"] for fork in forks} == {same, other}


async def test_the_same_fork_with_the_same_key_is_one_run(ann: Client) -> None:
    run = await ann.ask()
    await ann.ended(run)
    task = (await ann.get(f"/runs/{run}/messages"))[0]["id"]
    work = (ann.post(f"/runs/{run}/fork", {"message": task}, 201, **{"Idempotency-Key": "f"}) for _ in range(2))
    first, second = await asyncio.gather(*work)
    assert first == second
    await ann.ended(first["id"])
    assert await ann.post(f"/runs/{run}/fork", {"message": task}, 201, **{"Idempotency-Key": "f"}) == first
    other = await ann.post(f"/runs/{first['id']}/fork", {"message": task}, 422, **{"Idempotency-Key": "f"})
    assert other["error"]["code"] == "key-reused"


async def test_a_person_is_asked_in_a_fork_as_in_any_run(ann: Client) -> None:
    run = await ann.ask()
    await ann.ended(run)
    last = (await ann.get(f"/runs/{run}/messages"))[-1]["id"]
    fork = (await ann.post(f"/runs/{run}/fork", {"message": last, "protocol": "team/maria"}, 201))["id"]
    await ann.events(fork, until="input-requested")
    assert "19" in (await ann.get(f"/runs/{fork}"))["question"]["text"]
    await ann.post(f"/runs/{fork}/answer", {"words": "20"}, 202)
    assert (await ann.ended(fork))["answer"] == "20"


async def test_what_cannot_be_forked_is_refused(ann: Client) -> None:
    run = await ann.ask()
    await ann.ended(run)
    messages = await ann.get(f"/runs/{run}/messages")
    for body, status, param in (
        ({"message": "nothing"}, 400, None),
        ({"message": ""}, 400, "message"),
        ({}, 400, "message"),
        ({"message": messages[-1]["id"]}, 400, None),
        ({"message": messages[0]["id"], "protocol": "nothing"}, 404, "model"),
        ({"message": messages[0]["id"], "protocol": {"serial": ["nobody"]}}, 400, None),
        ({"message": messages[0]["id"], "label": "math"}, 400, "label"),
    ):
        assert (await ann.post(f"/runs/{run}/fork", body, status))["error"]["param"] == param
    assert len((await ann.get("/runs"))["runs"]) == 1
    async with caller(ann.url, "bob") as bob:
        await bob.post(f"/runs/{run}/fork", {"message": messages[0]["id"]}, 404)
