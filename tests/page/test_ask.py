"""Asking on the page, and watching: words arrive in their place, people answer, and every reader sees the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from agentnet.agents.human import HumanAgent
from agentnet.contracts.cards import Card
from agentnet.network import Network
from agentnet.prompts import find_pack
from tests.page.conftest import Reader
from tests.scripted import network, says, verdict
from tools.page.gateways import Held, Served, served, typist

SAID = (".answer-text", ".how", ".standing", ".cost", ".transcript")
"""What every reader of a run sees the same."""
SLOW = {"verify": {"proposer": "ada", "verifier": "judge", "retries": 0}}


def team(held: Held) -> Network:
    """Members that answer at once, but for ada, who stops before the word "and", and eve, who is a person."""
    members = network(
        typist("ada", says("the first crossing and the way back => 7"), held=held, stop="and"),
        typist("ben", says("three there, two back => 5")),
        typist("judge", says(verdict("approve", "it counts the detour")), roles=("verifier",)),
        typist("eve", says("nothing")),
    )
    eve = HumanAgent("eve", Card(roles=("solver", "verifier")), find_pack("compact"))
    return Network(members.spec, [*list(members.agents.values())[:-1], eve])


@pytest.fixture(scope="module")
def held() -> Held:
    return Held()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, held: Held) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("ask"), team(held)) as found:
        yield found


def ask(gateway: Served, protocol: Any) -> str:
    """Start a run as a caller of the API does, and return the address of its view."""
    reply = httpx.post(f"{gateway.url}/api/runs", json={"question": "How many crossings?", "protocol": protocol})
    return f"#/ask/{reply.raise_for_status().json()['id']}"


def test_a_debate_is_asked_for_and_watched_to_its_end(reader: Reader, tmp_path: Path) -> None:
    with served(tmp_path) as zoo:
        page = reader(zoo.url)
        page.get_by_role("button", name="debate").click()
        expect(page.get_by_label("Question", exact=True)).to_have_value(re.compile("tallest"))
        page.keyboard.press("Enter")
        page.wait_for_selector(".answer-text")
        for name in ("atlas", "sage", "scout"):
            expect(page.locator(".columns thead").get_by_text(name)).to_be_visible()
        expect(page.get_by_text("Round 2")).to_be_visible()
        answer = page.locator(".answer-text").inner_text()
        expect(page.locator(".standing .chosen .standing-answer")).to_have_text(answer)
        expect(page.locator(".changed").first, "a member changed its mind").to_be_visible()
        expect(page.locator(".cost")).not_to_contain_text(re.compile(r"\b0\s+calls"))
        said = {part: page.locator(part).inner_text() for part in SAID}
        page.reload()
        other = reader(zoo.url, page.url.partition("/#")[2].join(("#", "")), dark=True)
        for each in (page, other):
            for part, words in said.items():
                expect(each.locator(part)).to_have_text(words, use_inner_text=True)
        page.get_by_role("button", name="Thread").click()
        for index, title in enumerate(("Round 1", "Round 2")):
            expect(page.locator(".stage-title").nth(index)).to_have_text(title)
        page.get_by_label("Go on with this conversation").fill("What is 12 + 7?")
        page.get_by_label("Go on with this conversation").press("Enter")
        page.wait_for_selector(".earlier")
        page.get_by_role("heading", name="What is 12 + 7?", level=1).wait_for()
        page.wait_for_selector(".answer-text")
        for each in (page, other):
            each.close()  # before their server


def test_a_run_is_cancelled_and_goes_on_and_all_readers_see_the_words_as_they_come(
    reader: Reader, gateway: Served, held: Held
) -> None:
    address = ask(gateway, SLOW)
    page = reader(gateway.url, address)
    page.locator(".turn.open", has_text="the first crossing").wait_for()
    late = reader(gateway.url, address, width=390, dark=True)
    late.locator(".turn.open", has_text="the first crossing").wait_for()
    expect(late.locator(".turn")).to_have_text(page.locator(".turn").inner_text(), use_inner_text=True)
    expect(page.locator(".now")).to_contain_text("ada is at work")
    page.get_by_role("button", name="Cancel").click()
    for each in (page, late):
        each.get_by_text("Cancelled").wait_for()
        expect(each.locator(".turn"), "a turn without a message is not recorded").to_have_count(0)
    page.get_by_role("button", name="Continue").click()
    page.locator(".turn.open", has_text="the first crossing").wait_for()
    held.let_go()
    page.locator(".answer-text").wait_for()
    expect(page.locator(".run-answer .badge.good")).to_be_visible()
    expect(page.locator("[data-kind=verdict]")).to_contain_text(re.compile(r"approves\s+7"))
    assert late.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="✓ Right").click()
    page.locator("button[aria-pressed=true]", has_text="Right").wait_for()
    link = page.get_by_role("link", name="Link to this message of judge")
    expect(link).to_have_attribute("href", re.compile(f"^{address.replace('ask', 'runs')}/messages/"))


def test_a_person_answers_where_the_run_is_watched(reader: Reader, gateway: Served) -> None:
    address = ask(gateway, {"verify": {"proposer": "ben", "verifier": "eve", "retries": 1}})
    page = reader(gateway.url, address)
    page.get_by_role("form", name="Your turn").wait_for()
    page.get_by_label("Why (optional)").fill("count the goat twice")
    page.reload()
    page.get_by_role("form", name="Your turn").wait_for()
    expect(page.get_by_label("Why (optional)")).to_have_value("count the goat twice")
    page.get_by_role("button", name="disapprove").click()
    page.locator("[data-kind=verdict]", has_text="disapproves 5").wait_for()
    expect(page.locator("[data-kind=verdict]")).to_contain_text("count the goat twice")
    expect(page.locator(".stage-title")).to_have_text("Attempt 2")
    page.get_by_role("button", name="approve", exact=True).click()
    page.locator(".answer-text", has_text="5").wait_for()
    expect(page.get_by_role("form", name="Your turn")).to_have_count(0)


def test_a_run_is_watched_on_when_its_server_starts_again(reader: Reader, tmp_path: Path) -> None:
    held = Held()
    with served(tmp_path, team(Held())) as first:
        page = reader(first.url, ask(first, SLOW), allowed="net::ERR")
        page.locator(".turn.open", has_text="the first crossing").wait_for()
    page.get_by_text("The connection is lost").wait_for()
    expect(page.locator(".turn")).to_contain_text("the first crossing")
    with served(tmp_path, team(held), port=urlsplit(first.url).port or 0):
        page.locator(".now", has_text="ada is at work").wait_for()
        held.let_go()
        page.locator(".answer-text", has_text="7").wait_for()
        expect(page.locator(".lost")).to_have_count(0)
        expect(page.locator(".turn")).to_have_count(2)
        page.close()  # before its server


def test_an_answer_is_words_whatever_it_is_spelled_like(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url)
    found = page.evaluate("""async () => {
        const { RunState } = await import("/page/run/state.js");
        const { standing } = await import("/page/run/answers.js");
        const state = new RunState("r");
        const said = (id, sequence, reply_to, body) => ({
            kind: "message", message: { id, sequence, sender: id, reply_to, node: "/", round: 0, body } });
        const proposal = (answer) => ({ kind: "proposal", text: answer, answer });
        state.apply([
            said("user", 0, [], { kind: "task", text: "?" }),
            said("ada", 1, ["user"], proposal("constructor")),
            said("ben", 2, ["user"], proposal("__proto__")),
        ]);
        return standing(state).map(({ answer, weight }) => [answer, weight]);
    }""")
    assert found == [["constructor", 1], ["__proto__", 1]]


def test_what_cannot_be_asked_says_why(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/ask?protocol=nonsense&question=Why%3F", allowed="404")
    page.get_by_text("there is no protocol nonsense here").wait_for()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    page.get_by_role("button", name="How the network answers").click()
    page.locator("input[value='scripted/ben']").click()
    page.get_by_text("Calls of models: 1").wait_for()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()
    page.goto(f"{gateway.url}/#/ask/nowhere")
    page.get_by_role("alert").get_by_text("there is no run 'nowhere'").wait_for()
    page.goto(f"{gateway.url}/#/ask/nowhere/neither")
    page.get_by_role("alert").get_by_text("There is no run 'nowhere'").wait_for()
    page.goto(f"{gateway.url}/{ask(gateway, 'scripted/ben')}")
    page.locator(".answer-text", has_text="5").wait_for()
