"""The Protocols view: all at a glance, one as a drawing, its YAML checked as it is written, and asking with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from agentnet.collab.library import shipped_protocols
from tests.page.conftest import Reader
from tests.scripted import network, says, verdict
from tools.page.gateways import Served, served, typist


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    team = network(
        typist("ada", says("it is => 42")),
        typist("ben", says("I say => 42")),
        typist("eve", says(verdict("approve")), roles=("verifier",)),
    )
    with served(tmp_path_factory.mktemp("protocols"), team) as found:
        yield found


def write(page: Page, text: str) -> None:
    page.get_by_label("The protocol as YAML").fill(text)


def asks_with(page: Page, protocol: Any) -> None:
    """Wait until the link to Ask asks with a protocol: a name, or an expression."""
    words = protocol if isinstance(protocol, str) else json.dumps(protocol, separators=(",", ":"))
    link = page.get_by_role("link", name="Ask with it")
    expect(link).to_have_attribute("href", f"#/ask?{urlencode({'protocol': words})}")


def test_all_protocols_are_shown_with_their_shape_and_why_one_is_not_ready(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/protocols", width=390)
    cards = page.locator(".protocol-cards li")
    expect(cards).to_have_count(len(shipped_protocols()))
    expect(cards.filter(has_text="A planner splits")).to_contain_text("not ready: ")
    expect(cards.filter(has_text="Three solvers answer, read each other")).to_contain_text("calls: 3 to 9")
    expect(cards.filter(has_text="Three solvers answer, read each other").locator(".sketch i")).to_have_count(3)
    page.get_by_label("Search protocols").fill("feeds BACK nothing")
    expect(page.get_by_text("No protocol has these words")).to_be_visible()
    page.get_by_label("Search protocols").fill("PLANNER")
    expect(cards).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cards.get_by_role("link").click()
    expect(page.get_by_role("heading", name="delegation")).to_be_visible()
    expect(page.locator(".not-ready")).to_contain_text("planner")
    expect(page.get_by_role("button", name="Ask with it")).to_be_disabled()


def test_protocols_are_drawn(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/protocols", width=390)
    for name, words in {
        "debate": ["up to 3 rounds", "ada", "ben", "stops when all agree", "the majority decides"],
        "verification": ["ada", "eve", "judges the answer", "up to 2 times"],
        "judged": ["3 solvers", "a judge", "reads the answers and chooses one"],
        "delegation": ["a planner", "each step goes to the worker", "the last step's answer counts"],
        "mixture-of-agents": ["all answers go on", "writes one answer of all"],
        "cascade": ["ada", "not trusted yet", "ben", "2 equal answers"],
        "parallel-inference": ["piece by piece", "pi chooses each piece"],
        "self-consistency": ["temperature 0.7", "× 5"],
        "route": ["up to 3 hops"],
        "auto": ["the best card for the kind of task answers"],
    }.items():
        page.evaluate("name => { location.hash = `#/protocols/${name}`; }", name)
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        for word in words:
            expect(page.get_by_role("figure")).to_contain_text(word)
        expect(page.get_by_role("status").filter(has_text="Checking")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_a_protocol_is_changed_checked_and_asked(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/protocols/vote")
    expect(page.get_by_text("The network can run it")).to_be_visible()
    asks_with(page, "vote")
    write(page, "serial:\n  steps:\n  - ada\n  - nobody\n")
    status = page.locator("#protocol-check")
    expect(status).to_contain_text("Line 4: protocol.serial.steps[1].agent: no agent 'nobody'")
    expect(page.locator(".lines .wrong")).to_have_text("4")
    expect(page.get_by_role("figure")).to_contain_text("side by side")  # what ran last
    expect(page.get_by_role("button", name="Ask with it")).to_be_disabled()
    write(page, "serial:\n  steps:\n  - ada\n  - ben\n")
    expect(page.get_by_role("figure")).to_contain_text("one after another")
    expect(page.locator(".lines .wrong")).to_have_count(0)
    asks_with(page, {"serial": {"steps": ["ada", "ben"]}})

    page.goto(f"{gateway.url}/#/runs")  # a draft is kept
    page.goto(f"{gateway.url}/#/protocols/vote")
    expect(page.get_by_label("The protocol as YAML")).to_have_value("serial:\n  steps:\n  - ada\n  - ben\n")
    page.get_by_role("button", name="Undo the changes").click()
    expect(page.get_by_text("The network can run it")).to_be_visible()
    asks_with(page, "vote")


def test_one_is_written_by_keyboard(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/protocols")
    page.get_by_role("link", name="Write your own").click()
    expect(page.get_by_role("figure")).to_contain_text("eve")
    editor = page.get_by_label("The protocol as YAML")
    editor.focus()
    page.keyboard.press("Control+a")
    for line in ("parallel:", "branches:", "- ada", "- ben"):  # each line begins as far in as its place
        page.keyboard.type(line)
        page.keyboard.press("Enter")
    expect(editor).to_have_value("parallel:\n  branches:\n    - ada\n    - ben\n    ")
    expect(page.get_by_role("figure")).to_contain_text("the majority decides")
    asks_with(page, {"parallel": {"branches": ["ada", "ben"]}})
    page.get_by_role("link", name="Ask with it").click()
    page.get_by_label("Question", exact=True).fill("What is 6 * 7?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page).to_have_url(re.compile(r"#/ask/\w+"))
    expect(page.locator("main")).to_contain_text("majority")
    expect(page.locator("main")).to_contain_text("42")
