"""What users say of answers over the API, and what it says of members."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .test_api import SUM, Client, caller, url

__all__ = ["url"]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def owner(url: str) -> AsyncIterator[Client]:
    async with caller(url, "owner") as client:
        yield client


async def known(owner: Client) -> tuple[float, float]:
    """How often math was right and wrong at its label."""
    (found,) = (one for one in await owner.get("/network/profiles") if one["seat"]["member"] == "math")
    label = found["labels"]["math"]
    return label["right"], label["wrong"]


async def test_the_owner_says_whether_an_answer_was_right(owner: Client) -> None:
    run = await owner.ask(label="math")
    assert (await owner.ended(run))["outcome"] is None
    told = {"run": run, "right": True, "members": [{"member": "math", "right": True, "label": "math"}]}
    assert await owner.post(f"/runs/{run}/outcome", {"right": True}) == told
    assert (await owner.get(f"/runs/{run}"))["outcome"] is True
    right, wrong = await known(owner)

    await owner.post(f"/runs/{run}/outcome", {"right": False})
    assert [one["outcome"] for one in (await owner.get("/runs", text=SUM))["runs"] if one["id"] == run] == [False]
    assert await known(owner) == pytest.approx((right - 1, wrong + 1), abs=0.01)


async def test_what_is_no_outcome_is_refused(owner: Client) -> None:
    waiting = await owner.ask(protocol="team/maria")
    assert "no answer" in (await owner.post(f"/runs/{waiting}/outcome", {"right": True}, 400))["error"]["message"]
    await owner.post(f"/runs/{waiting}/cancel", None)
    assert (await owner.post(f"/runs/{waiting}/outcome", {"right": "yes"}, 400))["error"]["param"] == "right"
    await owner.post("/runs/nothing/outcome", {"right": True}, 404)
    async with caller(owner.url, "bob") as bob:
        run = await bob.ask()
        await bob.ended(run)
        assert (await bob.post(f"/runs/{run}/outcome", {"right": True}, 403))["error"]["code"] == "wrong-scope"
        assert (await bob.get(f"/runs/{run}"))["outcome"] is None


async def test_what_a_fork_has_from_another_run_says_nothing_of_members_again(owner: Client) -> None:
    run = await owner.ask()
    await owner.ended(run)
    last = (await owner.get(f"/runs/{run}/messages"))[-1]["id"]
    body = {"message": last, "protocol": {"serial": ["maria", "math"]}}
    fork = (await owner.post(f"/runs/{run}/fork", body, 201))["id"]
    await owner.events(fork, until="input-requested")
    await owner.post(f"/runs/{fork}/answer", {"words": "I am not sure"}, 202)
    assert (await owner.ended(fork))["answer"] == "19"
    told = await owner.post(f"/runs/{fork}/outcome", {"right": True})
    assert [(one["member"], one["right"]) for one in told["members"]] == [("maria", False), ("math", True)]
    body = {"message": last, "protocol": "team/maria"}
    alone = (await owner.post(f"/runs/{run}/fork", body, 201))["id"]
    await owner.events(alone, until="input-requested")
    await owner.post(f"/runs/{alone}/answer", {"words": "19"}, 202)
    await owner.ended(alone)
    told = await owner.post(f"/runs/{alone}/outcome", {"right": True})
    assert [one["member"] for one in told["members"]] == ["maria"]
