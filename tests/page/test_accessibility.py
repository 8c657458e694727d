"""axe-core finds nothing serious in any view, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentnet.evals.sweeps import system, together
from tests.evals.made import items, record, trial
from tests.page.conftest import Reader
from tests.page.hostile import GO, PENDING, settled
from tests.page.test_ask import ask, team
from tools.page.content import RUNS, views
from tools.page.gateways import Held, Served, served

axe_base = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed: it was NOT RUN")

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

GRAVE = ("serious", "critical")
THEMED = ("color-contrast", "link-in-text-block")
"""The rules whose findings depend on the theme; the others run once."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("accessible")) as found:
        yield found


@pytest.mark.timeout(300)  # some twenty views
def test_axe_finds_nothing_serious_in_any_view(reader: Reader, gateway: Served) -> None:
    runs = {protocol: gateway.run(question, protocol) for protocol, question in RUNS}
    page = reader(gateway.url)
    page.add_init_script(PENDING)
    page.reload()
    found = []
    for name, address in views(runs, evaluated(gateway)).items():
        page.evaluate(GO, address)
        settled(page)
        if "report" in name:
            page.frame_locator("iframe").locator("h1").first.wait_for()
        found += in_both_themes(page, name)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "protocol",
    [
        pytest.param("scripted/eve", id="words"),
        pytest.param({"verify": {"proposer": "ben", "verifier": "eve"}}, id="choice"),
    ],
)
def test_axe_finds_nothing_serious_where_a_person_answers(reader: Reader, tmp_path: Path, protocol: Any) -> None:
    with served(tmp_path, team(Held())) as asking:
        page = reader(asking.url, ask(asking, protocol))
        page.get_by_role("form", name="Your turn").wait_for()
        found = in_both_themes(page, "your turn")
        page.close()  # before its server
    assert not found, "\n".join(found)


def evaluated(gateway: Served) -> str:
    """Store an evaluation of two members and their vote, and return its id."""
    asked = items(6)
    made = record([system("vote", together(["ann", "bob"], "vote"))]).model_copy(update={"status": "done"})
    storage = gateway.session.storage
    assert storage is not None
    gateway.call(storage.evaluations.start(made, {"test": asked}))
    for item in asked:
        for name in ("vote", "ann", "bob"):
            gateway.call(storage.evaluations.record_trial(made.id, trial(name, item.id)))
    return made.id


def in_both_themes(page: Page, name: str) -> list[str]:
    """What axe-core finds in a view and in the reports that it frames, in a line each."""
    found = []
    for theme, rules in (("light", None), ("dark", THEMED)):
        for frame in page.frames:
            frame.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            found += [f"{name}, {theme}: {finding}" for finding in findings(frame, rules)]
    return found


def findings(frame: Frame, rules: tuple[str, ...] | None) -> list[str]:
    """What axe-core finds of grave problems: the rule, and the first places."""
    if not frame.evaluate("'axe' in window"):
        frame.evaluate(axe_base.AXE_SCRIPT)
    options: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
    if rules is not None:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    violations = frame.evaluate("options => axe.run(document, options).then(found => found.violations)", options)
    return [
        f"{each['id']} ({len(each['nodes'])}): {each['nodes'][0]['html'][:200]} {each['nodes'][0]['failureSummary']}"
        for each in violations
        if each["impact"] in GRAVE
    ]
