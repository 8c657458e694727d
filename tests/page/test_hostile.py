"""Nothing that members, servers or callers say becomes markup, runs, leads elsewhere, or breaks the page."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from agentnet.agents import ModelAgent
from agentnet.errors import ModelError
from agentnet.models.base import Request
from tests.page.conftest import Reader
from tests.page.hostile import GO, HOSTILE, TEXTS, Watch, hostile_server, settled, walk
from tests.scripted import choice, network, plan, role_of, verdict
from tools.page.gateways import Served, served, typist

VIEWS = ["#/ask", "#/fusion", "#/runs", "#/network", "#/evaluations", "#/protocols"]
WORD = "W" * 100_000


def reply(request: Request) -> str:
    """A hostile reply in the form that the prompt asks for."""
    match role_of(request):
        case "plan":
            return plan(("math", f"first {HOSTILE}?"), ("math", f"{HOSTILE} #1?"))
        case "verify":
            return verdict("approve", HOSTILE)
        case "choose":
            return json.dumps(json.loads(choice("A")) | {"reason": HOSTILE})
    return f"{HOSTILE} {WORD} => {TEXTS['markup']}"


def fails(request: Request) -> str:
    raise ModelError(f"the server said: {HOSTILE}")


def hostile_members() -> list[ModelAgent]:
    """Members with names of what every object has, and one that fails."""
    roles = ("solver", "verifier", "judge", "planner", "aggregator")
    return [
        typist("constructor", reply, roles=roles),
        typist("hasOwnProperty", reply, roles=roles),
        typist("toString", fails),
    ]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("hostile"), network(*hostile_members())) as found:
        yield found


def test_hostile_members_are_read_as_they_wrote(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, width=390)
    watch = Watch(page, gateway.url)
    for protocol in ("debate", "vote", "verification", "delegation"):
        run = gateway.run(f"What is 1 + 1? {HOSTILE}", protocol, label="javascript:hurt/1")
        shows_markup(page, f"#/ask/{run}")
        watch.look()
    shows_markup(page, "#/runs")
    watch.look()
    assert watch.wrong == []


def shows_markup(page: Page, address: str) -> None:
    """Open an address, and wait until markup of members stands there as its text."""
    page.evaluate(GO, address)
    settled(page)
    expect(page.locator("main")).to_contain_text("<b data-made>bold</b>")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The zoo after some runs: real content for every view."""
    with served(tmp_path_factory.mktemp("zoo")) as found:
        for protocol in ("debate", "byte-fusion", "verification"):
            found.run("What is 12 + 7?", protocol)
        yield found


@pytest.mark.parametrize(
    ("width", "most"),
    [
        pytest.param(390, 12, id="views"),
        pytest.param(390, 60, id="links", marks=pytest.mark.slow),
        pytest.param(1440, 60, id="wide", marks=pytest.mark.slow),
    ],
)
def test_no_view_takes_what_the_server_says_for_more_than_text(
    reader: Reader, zoo: Served, width: int, most: int
) -> None:
    """Every text of every answer of the API is hostile; every view is opened, and what it links to."""
    page = reader(zoo.url, width=width, allowed="status of 4")  # the server knows no such names
    shown = set[str]()

    def look(address: str) -> None:
        watch.look()
        if "<b data-made>bold</b>" in page.locator("main").inner_text():
            shown.add(address.split("/")[1])

    with hostile_server(page):
        watch = Watch(page, zoo.url)
        walk(page, VIEWS, look, most=most)
    assert watch.wrong == []
    assert shown >= {"fusion", "runs", "network", "evaluations", "protocols"}, (
        "a view showed none of it: is it tested at all?"
    )
