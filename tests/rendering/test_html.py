"""What a notebook shows of an outcome: a table of its messages, and how it ended."""

from __future__ import annotations

from agentnet.contracts.bodies import Fusion, Piece, Task
from agentnet.contracts.usage import Usage
from agentnet.coordinator import Coordinator
from agentnet.rendering.colours import PALETTE
from agentnet.rendering.html import as_html
from tests.scripted import agent, choice, network, plan, says, spec, verdict
from tests.store.samples import message

TASK = Task(text="Is 7 < 9 & 9 < 11?")


async def test_an_outcome_shows_every_message_and_what_the_run_took() -> None:
    web = network(
        agent("ann", says("=> 7", "=> 8")),
        agent("cal", says(verdict("disapprove", "=> 8"), verdict("approve", "=> 8")), roles=("verifier",)),
    )
    outcome = await Coordinator(web).run(TASK, spec({"verify": {"proposer": "ann", "verifier": "cal"}}))
    shown = outcome._repr_html_()
    assert "Is 7 &lt; 9 &amp; 9 &lt; 11?" in shown
    for words in (
        "=&gt; 7",
        '">✗ disapprove</span><span style="color: #6b7280">  found 8<br>=&gt; 8</span>',
        "revision 2",
        "✓ approve",
        '<b>8</b><span style="color: #6b7280">  approved</span>',
    ):
        assert words in shown
    assert shown.endswith(f"done: <b>8</b> (4 calls, {outcome.usage.tokens} tokens)</p>")


async def test_plans_and_counts_are_shown_in_words() -> None:
    team = (
        agent("ann", says("=> Lima", "=> 4")),
        agent("pia", says(plan(("x", "Capital?"), ("x", "Length of #1?"))), roles=("planner",)),
    )
    delegated = await Coordinator(network(*team)).run(TASK, spec({"delegate": {"workers": ["ann"]}}))
    shown = delegated._repr_html_()
    assert "1  x: Capital?<br>2  x: Length of #1?" in shown
    ann = f'<span style="color: {PALETTE[0].hex}">ann</span>'
    assert f"{ann}  Length of Lima?" in shown

    three = network(*(agent(name, says(f"=> {answer}")) for name, answer in (("a", 4), ("b", 5), ("c", 4))))
    voted = await Coordinator(three).run(TASK, spec({"parallel": {"branches": ["@solver"]}}))
    assert '<b>4</b><span style="color: #6b7280">  majority: 4 × 2, 5 × 1</span>' in voted._repr_html_()


async def test_a_judge_is_shown_with_its_choice() -> None:
    team = (agent("ann", says("=> 4")), agent("bob", says("=> 5")), agent("jan", says(choice("B")), roles=("judge",)))
    outcome = await Coordinator(network(*team)).run(
        TASK, spec({"parallel": {"branches": ["ann", "bob"], "decide": "judge"}})
    )
    assert f'→ </span>{outcome.answer}<span style="color: #6b7280">  of bob' in outcome._repr_html_()


async def test_what_models_write_is_escaped() -> None:
    outcome = await Coordinator(network(agent("ann", says("=> <script>x</script>")))).run(TASK, spec("ann"))
    assert "<script>" not in outcome._repr_html_()
    assert "1 call," in outcome._repr_html_()


async def test_a_failure_is_shown_too() -> None:
    outcome = await Coordinator(network(agent("ann", says("")))).run(TASK, spec("ann"))
    assert outcome.answer is None
    assert outcome.detail in outcome._repr_html_()
    assert "failed: " in outcome._repr_html_()


def test_a_fused_text_has_the_colours_of_its_members() -> None:
    pieces = (
        Piece(text="4", score=1.0, shares={"ann": 0.6, "bob": 0.4}),
        Piece(text="2", score=1.0, shares={"bob": 0.9}, runner_up="3"),
    )
    body = Fusion(answer="42", text="42", members=("ann", "bob"), strategy="pi", pieces=pieces)
    shown = as_html([message(body=body, sender="fusion")], "done", "42", "", Usage(calls=1), ["bob", "ann"])
    bob, ann = (colour.hex for colour in PALETTE[:2])
    assert f'<span style="color: {ann}">4</span><span style="color: {bob}"><u>2</u></span>' in shown
    assert f'<span style="color: {bob}">bob</span>' in shown
