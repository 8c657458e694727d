"""axe-core finds nothing serious in any view, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.page.conftest import Reader
from tools.page.content import RUNS, views
from tools.page.gateways import Served, served

axe_base = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed: it was NOT RUN")

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = ("serious", "critical")
SHOWN = "() => document.querySelector('main > *') !== null && document.querySelector('main .waiting') === null"
THEMED = ("color-contrast", "link-in-text-block")
"""The rules whose findings depend on the theme; the others run once."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("accessible")) as found:
        yield found


def test_axe_finds_nothing_serious_in_any_view(reader: Reader, gateway: Served) -> None:
    runs = {protocol: gateway.run(question, protocol) for protocol, question in RUNS}
    page = reader(gateway.url)
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(axe_base.AXE_SCRIPT)
    found = []
    for name, address in views(runs).items():
        page.evaluate("address => { location.hash = address; }", address)
        page.wait_for_function(SHOWN)
        for theme, rules in (("light", None), ("dark", THEMED)):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            found += [f"{name}, {theme}: {finding}" for finding in findings(page, rules)]
    assert not found, "\n".join(found)


def findings(page: Page, rules: tuple[str, ...] | None) -> list[str]:
    """What axe-core finds of grave problems: the rule, and the first places."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules is not None:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    violations = page.evaluate("options => axe.run(document, options).then(found => found.violations)", options)
    return [
        f"{each['id']} ({len(each['nodes'])}): {each['nodes'][0]['html'][:200]} {each['nodes'][0]['failureSummary']}"
        for each in violations
        if each["impact"] in GRAVE
    ]
