"""Evaluations on the page: one is started, watched, cancelled and resumed; what it found is read, and whole reports."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agentnet.contracts.evaluations import Trial
from agentnet.evals.sweeps import system, together
from agentnet.evals.trials import trial_of
from tests.evals.made import items, record, trial
from tests.page.conftest import Reader
from tests.serving.suites import small_suites
from tools.page.gateways import Served, served

OPENING = 60_000
"""Milliseconds for the models of a suite to be opened, and a few questions to be asked, on a busy machine."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("evaluations")
    with small_suites(folder), served(folder, folder / "pair-network.yaml") as found:
        yield found


@pytest.fixture
def patient(reader: Reader) -> Reader:
    """A reader who waits for models and statistics as long as a busy machine takes."""

    def opened(*where: Any, **options: Any) -> Page:
        page = reader(*where, **options)
        page.set_default_timeout(OPENING)
        return page

    return opened


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations that come to no end: they wait after a few trials, however fast the machine is."""
    made = 0

    async def few(*about: Any, **options: Any) -> Trial:
        nonlocal made
        made += 1
        if made > 10:
            await asyncio.Event().wait()
        return await trial_of(*about, **options)

    monkeypatch.setattr("agentnet.evals.running.trial_of", few)


@pytest.mark.usefixtures("endless")
def test_one_is_started_cancelled_resumed_and_read(patient: Reader, gateway: Served) -> None:
    page = patient(gateway.url, "#/evaluations")
    page.get_by_text("No evaluation yet").wait_for()
    page.get_by_label("Suite").select_option("pair-living")
    page.get_by_text("members come, go, lie and fail meanwhile").wait_for()
    page.get_by_label("Suite").select_option("pair")
    page.get_by_label("Items of each dataset").fill("60")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("progressbar", name="selection").wait_for()
    other = patient(gateway.url, "#/evaluations")
    other.get_by_role("link", name="pair being made").wait_for()
    expect(other.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Resume").wait_for()
    other.get_by_role("link", name="pair unfinished").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Resume").wait_for()
    expect(page.get_by_role("progressbar")).to_have_count(0)


def test_what_one_found_is_compared(patient: Reader, gateway: Served) -> None:
    page = patient(gateway.url, "#/evaluations")
    page.get_by_label("Items of each dataset").fill("1")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("done", exact=True).wait_for()
    page.get_by_label("In short").wait_for()
    page.get_by_role("navigation", name="Datasets").get_by_role("link", name="math").click()
    page.get_by_role("heading", name="math", exact=True).wait_for()
    table = page.get_by_role("table").last
    best = table.get_by_role("row", name=re.compile("best, in advance"))
    expect(best.get_by_role("cell").nth(1)).not_to_contain_text("%")
    table.get_by_role("button", name="tokens").click()
    expect(table.get_by_role("columnheader", name="tokens")).to_have_attribute("aria-sort", "descending")
    tokens = [int(text) for text in table.locator("tbody td:nth-of-type(5)").all_inner_texts()]
    assert tokens == sorted(tokens, reverse=True)
    page.wait_for_selector("img[src*='/charts/costs.svg?theme=light']")
    page.wait_for_function("() => [...document.images].every(image => image.complete && image.naturalWidth > 0)")
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.wait_for_selector("img[src*='/charts/costs.svg?theme=dark']")
    page.get_by_role("link", name="Whole report").click()
    report = page.frame_locator("iframe")
    report.get_by_role("heading", name="pair").wait_for()
    expect(report.locator("html")).to_have_attribute("data-theme", "dark")
    report.get_by_role("button", name="calls").first.click()
    page.reload()
    report.get_by_role("heading", name="pair").wait_for()


@pytest.mark.slow
def test_recorded_reports_fit_a_phone(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/evaluations", width=390, dark=True)
    page.get_by_role("link", name="zoo", exact=True).click()
    report = page.frame_locator("iframe")
    report.get_by_role("heading", name="zoo").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert report.locator("body").evaluate("body => document.documentElement.scrollWidth <= innerWidth")
    expect(report.locator("body")).to_have_css("background-color", "rgb(17, 21, 27)")
    page.get_by_role("link", name="back").click()
    page.get_by_role("heading", name="Evaluations").wait_for()


EVIL = "<img src=x onerror=alert(1)>\u202e</script>{{7*7}}"


@pytest.mark.slow
def test_names_and_questions_stay_text(reader: Reader, gateway: Served) -> None:
    asked = [item.model_copy(update={"text": EVIL}) for item in items(6, dataset=EVIL, label=EVIL)]
    made = record([system(EVIL, together(["ann", "bob"], "vote"))])
    made = made.model_copy(update={"name": EVIL, "status": "done"})
    storage = gateway.session.storage
    assert storage is not None
    gateway.call(storage.evaluations.start(made, {"test": asked}))
    for item in asked:
        for name in (EVIL, "ann"):
            gateway.call(storage.evaluations.record_trial(made.id, trial(name, item.id, "7", dataset=EVIL)))
    page = reader(gateway.url, f"#/evaluations/{made.id}", width=390)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.get_by_role("table").first.wait_for()
    page.wait_for_function("() => [...document.images].every(image => image.complete && image.naturalWidth > 0)")
    expect(page.get_by_role("table").first).to_contain_text(EVIL)
    assert page.evaluate("document.querySelectorAll('img:not([src^=\"/\"]), main script').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("link", name="Whole report").click()
    report = page.frame_locator("iframe")
    report.get_by_role("heading", level=1).wait_for()
    expect(report.locator("img[src=x]")).to_have_count(0)


def test_one_that_is_not_there_is_told(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/evaluations/nothing", allowed="404")
    page.get_by_role("alert").get_by_text("there is no evaluation 'nothing'").wait_for()
