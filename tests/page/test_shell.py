"""The frame of the page: its views by link and keyboard, its theme, and what it loads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Reader
from tests.scripted import network, says
from tools.page.gateways import Served, served, typist


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    team = network(typist("ada", says("it is => 2")), typist("ben", says("I say => 2")))
    with served(tmp_path_factory.mktemp("shell"), team) as found:
        yield found


def test_every_view_is_a_link(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url)
    for name in ("Fusion", "Runs", "Network", "Evaluations", "Protocols", "Ask"):
        page.get_by_role("navigation", name="Views").get_by_role("link", name=name, exact=True).click()
        page.wait_for_function("name => document.title.startsWith(name)", arg=name)
        page.wait_for_selector(f"main.view-{name.lower()}")


def test_a_theme_is_kept(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url)
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.reload()
    expect(page.locator("html")).to_have_css("color-scheme", "dark")
