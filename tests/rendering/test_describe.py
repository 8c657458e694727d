"""Every kind of body has its words, once and for every view."""

from __future__ import annotations

import pytest

from agentnet.contracts.bodies import (
    KINDS,
    Analysis,
    Assignment,
    Body,
    Critique,
    Error,
    Fusion,
    Grade,
    Piece,
    Plan,
    Proposal,
    Refusal,
    Result,
    Revision,
    Step,
    Synthesis,
    Task,
    ToolCall,
    Unknown,
    Verdict,
    Vote,
)
from agentnet.rendering.describe import MOST_DOUBTS, Part, depth_of, describe
from tests.store.samples import message

SAID = {"m": message(id="m", body=Proposal(answer="5", text="so 5"))}
ANSWER = Part("5", "answer")
PIECES = (
    Piece(text="two ", score=1.0, shares={"ann": 0.6, "bob": 0.4}),
    Piece(text="or ", score=1.0, shares={"ann": 0.6, "bob": 0.4}),
    Piece(text="three", score=1.0, shares={"bob": 0.9}, runner_up=""),
)


CASES: list[tuple[Body, list[Part], tuple[str, ...]]] = [
    (Task(text="2 + 3?"), [Part("2 + 3?")], ()),
    (Analysis(text="2 + 3?", label="math"), [Part("math"), Part("  (given)", "detail")], ()),
    (
        Analysis(text="2 + 3?", label="math", shares={"math": 0.98, "facts": 0.01}, use="vote", why="it is better"),
        [Part("math"), Part(" 98 %  → ", "detail"), Part("vote"), Part("  it is better", "detail")],
        (),
    ),
    (
        Analysis(text="2 + 3?", shares={"math": 0.5, "facts": 0.4, "law": 0.01}, use="ann"),
        [Part("unknown kind"), Part("  math 50 %, facts 40 %  → ", "detail"), Part("ann")],
        (),
    ),
    (
        Plan(steps=(Step(id=1, label="math", ask="2 + 3?"), Step(id=2, label="x", ask="#1?"))),
        [Part("1  math: 2 + 3?\n2  x: #1?")],
        (),
    ),
    (
        Assignment(step=1, agent="ann", text="2 + 3?", label="math"),
        [Part("→ ", "detail"), Part("ann", agent="ann"), Part("  2 + 3?")],
        (),
    ),
    (Proposal(answer="5", text="so 5"), [ANSWER], ()),
    (Critique(text="it lacks units"), [Part("it lacks units")], ()),
    (Revision(answer="5", text="so 5"), [ANSWER], ()),
    (Vote(choice="m", reason="why"), [Part("→ ", "detail"), Part("5"), Part("  of ann", "detail")], ("m",)),
    (Vote(choice="gone"), [Part("→ ", "detail"), Part("gone")], ("gone",)),
    (Verdict(verdict="approve", reason="why", target="m"), [Part("✓ approve", "good")], ("m",)),
    (
        Verdict(verdict="disapprove", answer="6", target="m"),
        [Part("✗ disapprove", "bad"), Part("  found 6", "detail")],
        ("m",),
    ),
    (Grade(grade="B", reason="why", target="m"), [Part("B")], ("m",)),
    (Synthesis(answer="5", text="so 5"), [ANSWER], ()),
    (
        Fusion(answer="5", text="so 5", members=("ann", "bob"), strategy="pi", dropped={"bob": "down"}),
        [ANSWER, Part("  without bob", "warning")],
        (),
    ),
    (Result(answer="5", decision="agreement", sources=("m",)), [ANSWER, Part("  agreement", "detail")], ("m",)),
    (
        Result(answer="5", decision="majority", support={"6": 1.0, "5": 2.0}),
        [ANSWER, Part("  majority: 5 × 2, 6 × 1", "detail")],
        (),
    ),
    (
        ToolCall(tool="calc/add", arguments={"left": 2}, result="5", cut=True),
        [
            Part("calc/add"),
            Part(' {"left": 2} → ', "detail"),
            Part("5"),
            Part("  (cut)", "warning"),
        ],
        (),
    ),
    (
        ToolCall(tool="calc/add", error="no result within 1 s"),
        [Part("calc/add"), Part(" {}", "detail"), Part("  ✗ no result within 1 s", "bad")],
        (),
    ),
    (Refusal(reason="no riddles"), [Part("declines: ", "warning"), Part("no riddles")], ()),
    (Error(code="reply", detail="not JSON"), [Part("✗ not JSON", "bad")], ()),
    (
        Unknown.model_validate({"kind": "gesture", "hands": 2}),
        [Part("a message of the kind 'gesture', which this version does not know", "detail")],
        (),
    ),
]


