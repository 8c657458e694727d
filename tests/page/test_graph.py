"""The graph of a run: who read whom, who judged whom, in the picture and in its words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.page.conftest import Reader
from tests.scripted import network, says, verdict
from tools.page.gateways import Held, Served, served, typist

CHECKED_DEBATE = {
    "verify": {"proposer": {"debate": {"members": ["ada", "ben"], "rounds": 2, "see": "all"}}, "verifier": "eve"}
}

ANY = re.compile(".*")


@pytest.fixture(scope="module")
def held() -> Held:
    return Held()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, held: Held) -> Iterator[Served]:
    team = network(
        typist("ada", says("it is => 4", "I see => 5")),
        typist("ben", says("I say => 5")),
        typist("eve", says(verdict("approve", "because it is so")), roles=("verifier",), held=held, stop="it"),
        typist("gus", says("never asked")),
    )
    with served(tmp_path_factory.mktemp("graph"), team) as found:
        yield found


def test_a_run_is_drawn_as_it_goes_on_and_said_in_words(reader: Reader, gateway: Served, held: Held) -> None:
    asked = httpx.post(f"{gateway.url}/api/runs", json={"question": "What is 2 + 3?", "protocol": CHECKED_DEBATE})
    page = reader(gateway.url, f"#/ask/{asked.json()['id']}")
    page.wait_for_selector(".graph-member.writing .graph-name:has-text('eve')")
    expect(page.locator(".graph-now")).to_have_text("Eve is writing, having read the decision…")
    expect(page.locator(".graph-member.silent")).to_have_text(["gus"])
    held.let_go()
    page.wait_for_selector(".graph-centre:has-text('approved')")
    expect(page.locator(".graph-centre b")).to_have_text("5")
    expect(page.locator(".graph-member.writing")).to_have_count(0)
    page.get_by_text("Who read whom, as a table").click()
    rows = page.locator(".graph-table tbody tr")
    expect(rows.locator("th")).to_have_text(["ada", "ben", "eve", "the decision"])
    expect(rows.nth(0).locator("td")).to_have_text(["2", "ben", "ben, the decision", ANY, ANY])
    expect(rows.nth(2).locator("td")).to_have_text([ANY, ANY, ANY, "the decision (approve)", ANY])
    ada = page.get_by_role("button", name="ada")
    ada.focus()
    page.keyboard.press("Enter")
    expect(ada).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".graph-table tr.chosen th")).to_have_text("ada")
    expect(page.locator(".turn:not(.beside)")).to_have_count(2)
