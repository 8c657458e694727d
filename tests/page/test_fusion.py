"""The Fusion view: a text is started, watched, coloured by who backed what, and gone through by keys."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from agentnet.agents import ModelAgent
from agentnet.contracts.cards import Card
from agentnet.contracts.usage import Usage
from agentnet.models.base import Request
from agentnet.models.scripted import ScriptedModel
from agentnet.models.tokens import NextTokens
from agentnet.prompts import find_pack
from tests.page.conftest import Reader
from tests.scripted import network, says
from tools.page.gateways import Held, Served, served, typist

Likely = dict[str | None, float]
"""Next piece, None for the end → its probability."""
LONG = 2000


class Writer(ScriptedModel):
    """Tells its next pieces as they are written down: `script` has the likely ones by what was said so far."""

    def __init__(self, script: dict[str, Likely], held: Held | None = None, stop: str = "\0") -> None:
        super().__init__(says("=> 1"))
        self._script, self._held, self._stop = script, held, stop

    async def next_tokens(self, request: Request, said: str) -> NextTokens:
        if self._held is not None and said == self._stop:
            await self._held.wait()
        is_long = "long" in request.messages[-1]["content"]
        word = f"word {len(said.split()) * 7919 % 2003} "
        likely: Likely = {word: 0.9, "other ": 0.1} if is_long else self._script[said]
        tokens = tuple((text and text.encode(), math.log(share)) for text, share in likely.items())
        return NextTokens(tokens, Usage(calls=1, completion_tokens=1))


def writer(name: str, script: dict[str, Likely], **settings: object) -> ModelAgent:
    return ModelAgent(name, Writer(script, **settings), Card(roles=("solver",)), find_pack("compact"))  # type: ignore[arg-type]


HELD = Held()
ANN: dict[str, Likely] = {
    "": {"it ": 0.98, "so ": 0.02},
    "it ": {"is ": 0.9, "was ": 0.1},
    "it is ": {"=> ": 0.99},
    "it is => ": {"42": 0.7, "7": 0.3},
    "it is => 42": {None: 0.9},
}
BOB: dict[str, Likely] = {**ANN, "it ": {"was ": 0.8, "is ": 0.15}, "it is => ": {"42": 0.95}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    ann = writer("ann", ANN, held=HELD, stop="it is => ")
    team = network(ann, writer("bob", BOB), typist("cyd", says("=> 1"), roles=("critic",)))
    with served(tmp_path_factory.mktemp("fusion"), team) as found:
        yield found


def panel(page: Page, *words: str) -> None:
    """Wait until the piece that is shown in full says some words."""
    for word in words:
        expect(page.get_by_label("The chosen piece")).to_contain_text(word)


def test_a_text_is_started_watched_and_gone_through(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url, "#/fusion")
    expect(page.get_by_text("No text was written together yet")).to_be_visible()
    page.get_by_label("Question").fill("What is 6 * 7?")
    page.get_by_label("parallel-inference").check()
    page.get_by_role("button", name="Write together").click()
    expect(page.locator(".fused.writing")).to_have_text("it is =>")  # while it is written, without colours
    expect(page.locator(".piece")).to_have_count(0)
    HELD.let_go()
    expect(page.locator(".piece")).to_have_count(5)
    expect(page.locator(".answer-line")).to_contain_text("42")
    assert [page.locator(f"#piece-{piece}").text_content() for piece in range(5)] == ["it ", "is ", "=> ", "42", ""]
    expect(page.locator(".piece.agent")).to_have_count(2)
    coloured = page.locator(".piece.agent").evaluate_all("pieces => pieces.map(piece => piece.dataset.piece)")
    assert coloured == ["1", "3"]  # what both backed alike has no colour
    assert page.evaluate("document.getElementById('piece-1').style.getPropertyValue('--agent')") == "#0f7c9a"  # ann's

    panel(page, "Piece 2 of 5", "Disagreement 48 %; backed by ann.")  # the most disputed one, unasked
    page.locator("#piece-3").hover()
    panel(page, "Piece 4 of 5", "70.0 %", "95.0 %", "82.5 %", "7")
    page.locator("#piece-1").click()
    panel(page, "90.0 %", "15.0 %", "is␣", "52.5 %", "was␣", "45.0 %")
    page.locator(".fused").focus()
    page.keyboard.press("ArrowRight")
    panel(page, "Piece 3 of 5")
    page.keyboard.press("n")
    panel(page, "Piece 4 of 5", "Disagreement 18 %")
    page.keyboard.press("p")
    panel(page, "Piece 2 of 5")
    page.keyboard.press("End")
    panel(page, "Piece 5 of 5", "end of the text")
    expect(page).to_have_url(re.compile("/pieces/4$"))
    page.get_by_role("slider").fill("30")
    expect(page.locator("#piece-0")).to_have_css("background-image", "none")  # faint, without threads
    expect(page.locator(".piece.faint")).to_have_count(4)
    expect(page.locator("#piece-1")).to_have_css("background-image", re.compile("linear-gradient"))
    expect(page.get_by_text("1 of 5 pieces;")).to_be_visible()
    page.get_by_role("slider").fill("0")
    expect(page.locator(".piece.faint")).to_have_count(0)
    row = page.locator(".contributions").get_by_role("row", name=re.compile("^bob"))
    expect(row.get_by_role("cell")).to_have_text(["79 %", "1", "1", "0"])

    other = reader(page.url.replace("#", "?again#"))  # whoever opens the link sees the same
    panel(other, "Piece 5 of 5", "end of the text")
    same = page.locator(".fused").inner_html()
    other.wait_for_function("same => document.querySelector('.fused')?.innerHTML === same", arg=same)
    other.get_by_role("link", name="All texts").click()
    expect(other.locator(".latest li")).to_contain_text("What is 6 * 7?")


def test_members_and_strategy_are_chosen_and_checked(reader: Reader, gateway: Served) -> None:
    HELD.let_go()
    page = reader(gateway.url, "#/fusion")
    page.get_by_label("Question").fill("What is 6 * 7?")
    page.get_by_text("Members and strategy").click()
    page.get_by_role("checkbox", name="cyd").check()
    page.get_by_role("alert").filter(has_text="cyd").wait_for()  # who shows no next tokens cannot take part
    page.get_by_role("checkbox", name="cyd").uncheck()
    page.get_by_role("combobox", name="Strategy").select_option("max")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Write together").click()
    expect(page.locator(".strategy")).to_contain_text("By max")
    expect(page.locator(".piece")).to_have_count(5)


def test_a_text_of_two_thousand_pieces(reader: Reader, gateway: Served) -> None:
    fuse = {"members": ["ann", "bob"], "strategy": "pi", "sampling": {"max_tokens": LONG}}
    run = gateway.run("a long story", {"fuse": fuse})
    page = reader(gateway.url, f"#/fusion/{run}", width=390)
    expect(page.locator(".piece")).to_have_count(LONG)
    page.evaluate("document.getElementById('piece-7').kept = true")
    page.locator(".fused").focus()
    page.keyboard.press("End")
    panel(page, f"Piece {LONG} of {LONG}")
    page.wait_for_function(
        f"() => document.getElementById('piece-{LONG - 1}').getBoundingClientRect().bottom <= innerHeight"
    )
    assert page.evaluate("document.getElementById('piece-7').kept")  # the text is not made again
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.reload()  # a link to a piece that is drawn late brings it into view, too
    expect(page.locator(f"#piece-{LONG - 1}")).to_be_in_viewport()
    expect(page.locator(".piece.chosen")).to_have_id(f"piece-{LONG - 1}")


def test_runs_without_a_fused_text(reader: Reader, gateway: Served) -> None:
    run = gateway.run("What is 6 * 7?", "cyd")
    page = reader(gateway.url, f"#/fusion/{run}", allowed="404")
    expect(page.get_by_text("In this run no members wrote together")).to_be_visible()
    page.goto(f"{gateway.url}/#/fusion/nothing")
    expect(page.get_by_role("alert")).to_contain_text("there is no run")


BACKED = """([strategy, shares, sure, score]) => import("/page/fusion/provenance.js").then(({ Provenance }) => {
  const pieces = [{ text: "x", score, shares, runner_up: null, runner_up_score: null }];
  const fusion = { members: ["ann", "bob"], strategy, pieces, respelled: {}, dropped: {}, evaluations: {} };
  const [piece] = new Provenance(fusion, { sure, weighted: false }).pieces;
  return [piece.backing, piece.disagreement, piece.leader];
})"""


def test_disagreement_means_the_same_for_all_strategies(reader: Reader, gateway: Served) -> None:
    page = reader(gateway.url)
    for strategy, shares, sure, backing, disagreement, leader in (
        ("pi", {"ann": 0.5, "bob": 0.25}, None, [1.0, 0.5], 0.25, 0),
        ("pi", {"ann": 0.8}, None, [0.8, None], 0.2, 0),
        ("pi", {"ann": 0.4, "bob": 0.41}, None, [0.8, 0.82], 0.19, None),
        ("max", {"bob": 0.9}, None, [0.0, 0.9], 0.55, 1),
        ("duetnet", {"ann": 20.0}, None, [1.0, 0.0], 0.5, 0),
        ("duetnet", {"ann": 20.0, "bob": 18.0}, None, [1.0, 1.0], 0.0, None),
        ("duetnet", {"ann": 0.95}, 0.9, [0.95, None], 0.05, 0),
        ("duetnet-logprobs", {"ann": math.log(0.5)}, None, [0.5, 0.0], 0.75, 0),
    ):
        found = page.evaluate(BACKED, [strategy, shares, sure, sum(shares.values())])
        assert found[0] == [value if value is None else pytest.approx(value) for value in backing], (strategy, shares)
        assert found[1] == pytest.approx(disagreement), (strategy, shares)
        assert found[2] == leader, (strategy, shares)
