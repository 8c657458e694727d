"""Liars in place of members: what they say, by which cards they come, and what a report says that they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentnet.agents import Turn, candidate
from agentnet.contracts.bodies import Proposal, Task, Verdict
from agentnet.contracts.cards import Measured
from agentnet.contracts.evaluations import SELECTION, Item, System
from agentnet.errors import BadInput
from agentnet.evals.attack.liars import Knowledge, Liar
from agentnet.evals.attack.network import Infiltration
from agentnet.evals.loading import Suite
from agentnet.evals.report.markdown import markdown
from agentnet.evals.report.page import page
from agentnet.evals.session import evaluate
from agentnet.evals.suite import Attack, SuiteSpec
from agentnet.evals.systems import systems_of
from agentnet.network import Network, find_network
from tests.evals.made import items, trial
from tests.scripted import agent, network, says, spec

ITEMS = items(4)


def team() -> Network:
    measured = {"sums": Measured(accuracy=0.9, items=50)}
    return network(*(agent(name, says("7"), measured=measured) for name in ("ann", "bob", "cyd")))


def knowledge(honest: dict[tuple[str, str], list[str]] | None = None) -> Knowledge:
    return Knowledge({item.text: item for item in ITEMS}, honest or {})


def under(attack: Attack, *liars: str) -> System:
    facts = {"attacked": "vote", "attack": attack, "liars": list(liars), "decider": False}
    return System(name=f"vote, {attack}", kind="attacked", protocol=spec({"parallel": ["@solver"]}), facts=facts)


async def said(liar: Liar, item: Item, role: str = "solve") -> Any:
    return (await liar.take(Turn(role, Task(text=item.text, label=item.label)))).body


async def test_liars_never_give_the_right_answer() -> None:
    for attack in ("random", "collude", "turncoat", "boast"):
        for item in ITEMS:
            body = await said(Liar(team()["ann"], attack, knowledge()), item)
            assert isinstance(body, Proposal)
            assert knowledge().is_right(item.text, body.answer) is False


async def test_liars_that_collude_agree_and_others_do_not() -> None:
    def answers(attack: Attack, name: str) -> Any:
        return [said(Liar(team()[name], attack, knowledge()), item) for item in ITEMS]

    together = [[(await one).answer for one in answers("collude", name)] for name in ("ann", "bob")]
    assert together[0] == together[1]
    alone = [[(await one).answer for one in answers("random", name)] for name in ("ann", "bob")]
    assert alone[0] != alone[1]


async def test_some_lie_only_where_honest_members_disagree() -> None:
    first, second = ITEMS[:2]
    honest = {(first.dataset, first.id): ["7", "8", "9", "9"], (second.dataset, second.id): ["7", "7"]}
    liar = Liar(team()["ann"], "split", knowledge(honest))
    assert (await said(liar, first)).answer == "9"  # the mistake that honest members make most
    assert (await said(liar, second)).answer == "7"  # what the member itself says


async def test_a_lying_verifier_approves_what_is_wrong() -> None:
    liar = Liar(team()["ann"], "collude", knowledge())
    item = ITEMS[0]
    wrong = await said(liar, item)
    outcome: list[str] = []
    for answer in (wrong.answer, item.answers[0]):
        body = (await liar.take(Turn("verify", Task(text=item.text), read=[candidate(answer)]))).body
        assert isinstance(body, Verdict)
        outcome.append(body.verdict)
    assert outcome == ["approve", "disapprove"]


def test_liars_come_by_the_cards_that_they_earned() -> None:
    trials = [trial(name, item.id, "7", split=SELECTION) for item in ITEMS for name in ("ann", "bob", "cyd")]
    infiltration = Infiltration(ITEMS, trials, ("ann", "bob", "cyd"))
    cards = {
        attack: infiltration.of(team(), under(attack, "ann"))["ann"].card for attack in ("collude", "turncoat", "boast")
    }
    assert cards["collude"].measured["sums"].accuracy == 0.0
    assert cards["turncoat"].measured["sums"].accuracy == 0.9
    assert (cards["boast"].measured, cards["boast"].claims["sums"]) == ({}, 0.999)
    assert infiltration.of(team(), under("boast", "ann"))["bob"].card == team()["bob"].card


SUITE = {
    "name": "tried",
    "summary": "tried",
    "network": "zoo-batched",
    "baselines": ["members"],
    "selection": 3,
    "members": ["atlas", "scout", "math"],
    "datasets": [{"from": "zoo", "family": "math", "items": 4}],
    "systems": [
        {"name": "vote", "protocol": {"parallel": {"branches": ["atlas", "scout", "math"]}}},
        {"name": "fused", "protocol": {"fuse": {"members": ["atlas", "scout", "math"]}}},
        {"name": "median", "protocol": {"fuse": {"members": ["atlas", "scout", "math"], "strategy": "median"}}},
    ],
    "attacks": {"kinds": ["collude", "loud"], "members": ["atlas", "scout", "math"], "liars": [1, 2], "sets": 1},
}


async def test_a_report_says_what_liars_cost() -> None:
    summary = (await evaluate(Suite(SuiteSpec.model_validate(SUITE), Path("tried.yaml")))).summary
    lost = {(loss.system, loss.attack, loss.liars): loss for loss in summary.losses}
    assert set(lost) == {
        ("vote", "collude", 1),
        ("vote", "collude", 2),
        ("fused", "loud", 1),
        ("fused", "loud", 2),
        ("median", "loud", 1),
        ("median", "loud", 2),
    }
    assert lost["vote", "collude", 1].accuracy.estimate == 1.0  # two honest members outvote one
    assert lost["vote", "collude", 2].accuracy.estimate == 0.0
    assert lost["fused", "loud", 1].accuracy.estimate == 0.0  # as published: raw logits are added up
    assert lost["median", "loud", 1].accuracy.estimate == 1.0
    assert lost["fused", "loud", 1].lost.estimate == lost["fused", "loud", 1].silent == 1.0
    assert not {row.system for row in summary.rows} & {"vote, collude: math"}
    for report in (markdown(summary), page(summary)):
        assert "What liars cost" in report
        assert "1, one choice" in report


def test_more_liars_than_members_are_refused() -> None:
    suite = SuiteSpec.model_validate({**SUITE, "attacks": {"liars": [3], "members": ["atlas", "scout", "math"]}})
    with pytest.raises(BadInput, match="'vote' asks 3 members that may lie: fewer than 3 `liars`, and one"):
        systems_of(suite, find_network("zoo")[0], Path())
