"""The Network view: what members can, nodes that come and go, members that prove themselves or are expelled, `auto`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from agentnet.contracts.cards import Card
from agentnet.contracts.nodes import Load, Offer
from agentnet.contracts.profiles import Observation
from tests.page.conftest import Reader
from tests.serving.hubs import peer
from tools.page.gateways import Served, served

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("network")) as found:
        yield found


@contextmanager
def node(gateway: Served, name: str, *offers: Offer, load: Load | None = None) -> Iterator[None]:
    """A node without models that takes part, and leaves at the end."""
    leaving = asyncio.Event()
    joined = asyncio.Event()

    async def takes_part() -> None:
        async with peer(gateway.url, name, *offers, load=lambda: load or Load()) as found:
            await found.membership.join()
            keeping = asyncio.create_task(found.membership.keep())
            joined.set()
            await leaving.wait()
            keeping.cancel()
            await found.membership.leave()

    part = asyncio.run_coroutine_threadsafe(takes_part(), gateway.loop)
    gateway.call(asyncio.wait_for(joined.wait(), 30))
    yield
    gateway.loop.call_soon_threadsafe(leaving.set)
    part.result(30)


def canaries(gateway: Served, member: str, on: str, *answers: tuple[str, bool]) -> None:
    """Record what a member that joined answered to canaries: label, right; one each minute of the last ones."""

    async def record() -> None:
        members, now = gateway.session.measured.members, datetime.now(UTC)
        for place, (label, right) in enumerate(answers):
            seat = members.seat(member, on)
            assert seat is not None
            time = now - timedelta(minutes=len(answers) - place)
            await members.record(
                [Observation(seat=seat, source="canary", label=label, right=right, time=time, seconds=0.5, tokens=20)]
            )

    gateway.call(record())


def test_members_are_compared_by_what_is_proven_of_them(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/network")
    solvers = page.locator(".matrix").first.locator("tbody tr")
    members = ["atlas", "sage", "scout", "facts", "math", "reading", "symbols"]
    expect(solvers.locator(".name")).to_have_text(members)
    told = (
        "facts: 68 %, between 63 % and 73 %, from 300 questions; at least 64 % proven; "
        "measured before, vouched for by the owner"
    )
    facts = solvers.nth(0).get_by_role("img", name="facts:")
    expect(facts).to_have_attribute("aria-label", told.replace(" %", "\u00a0%"))
    expect(page.locator(".matrix").nth(1).locator(".name")).to_have_text(["planner", "critic"])
    page.get_by_title("Sort by reading").press("Enter")
    expect(page.locator(".matrix tbody .name").first).to_have_text("reading")
    expect(page).to_have_url(re.compile("sort=reading"))
    page.reload()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("reading")
    page.get_by_role("link", name="sage", exact=True).click()
    page.get_by_role("heading", name="What it can").wait_for()
    expect(page.locator(".member .about")).to_contain_text("A generalist of medium size")


def test_a_node_joins_proves_itself_and_leaves_while_one_looks(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/network")
    page.get_by_text(f"agentnet join {gateway.url} --network mine.yaml").wait_for()
    poet = Offer(name="poet", digest="p1", card=Card(claims={"math": 0.9}))
    with node(gateway, "box", poet, load=Load(running=1, queued=2, slots=4)):
        card = page.get_by_role("article", name="node box")
        card.wait_for()
        card.get_by_text("1 of 4 slots busy, 2 waiting").wait_for()
        expect(card.locator(".lease")).to_contain_text("lease")
        row = page.locator(".matrix tr", has_text="poet")
        row.get_by_text("on probation").wait_for()
        row.get_by_role("img", name="math: claims 90 %, nothing was measured").wait_for()

        canaries(gateway, "poet", "box", *[("math", True)] * 3)
        row.get_by_role("img", name="counts nothing yet").wait_for()
        page.goto(f"{gateway.url}/#/network/members/poet")
        page.get_by_text("3 of 3 right; evidence").first.wait_for()
        canaries(gateway, "poet", "box", *[("math", True)] * 5)
        page.get_by_text("counts from now on").first.wait_for()
        picture = page.locator(".course img")
        picture.wait_for()
        page.wait_for_function("() => document.querySelector('.course img')?.naturalWidth > 0")
        page.goto(f"{gateway.url}/#/network")
        row.get_by_role("img", name="measured here").wait_for()
        expect(row.get_by_text("on probation")).to_have_count(0)
    card.wait_for(state="detached")
    row.wait_for(state="detached")
    page.get_by_role("link", name="History").click()
    page.get_by_text("node box is gone").wait_for()
    expect(page.get_by_role("img", name="node box: joining, then active, then gone")).to_have_count(1)


def test_an_expelled_member_stays_seen_with_the_test_that_decided(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/network", width=390, dark=True)
    with node(gateway, "cellar", Offer(name="parrot", digest="r1")):
        page.locator(".matrix tr", has_text="parrot").wait_for()
        canaries(gateway, "parrot", "cellar", *[("math", True)] * 8, *[("math", False)] * 16)
        card = page.get_by_role("article", name="node cellar")
        card.get_by_text("expelled").wait_for()
    page.locator(".matrix tr", has_text="parrot").wait_for(state="detached")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(f"{gateway.url}/#/network/history?about=member")
    entry = page.locator("li.expelled")
    entry.get_by_text("the test that decided").click()
    expect(entry).to_contain_text("sequential")
    entry.get_by_role("link", name="parrot").click()
    page.get_by_text("It is not there now").wait_for()
    page.wait_for_function("() => document.querySelector('.course img')?.naturalWidth > 0")


def test_auto_is_explained_and_drawn(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/network/auto")
    page.get_by_role("img", name="compound: delegation, 100 % right, instead of sage with 3 %").wait_for()
    page.get_by_role("group", name="Kind of question").get_by_role("link", name="facts").press("Enter")
    page.get_by_role("img", name="Accuracy over tokens for questions of facts").wait_for()
    page.wait_for_function("() => document.querySelector('.frontier img')?.naturalWidth > 0")
    page.get_by_text("as a table").click()
    expect(page.locator(".frontier tr.used th")).to_have_text("facts")


def test_where_nothing_was_learned_or_happened_the_page_says_how_it_comes(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text("name: quiet\nagents:\n  - {name: maria, human: terminal}\n")
    with served(tmp_path, tmp_path / "team.yaml") as quiet:
        page = reader(quiet.url, "#/network/auto")
        page.get_by_text("agentnet learn SUITE").wait_for()
        page.get_by_role("link", name="History").click()
        page.get_by_text("Nothing has happened to this network yet").wait_for()
        page.goto(f"{quiet.url}/#/network/members/nobody")
        page.get_by_text("The network has no member nobody").wait_for()
        page.close()  # before its server


def test_the_course_of_a_member_whose_answers_were_not_graded(reader: Reader, gateway: Served) -> None:
    members = gateway.session.measured.members
    seat = members.seat("reading")
    assert seat is not None
    work = Observation(seat=seat, source="traffic", time=datetime.now(UTC), seconds=0.5, tokens=20)
    gateway.call(members.record([work]))
    refused = httpx.get(f"{gateway.url}/api/network/members/reading/course.svg")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not-measured")
    page = reader(gateway.url, "#/network/members/reading")
    page.get_by_text("None of its answers was graded here yet").wait_for()


@pytest.mark.slow
def test_a_real_process_joins_and_leaves(reader: Reader, gateway: Served, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        'name: mine\nagents:\n  - {name: reader, model: {path: "zoo:reading", threads: 1}}\n'
    )
    page = reader(gateway.url, "#/network")
    command = [sys.executable, "-m", "agentnet", "join", gateway.url, "--network", "mine.yaml", "--name", "den"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AGENTNET_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    try:
        card = page.get_by_role("article", name="node den")
        card.wait_for(timeout=120_000)
        card.get_by_text("active").wait_for()
        process.send_signal(signal.SIGTERM)
        card.wait_for(state="detached", timeout=60_000)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
