"""A network of 60 members that say more than 200 messages: all of them are shown, and the picture stays legible."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.page.conftest import Reader
from tests.scripted import network, says
from tools.page.gateways import Served, served, typist

NAMES = [f"member-{index:02}" for index in range(60)]
ROUNDS = 4
DEBATE = {"debate": {"members": NAMES, "rounds": ROUNDS, "stop": "never"}}
IS_LEGIBLE = """width => {
  const boxes = [...document.querySelectorAll(".graph-name")].map(name => name.getBoundingClientRect());
  const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
  const overlaps = boxes.flatMap((box, at) => boxes.slice(at + 1).filter(other => {
    const [x, y] = middle(box), [u, v] = middle(other);
    return Math.hypot(x - u, y - v) < 10;
  }));
  return innerWidth === width && overlaps.length === 0 && document.documentElement.scrollWidth <= width;
}"""
"""Whether no two names are closer together than a line is high, and the page fits its window."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    members = (typist(name, says(f"=> {index % 3}", "=> 1")) for index, name in enumerate(NAMES))
    with served(tmp_path_factory.mktemp("large"), network(*members)) as found:
        yield found


def test_sixty_members_and_their_messages_are_drawn_legibly(reader: Reader, gateway: Served) -> None:
    asked = httpx.post(f"{gateway.url}/api/runs", json={"question": "How much is it?", "protocol": DEBATE})
    page = reader(gateway.url, f"#/ask/{asked.raise_for_status().json()['id']}", width=390)
    page.wait_for_selector(".graph-centre:has-text('majority')", timeout=60_000)
    expect(page.locator(".graph-member.spoke")).to_have_count(len(NAMES))
    expect(page.locator(".graph-centre b")).to_have_text("1")
    expect(page.locator(".turn")).to_have_count(len(NAMES) * ROUNDS)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(IS_LEGIBLE, arg=width)
    links = len(NAMES) * (len(NAMES) - 1) + len(NAMES)
    expect(page.get_by_text(f"120 of {links} links are drawn")).to_be_visible()
    page.get_by_text("Who read whom, as a table").click()
    row = page.locator(".graph-table tr", has_text=NAMES[7]).nth(0)
    row.wait_for()
    page.get_by_role("button", name=NAMES[7]).click()
    expect(page.locator(".graph-table tr.chosen td").first).to_have_text(str(ROUNDS))
