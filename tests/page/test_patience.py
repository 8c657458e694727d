"""What comes late, or while nobody looks: hidden tabs, slow answers, a run that went on after a pause."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.page.conftest import Reader
from tests.scripted import network, says
from tools.page.gateways import Held, Served, served, typist

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
PAUSE = 2.5
"""Seconds between a run and its continuation; all else in it takes much less."""


@pytest.fixture(scope="module")
def held() -> Held:
    return Held()


@pytest.fixture(scope="module")
def stuck() -> Held:
    return Held()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, held: Held, stuck: Held) -> Iterator[Served]:
    team = network(
        typist("ada", says("one two three => 3"), held=held, stop="three"),
        typist("ben", says("at once => 4")),
        typist("cyd", says("four five => 5"), held=stuck, stop="five"),
    )
    with served(tmp_path_factory.mktemp("patience"), team) as found:
        yield found


def started(gateway: Served, protocol: object) -> str:
    asked = httpx.post(f"{gateway.url}/api/runs", json={"question": "How many?", "protocol": protocol})
    return str(asked.raise_for_status().json()["id"])


def streams(page: Page, run: str) -> list[Request]:
    """The event streams that a page opens from now on."""
    found: list[Request] = []
    page.on("request", lambda request: f"{run}/events" in request.url and found.append(request))
    return found


def test_a_hidden_tab_follows_nothing_and_catches_up(reader: Reader, gateway: Served, held: Held) -> None:
    """A browser has six connections to a server, for all of its tabs."""
    run = started(gateway, {"serial": {"steps": ["ben", "ada"]}})
    pages = [reader(gateway.url) for _ in range(2)]
    opened = [streams(page, run) for page in pages]
    for page in pages:
        page.evaluate("address => { location.hash = address; }", f"#/runs/{run}")
        page.locator(".turn.open", has_text="one two").wait_for()
    hidden = pages[0]
    with hidden.expect_event("requestfailed", lambda request: f"{run}/events" in request.url):
        hidden.evaluate(HIDE, True)
    held.let_go()
    pages[1].locator(".answer-text").wait_for()
    expect(hidden.locator(".turn.open")).to_have_count(1)
    hidden.evaluate(HIDE, False)
    expect(hidden.locator(".answer-text")).to_have_text("3")
    expect(hidden.locator(".turn")).to_have_count(2)
    assert [len(found) for found in opened] == [2, 1]
    assert "after=1" in opened[0][1].url or "after=2" in opened[0][1].url, "only what is new is asked for"


def test_who_moved_on_is_not_pulled_back(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url)
    waiting: list[Route] = []

    def hold_back(route: Route) -> None:
        if route.request.method == "POST":
            waiting.append(route)
        else:
            route.fallback()

    page.route("**/api/runs", hold_back)
    page.get_by_label("Question", exact=True).fill("How many are there?")
    page.get_by_role("button", name="How the network answers").click()
    page.locator("input[value='scripted/ben']").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("button", name="Asking…")).to_be_visible()
    page.get_by_role("link", name="Protocols").click()
    page.get_by_role("heading", name="Protocols").wait_for()
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Question", exact=True).fill("And how many more?")
    with page.expect_response(lambda response: response.request.method == "POST"):
        waiting[0].continue_()
    page.evaluate("new Promise(done => setTimeout(done, 200))")  # what is done with the answer is done
    assert page.url.endswith("#/ask")
    expect(page.get_by_label("Question", exact=True)).to_have_value("And how many more?")
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="How many are there?").wait_for()


def test_a_list_that_takes_long_is_asked_for_once_at_a_time(reader: Reader, gateway: Served) -> None:
    gateway.run("How many?", "ben")
    page = reader(gateway.url, "#/runs")
    page.locator(".past").first.wait_for()
    page.clock.install()
    page.reload()
    page.locator(".past").first.wait_for()
    waiting: list[Route] = []
    page.route("**/api/runs?*", lambda route: waiting.append(route))
    with page.expect_request("**/api/runs?*"):
        page.clock.run_for(20_000)
    for _ in range(3):
        page.clock.run_for(20_000)
    assert len(waiting) == 1
    waiting[0].continue_()


def test_the_pause_before_a_continuation_is_no_work(reader: Reader, gateway: Served, stuck: Held) -> None:
    run = started(gateway, {"serial": {"steps": ["ben", "cyd"]}})
    page = reader(gateway.url, f"#/runs/{run}")
    page.locator(".turn.open", has_text="four").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled").wait_for()
    time.sleep(PAUSE)
    stuck.let_go()
    page.get_by_role("button", name="Continue").click()
    page.locator(".answer-text").wait_for()
    seconds = float(page.locator(".cost dd").nth(2).inner_text())
    assert seconds < PAUSE


def test_long_runs_are_compared_within_a_band(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url)
    whole, least, lost = page.evaluate("""async () => {
      const { aligned } = await import("/page/runs/alignment.js");
      const run = (name, count) => Array.from({ length: count }, (_, at) => ({
        id: `${name}${at}`, agent: "abc"[at % 3], round: Math.floor(at / 3), node: "/", reads: [],
        message: { value: { body: { kind: "proposal" } } } }));
      const [one, other] = [run("a", 40), run("b", 31)];
      const told = (pairs) => pairs.filter(({ first, second }) => first && second)
        .map(({ first, second }) => first.id.slice(1) === second.id.slice(1));
      const narrow = aligned(one, other, 200);
      const found = ["first", "second"].map((side) => narrow.filter((pair) => pair[side] !== null).length);
      return [told(aligned(one, other)), told(narrow).length, found];
    }""")
    assert whole == [True] * 31
    assert least > 10
    assert lost == [40, 31]


def test_work_side_by_side_counts_once_whatever_lands_meanwhile(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url)
    found = page.evaluate("""async () => {
      const { worked } = await import("/page/run/cost.js");
      const said = (at, seconds) => ({ time: new Date(1000 * at).toISOString(), usage: { seconds } });
      const question = said(0, 0);
      return [[], [question, said(29, 0), said(30, 30)], [question, said(29, 1), said(30, 30)],
        [question, said(10, 10), said(90, 5)], [question, said(10, 25)]].map(worked);
    }""")
    assert found == [0, 30, 30, 15, 10]


def test_a_run_that_is_read_is_not_read_again_for_its_outcome(reader: Reader, gateway: Served) -> None:
    run = gateway.run("How many then?", "ben")
    path = f"{gateway.url}/api/runs/{run}"
    httpx.post(f"{path}/outcome", json={"right": True}).raise_for_status()
    page = reader(gateway.url)
    asked: list[Request] = []
    page.on("request", lambda request: request.url == path and asked.append(request))
    page.evaluate("address => { location.hash = address; }", f"#/runs/{run}")
    expect(page.get_by_role("button", name="✓ Right")).to_have_attribute("aria-pressed", "true")
    page.wait_for_load_state("networkidle")
    assert len(asked) <= 2, "at first, and at the end of the run"
