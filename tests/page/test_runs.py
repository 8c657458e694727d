"""Runs: the history, a run that is read, saved and played again, and two runs compared."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Reader
from tests.scripted import network, says, spec
from tools.page.gateways import Served, served, typist

OTHERS = 30
"""More runs than the history reads at a time, with the two of the same question."""
TURNS = ["ada", "ben", "ada", "ben"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    ada = typist("ada", says("I count them => 12", "You are right about that => 13", "I count => 12"))
    ben = typist("ben", says("I add them up => 13"))
    with served(tmp_path_factory.mktemp("runs"), network(ada, ben)) as found:
        yield found


@pytest.fixture(scope="module")
def debate(gateway: Served) -> str:
    """A run in which ada comes round to what ben says."""
    return gateway.run("How many sheep?", spec({"debate": {"members": ["ada", "ben"], "rounds": 2}}, "debate"))


@pytest.fixture(scope="module")
def alone(gateway: Served, debate: str) -> str:
    """A run about the same question, in which ada is asked alone."""
    return gateway.run("How many sheep?", "ada", seed=7)


@pytest.fixture(scope="module")
def others(gateway: Served, debate: str, alone: str) -> None:
    """Runs about other questions, which changed later."""

    async def ask_all() -> None:
        await asyncio.gather(*(gateway.session.run(f"Is {place} a lot?", "ben") for place in range(OTHERS)))

    gateway.call(ask_all())


@pytest.mark.usefixtures("others")
def test_the_history_is_searched_filtered_and_read_to_its_end(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/runs")
    rows = page.locator(".past")
    expect(rows).to_have_count(30)
    expect(rows.first).to_contain_text("a lot?")
    page.get_by_role("button", name="Older runs").click()
    expect(rows).to_have_count(OTHERS + 2)
    expect(page.get_by_role("button", name="Older runs")).to_be_hidden()

    page.get_by_label("Words of the question").fill("sheep")
    expect(rows).to_have_count(2)
    page.get_by_label("Protocol").select_option("debate")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("13")
    assert "text=sheep" in page.url
    assert "protocol=debate" in page.url

    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Words of the question")).to_have_value("sheep")
    page.get_by_label("Status").select_option("failed")
    page.get_by_text("No run is like that").wait_for()
    page.get_by_role("link", name="Show all runs").click()
    expect(rows).to_have_count(30)


def test_a_run_is_read_linked_and_saved(reader: Reader, gateway: Served, debate: str) -> None:
    page = reader(gateway.url, "#/runs?text=sheep&protocol=debate")
    page.get_by_role("link", name="How many sheep?").click()
    expect(page.locator(".transcript")).to_contain_text("You are right about that")
    assert page.url.endswith(f"#/runs/{debate}")

    with page.expect_download() as saving:
        page.get_by_role("button", name="Save").click()
    assert saving.value.suggested_filename == f"agentnet-run-{debate}.json"
    with open(saving.value.path(), encoding="utf-8") as file:
        saved = json.load(file)
    assert saved["run"]["id"] == debate
    said = saved["messages"]
    assert [message["sender"] for message in said if message["usage"]["calls"]] == TURNS

    page.goto(f"{gateway.url}/#/runs/{debate}/messages/{said[-2]['id']}")
    page.wait_for_selector(f"#message-{said[-2]['id']}.marked")


def test_a_tie_is_called_one(reader: Reader, gateway: Served, debate: str) -> None:
    tied = gateway.run("Which sheep?", spec({"parallel": {"branches": ["ada", "ben"]}}, "pair"))
    page = reader(gateway.url, f"#/runs/{tied}")
    expect(page.locator(".how")).to_contain_text("majority a tie: the first one listed counts")
    page.goto(f"{gateway.url}/#/runs/{debate}")
    expect(page.locator(".answer-text")).to_have_text("13")
    expect(page.locator(".how")).not_to_contain_text("tie")


def test_what_is_not_there_is_said(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/runs/nothing", allowed="404")
    expect(page.get_by_role("alert").first).to_contain_text("there is no run 'nothing'", ignore_case=True)


def test_a_replay_ends_as_the_run_is_read(reader: Reader, gateway: Served, debate: str) -> None:
    page = reader(gateway.url, f"#/runs/{debate}", still=False)
    expect(page.locator(".turn")).to_have_count(4)
    page.wait_for_selector(".answer-text")
    read = spoken(page)

    page.get_by_role("link", name="Replay").click()
    page.get_by_label("Speed").select_option("16")
    page.get_by_role("button", name="Play").wait_for()
    expect(page.get_by_label("Position")).to_have_attribute("aria-valuetext", re.compile("^message 6 of 6"))
    assert spoken(page) == read
    assert page.get_by_role("link", name="fork").count() == 0


def test_a_replay_is_steered_by_keys(reader: Reader, gateway: Served, debate: str) -> None:
    page = reader(gateway.url, f"#/runs/{debate}/replay", still=False)
    landed_turns = page.locator(".turn:not(.open)")
    page.wait_for_function("() => document.querySelector('.replay-position')?.value > 0")
    page.keyboard.press("Home")
    page.get_by_text("message 1 of 6").wait_for()
    expect(landed_turns).to_have_count(0)  # the first one may be open: its member began as the question landed
    for landed in range(2, 4):
        page.keyboard.press("ArrowRight")
        page.get_by_text(f"message {landed} of 6").wait_for()
    expect(landed_turns).to_have_count(2)
    expect(page.locator(".transcript")).not_to_contain_text("You are right")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("message 2 of 6").wait_for()
    expect(landed_turns).to_have_count(1)
    page.keyboard.press("+")
    expect(page.get_by_label("Speed")).to_have_value("2")
    page.keyboard.press(" ")
    page.wait_for_selector(".turn.open")
    page.get_by_role("button", name="Pause").click()
    page.keyboard.press("End")
    page.get_by_text("message 6 of 6").wait_for()
    page.get_by_label("Position").press("ArrowLeft")
    page.get_by_text("message 5 of 6").wait_for()

    page.goto(f"{gateway.url}/#/runs/{debate}/replay?at=2")
    page.reload()
    page.get_by_text("message 2 of 6").wait_for()
    expect(page.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.usefixtures("others")
def test_a_second_run_is_chosen_and_compared(reader: Reader, gateway: Served, debate: str, alone: str) -> None:
    page = reader(gateway.url, f"#/runs/{debate}", width=390)
    page.get_by_role("link", name="Compare…").click()
    page.get_by_role("heading", name="Choose a run to compare").wait_for()
    expect(page.locator(".past")).to_have_count(1)
    page.get_by_role("link", name="How many sheep?").last.click()
    answers = page.get_by_role("row", name="Answer").get_by_role("cell")
    expect(answers).to_have_text(["13", "12", re.compile("different")])
    expect(page.get_by_role("row", name="Calls").get_by_role("cell")).to_have_text(["4", "1", "A × 4.0"])
    assert page.url.endswith(f"#/runs/{debate}?with={alone}")
    equal, of_one = "pair equal", "pair alone"
    expect(page.locator(".pair")).to_have_class([equal, equal, of_one, of_one, of_one, of_one])
    page.get_by_label("Only differences").check()
    expect(page.locator(".pair")).to_have_count(4)
    page.get_by_label("Whole replies").check()
    page.get_by_text("You are right about that => 13").wait_for()
    expect(page.locator(".pair.differ mark")).to_have_text(["them "])
    assert "show=differences" in page.url
    assert "replies=whole" in page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_run_goes_on_from_a_message_with_another_protocol(reader: Reader, gateway: Served, debate: str) -> None:
    page = reader(gateway.url, f"#/runs/{debate}", still=False)
    page.locator(".turn").nth(1).get_by_role("link", name="fork").click()
    dialog = page.get_by_role("dialog", name="Go on from a message")
    expect(dialog.get_by_label("After").locator("option:checked")).to_have_text(re.compile(r"^3\. "))
    page.keyboard.press("Escape")
    page.wait_for_function("() => !location.hash.includes('fork')")
    page.locator(".turn").nth(1).get_by_role("link", name="fork").click()
    dialog.get_by_label("With").select_option("vote")
    dialog.get_by_label("Seed").fill("5")
    dialog.get_by_role("button", name="Start the new run").click()

    page.get_by_text("message 3 of").wait_for()
    page.get_by_text("From there on").wait_for()
    expect(page.get_by_text("Said before · round 1")).to_have_count(1)
    forked = page.url.rsplit("/", 1)[-1]
    record = gateway.call(gateway.session.runs.record(forked))
    assert (record.protocol_name, record.seed) == ("vote", 5)
    assert record.forked_from is not None
    assert record.forked_from.copied == 2
    page.get_by_text("message 3 of").click()
    page.wait_for_selector(f"#message-{record.forked_from.message}.marked")
    page.get_by_role("link", name="vote (").click()
    page.wait_for_function("id => location.hash.endsWith(id)", arg=forked)


def test_differences_are_found_word_by_word(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/runs")
    found = page.evaluate("""async () => {
        const { compared } = await import("/page/runs/differences.js");
        const plain = (text) => [{ text, mark: "plain", agent: null }];
        return compared(plain("it is twelve sheep"), plain("it is surely thirteen sheep")).map(
            (pieces) => pieces.map((piece) => [piece.text, piece.differs]));
    }""")
    assert found == [
        [["it is ", False], ["twelve ", True], ["sheep", False]],
        [["it is ", False], ["surely thirteen ", True], ["sheep", False]],
    ]


def spoken(page: Page) -> list[str]:
    """What a run's page has in words, without what only a run itself has: its buttons."""
    answer = [page.locator(part).inner_text() for part in (".answer-text", ".how", ".cost")]
    turns = page.locator(".turn").all()
    return answer + [turn.inner_text().replace("fork", "").replace("\n", "") for turn in turns]
