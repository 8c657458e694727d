"""The graph of a run: who read whom, who judged whom, in the picture and in its words."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.page.conftest import Reader
from tests.scripted import network, says, verdict
from tools.page.gateways import Held, Served, served, typist

CHECKED_DEBATE = {
    "verify": {"proposer": {"debate": {"members": ["ada", "ben"], "rounds": 2, "see": "all"}}, "verifier": "eve"}
}


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
    assert page.locator(".graph-now").inner_text() == "Eve is writing, having read the decision…"
    assert page.locator(".graph-member.silent").all_inner_texts() == ["gus"]
    held.let_go()
    page.wait_for_selector(".graph-centre:has-text('approved')")
    assert page.locator(".graph-centre b").inner_text() == "5"
    assert page.locator(".graph-member.writing").count() == 0
    page.get_by_text("Who read whom, as a table").click()
    page.wait_for_selector(".graph-table th:has-text('ada')")
    rows = {row[0]: row[1:] for row in page.locator(".graph-table tbody tr").evaluate_all(CELLS)}
    assert rows["ada"][:3] == ["2", "ben", "ben, the decision"]
    assert rows["eve"][3] == "the decision (approve)"
    assert "gus" not in rows
    ada = page.get_by_role("button", name="ada")
    ada.focus()
    page.keyboard.press("Enter")
    assert ada.get_attribute("aria-pressed") == "true"
    assert page.locator(".graph-table tr.chosen th").inner_text() == "ada"
    assert page.locator(".turn:not(.beside)").count() == 2


CELLS = "rows => rows.map(row => [...row.children].map(cell => cell.innerText))"
