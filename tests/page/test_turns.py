"""What a transcript says of turns that are more than a reply: calls of tools, and a member in place of another."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.collab.test_stand_ins import BEST, gone, proven
from tests.collab.test_tool_turn import Bench, handy
from tests.page.conftest import Reader
from tests.scripted import agent, network, says
from tools.page.gateways import Served, served


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    team = network(
        handy(Bench(), name="ann"),
        handy(Bench(hangs="calc/double"), name="bob"),
        agent("ada", gone, measured=proven(0.9)),
        agent("ben", says("=> 391"), measured=proven(0.8)),
    )
    with served(tmp_path_factory.mktemp("turns"), team) as found:
        yield found


def test_the_tools_that_a_turn_used_stand_in_it(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, f"#/runs/{gateway.run('2 + 3, doubled?', 'ann')}")
    turn = page.locator(".turn")
    expect(turn.locator(".turn-does")).to_have_text(["answers"])  # until it is there, its calls stand alone
    calls = turn.locator(".call")
    expect(calls.locator("summary")).to_have_text(['calc/add {"n": 3} → 5', 'calc/double {"n": 5} → 10'])
    expect(turn).to_contain_text("Answer: 10")


def test_a_call_whose_turn_was_not_taken_says_that_a_tool_was_used(reader: Reader, gateway: Served) -> None:
    asked = httpx.post(f"{gateway.url}/api/runs", json={"question": "2 + 3, doubled?", "protocol": "scripted/bob"})
    page = reader(gateway.url, f"#/runs/{asked.raise_for_status().json()['id']}")
    page.locator(".call", has_text="calc/add").wait_for()  # bob waits for the second one
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled").wait_for()
    expect(page.locator(".turn-does")).to_have_text(["uses a tool"])
    expect(page.locator(".turn")).to_contain_text('calc/add {"n": 3} → 5')


def test_a_stand_in_says_in_whose_place_it_answers(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, f"#/runs/{gateway.run('What is 17 * 23?', BEST, label='math')}")
    page.get_by_role("button", name="Thread").click()
    turns = page.locator(".turn")
    expect(turns.locator(".turn-head > .agent")).to_have_text(["ada", "ben"])
    expect(turns.locator(".turn-does")).to_have_text(["fails", "answers in place of ada"])
    expect(turns.first).to_contain_text("it cannot be reached")
    expect(turns.last).to_contain_text("391")
