"""What a notebook shows: an outcome as a table, a prepared protocol as a drawing."""

from __future__ import annotations

import sys

import pytest

from agentnet.contracts.bodies import Task
from agentnet.coordinator import Coordinator
from tests.scripted import agent, choice, network, plan, says, spec, verdict

TASK = Task(text="Is 7 < 9 & 9 < 11?")


async def test_an_outcome_tells_who_said_what_and_what_it_took() -> None:
    web = network(
        agent("ann", says("=> 7", "=> 8")),
        agent("cal", says(verdict("disapprove", "=> 8"), verdict("approve", "=> 8")), roles=("verifier",)),
    )
    outcome = await Coordinator(web).run(TASK, spec({"verify": {"proposer": "ann", "verifier": "cal"}}))
    shown = outcome._repr_html_()
    assert "Is 7 &lt; 9 &amp; 9 &lt; 11?" in shown
    for words in ("=&gt; 7", "disapprove, found 8", "revision 2", "approve, found 8", "8 (approved)"):
        assert words in shown
    assert shown.endswith(f"done: <b>8</b> (4 calls, {outcome.usage.tokens} tokens)</p>")


async def test_plans_and_counts_are_told_in_words() -> None:
    team = (
        agent("ann", says("=> Lima", "=> 4")),
        agent("pia", says(plan(("x", "Capital?"), ("x", "Length of #1?"))), roles=("planner",)),
    )
    delegated = await Coordinator(network(*team)).run(TASK, spec({"delegate": {"workers": ["ann"]}}))
    shown = delegated._repr_html_()
    assert "1. x: Capital?<br>2. x: Length of #1?" in shown
    assert "→ ann: Length of Lima?" in shown

    three = network(*(agent(name, says(f"=> {answer}")) for name, answer in (("a", 4), ("b", 5), ("c", 4))))
    voted = await Coordinator(three).run(TASK, spec({"parallel": {"branches": ["@solver"]}}))
    assert "4 (majority: 4 × 2, 5 × 1)" in voted._repr_html_()


async def test_a_judge_is_told_with_what_it_chose() -> None:
    team = (agent("ann", says("=> 4")), agent("bob", says("=> 5")), agent("jan", says(choice("B")), roles=("judge",)))
    outcome = await Coordinator(network(*team)).run(
        TASK, spec({"parallel": {"branches": ["ann", "bob"], "decide": "judge"}})
    )
    assert f"→ {outcome.answer}" in outcome._repr_html_()


async def test_what_models_write_is_escaped() -> None:
    outcome = await Coordinator(network(agent("ann", says("=> <script>x</script>")))).run(TASK, spec("ann"))
    assert "<script>" not in outcome._repr_html_()
    assert "1 call," in outcome._repr_html_()


async def test_a_failure_is_told_too() -> None:
    outcome = await Coordinator(network(agent("ann", says("")))).run(TASK, spec("ann"))
    assert outcome.answer is None
    assert outcome.detail in outcome._repr_html_()
    assert "failed: " in outcome._repr_html_()


def test_a_prepared_protocol_is_drawn() -> None:
    pytest.importorskip("grandalf")
    pytest.importorskip("PIL")
    prepared = Coordinator(network(agent("ann", says("=> 4")))).prepare(spec({"serial": {"steps": ["ann"]}}))
    drawn = prepared._repr_png_()
    assert drawn is not None
    png, size = drawn
    assert png.startswith(b"\x89PNG")
    assert 0 < size["width"] < size["height"]


def test_without_the_library_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("agentnet.drawing.layout", "agentnet.drawing.painting"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "grandalf", None)
    monkeypatch.setitem(sys.modules, "grandalf.graphs", None)
    assert Coordinator(network(agent("ann", says("=> 4")))).prepare(spec("ann"))._repr_png_() is None