@pytest.mark.parametrize(("body", "parts", "refs"), CASES)
def test_every_kind_has_its_parts(body: Body, parts: list[Part], refs: tuple[str, ...]) -> None:
    described = describe(message(body=body), SAID)
    assert list(described.parts) == parts
    assert described.refs == refs
    assert (described.speaker, described.kind) == ("ann", body.kind)
    assert described.text == "".join(part.text for part in parts)


def test_no_kind_is_left_out_above() -> None:
    assert {body.kind for body, *_ in CASES} == {*KINDS, "gesture"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (Proposal(answer="5", text="2 and 3, so 5"), "2 and 3, so 5"),
        (Proposal(answer="5", text="5"), "5"),
        (Revision(answer="5", text=""), "5"),
        (Synthesis(answer="5", text="both say 5"), "both say 5"),
        (Verdict(verdict="approve", reason="it fits", target="m"), "✓ approve\nit fits"),
        (Vote(choice="m", reason="the first"), "→ 5  of ann\nthe first"),
        (Fusion(answer="5", text="so 5", members=("ann",), strategy="pi"), "5"),
    ],
)
def test_verbose_gives_whole_replies_and_reasons(body: Body, text: str) -> None:
    assert describe(message(body=body), SAID, verbose=True).text == text


def test_a_choice_that_was_scored_has_its_probability() -> None:
    for body, text in (
        (Verdict(verdict="approve", target="m"), "✓ approve  87 %"),
        (Vote(choice="m"), "→ 5  of ann  87 %"),
    ):
        assert describe(message(body=body, confidence=0.874), SAID).text == text


def test_a_turn_that_was_taken_over_says_whose_and_where() -> None:
    instead = message(body=Proposal(answer="5", text="5"), instead_of="m", served_by="garage")
    assert describe(instead, SAID).parts == (ANSWER, Part("  in place of ", "detail"), Part("ann", agent="ann"))
    assert describe(instead, {}, verbose=True).text == "5  in place of m  on garage"


def test_a_fused_text_is_shown_by_its_pieces() -> None:
    body = Fusion(
        answer="3",
        text="two or three",
        members=("ann", "bob"),
        strategy="pi",
        pieces=PIECES,
        dropped={"ann": "too slow"},
    )
    described = describe(message(body=body), {}, verbose=True)
    assert described.parts[:2] == (Part("two or ", agent="ann"), Part("three", "contested", "bob"))
    assert described.text.splitlines() == [
        "two or three",
        "ann  bob  by pi; underlined: not backed by all",
        "ann did not last: too slow",
        "'three' of bob, not the end",
    ]
    many = body.model_copy(update={"pieces": PIECES * 20})
    assert describe(message(body=many), {}, verbose=True).text.count("of bob, not the end") == MOST_DOUBTS


def test_rounds_are_counted_from_one_and_nesting_is_counted() -> None:
    described = describe(message(round=1, node="verify/parallel.0/ann"), {})
    assert (described.kind, described.depth) == ("proposal 2", 1)
    assert [depth_of(node) for node in ("debate/ann", "verify/parallel.0/ann", "a/b.1/c.0/ann")] == [0, 1, 2]
