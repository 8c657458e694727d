"""Replies: strict on the way back. What does not parse is an error, never a guess."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.agents.forms import closed_replies, read_reply, schema_for
from agentnet.contracts.bodies import Critique, Plan, Proposal, Refusal, Revision, Synthesis, Verdict, Vote
from agentnet.errors import ReplyError
from agentnet.prompts import find_pack

ROLES = ("solve", "revise", "review", "conclude", "critique", "synthesize", "plan", "choose", "verify")
PACK = find_pack("instruct")
CANDIDATES = {"A": "m1", "B": "m2"}


def read(role: str, text: str, *, max_steps: int = 8) -> Any:
    return read_reply(role, text, PACK, candidates=CANDIDATES, target="m2", max_steps=max_steps)


def plan(*asks: str) -> str:
    return json.dumps({"steps": [{"label": "math", "ask": ask} for ask in asks]})


@pytest.mark.parametrize(
    ("role", "body"),
    [
        ("solve", Proposal),
        ("revise", Revision),
        ("review", Revision),
        ("conclude", Revision),
        ("synthesize", Synthesis),
    ],
)
def test_a_reply_is_its_text_and_the_answer_behind_the_marker(role: str, body: Any) -> None:
    assert read(role, "17 × 23\nAnswer: 391\n") == body(answer="391", text="17 × 23\nAnswer: 391")


def test_one_line_without_a_marker_is_the_answer() -> None:
    assert read("solve", " 391 \n") == Proposal(answer="391", text="391")


def test_several_lines_without_a_marker_are_no_answer() -> None:
    with pytest.raises(ReplyError, match="no answer marker 'Answer:' and more than one line"):
        read("solve", "I think\nit is 391")


def test_a_repetition_is_an_answer_only_behind_the_marker() -> None:
    with pytest.raises(ReplyError, match=r"^the reply has no answer marker 'Answer:' and repeats '1'$"):
        read("solve", "1" * 100 + "ii")
    assert read("solve", "Answer: " + "1" * 100) == Proposal(answer="1" * 100, text="Answer: " + "1" * 100)
    assert read("solve", "aaaa") == Proposal(answer="aaaa", text="aaaa")


def test_critique_is_free_text() -> None:
    assert read("critique", "The second line\nis wrong.") == Critique(text="The second line\nis wrong.")


@pytest.mark.parametrize("role", ["solve", "revise", "critique", "synthesize"])
def test_a_refusal_is_told_apart_from_an_answer(role: str) -> None:
    assert read(role, "REFUSE: this is unsafe") == Refusal(reason="this is unsafe")
    assert read(role, "REFUSE:") == Refusal(reason="no reason given")


@pytest.mark.parametrize(
    ("role", "reply"),
    [
        ("solve", "Answer: 391"),
        ("critique", "fine"),
        ("plan", plan("x?")),
        ("choose", '{"choice": "A"}'),
        ("verify", '{"verdict": "approve"}'),
    ],
)
def test_thinking_is_no_part_of_a_reply(role: str, reply: str) -> None:
    thought = "<think>Answer: 7 {}\nREFUSE: no</think>\n\n"
    assert read(role, thought + reply) == read(role, reply)
    assert read(role, "Answer: 8</think>" + reply) == read(role, reply)


@pytest.mark.parametrize("role", ROLES)
def test_a_reply_that_ends_while_thinking_is_none(role: str) -> None:
    with pytest.raises(ReplyError, match="ends before the thinking does"):
        read(role, "<think>perhaps Answer: 7")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("text", ["", "  \n", "<think>hm</think>"])
def test_an_empty_reply_is_an_error(role: str, text: str) -> None:
    with pytest.raises(ReplyError):
        read(role, text)


def test_a_plans_references_are_its_dependencies() -> None:
    found = read("plan", plan("2 + 2?", "3 + 3?", "#1 + #2 + #1?", "double #3"))
    assert isinstance(found, Plan)
    assert [(step.id, step.needs) for step in found.steps] == [(1, ()), (2, ()), (3, (1, 2)), (4, (3,))]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (plan("#2?", "#1?"), "wait for each other in a cycle"),
        (plan("#1?"), "wait for each other in a cycle"),
        (plan("#9?"), "needs step 9, which does not exist"),
        (plan("#0?"), "needs step 0, which does not exist"),
        (plan("#" + "9" * 5000), "not a list of steps"),
        (plan(), "the plan is not usable: steps"),
        (plan(""), "the plan is not usable: ask"),
        (plan(*"abcdefghi"), "the plan has 9 steps, at most 8 are allowed"),
        ("{}", "not a list of steps"),
        ('{"steps": {}}', "the plan is not usable"),
        ('{"steps": "abc"}', "not a list of steps"),
        ('{"steps": [{"label": "math"}]}', "not a list of steps"),
        ('{"steps": [{"label": 1, "ask": "x"}]}', "the plan is not usable: label"),
        ('{"steps": [{"label": "math", "ask": 1}]}', "not a list of steps"),
        ("Here is the plan: " + plan("x?"), "not JSON"),
        ("```json\n" + plan("x?") + "\n```", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "a JSON list, not an object"),
    ],
)
def test_a_plan_that_cannot_be_used_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(ReplyError) as caught:
        read("plan", text)
    assert problem in str(caught.value)


def test_a_vote_names_the_message_behind_the_letter() -> None:
    assert read("choose", '{"reason": "short", "choice": "B"}') == Vote(choice="m2", reason="short")


@pytest.mark.parametrize("choice", ['"C"', '"a"', '"m1"', '""', "null", "1", '["A"]', '{"A": 1}'])
def test_a_vote_for_nobody_is_an_error(choice: str) -> None:
    with pytest.raises(ReplyError, match="is none of A, B"):
        read("choose", f'{{"choice": {choice}}}')


def test_a_verdict_is_about_the_last_message_and_may_carry_an_answer() -> None:
    found = read("verify", '{"reason": "I get\\nAnswer: 390", "verdict": "disapprove"}')
    assert found == Verdict(verdict="disapprove", reason="I get\nAnswer: 390", answer="390", target="m2")


@pytest.mark.parametrize("verdict", ['"Approve"', '"approved"', '"yes"', "true", "null", '["approve"]'])
def test_a_verdict_that_is_none_is_never_an_approval(verdict: str) -> None:
    with pytest.raises(ReplyError, match="the verdict is not usable"):
        read("verify", f'{{"reason": "", "verdict": {verdict}}}')


def test_text_that_cannot_be_stored_is_an_error() -> None:
    with pytest.raises(ReplyError, match="not JSON"):
        read("choose", '{"reason": "\\ud800", "choice": "A"}')


@given(st.sampled_from(ROLES), st.text() | st.recursive(st.text(), st.lists).map(json.dumps))
def test_whatever_a_model_says_is_a_body_or_a_reply_error(role: str, text: str) -> None:
    with contextlib.suppress(ReplyError):
        read(role, text)


@given(
    st.sampled_from(["plan", "choose", "verify"]),
    st.fixed_dictionaries(
        {},
        optional={
            name: st.recursive(
                st.none() | st.booleans() | st.integers() | st.sampled_from(["A", "approve", "#1", "x"]),
                lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["label", "ask"]), inner),
            )
            for name in ("steps", "choice", "verdict", "reason")
        },
    ),
)
def test_whatever_object_a_model_gives_is_a_body_or_a_reply_error(role: str, value: dict[str, Any]) -> None:
    with contextlib.suppress(ReplyError):
        read(role, json.dumps(value))


def test_schemas_hold_a_reply_to_the_live_choices() -> None:
    assert schema_for("choose", letters=["A", "B"])["properties"]["choice"]["enum"] == ["A", "B"]
    plan_schema = schema_for("plan", labels=["math"], max_steps=3)["properties"]["steps"]
    assert plan_schema["maxItems"] == 3
    assert plan_schema["items"]["properties"]["label"]["enum"] == ["math"]
    assert "enum" not in schema_for("plan")["properties"]["steps"]["items"]["properties"]["label"]
    assert schema_for("verify")["properties"]["verdict"]["enum"] == ["approve", "disapprove"]
    for role in ("plan", "choose", "verify"):
        assert schema_for(role)["additionalProperties"] is False


def test_every_closed_reply_is_read_as_the_choice_that_it_is() -> None:
    verdicts = [read("verify", reply) for reply in closed_replies("verify")]
    assert [(found.verdict, found.reason, found.answer) for found in verdicts] == [
        ("disapprove", "", ""),
        ("approve", "", ""),
    ]
    votes = [read("choose", reply) for reply in closed_replies("choose", letters=list(CANDIDATES))]
    assert votes == [Vote(choice="m1"), Vote(choice="m2")]


def test_closed_replies_are_the_choices_of_the_schema() -> None:
    letters = ["A", "B", "A2"]
    for role, name in (("verify", "verdict"), ("choose", "choice")):
        chosen = [json.loads(reply) for reply in closed_replies(role, letters=letters)]
        allowed = schema_for(role, letters=letters)["properties"][name]["enum"]
        assert sorted(found[name] for found in chosen) == sorted(allowed)


def test_no_closed_reply_is_the_beginning_of_another() -> None:
    """Their probabilities could not be compared: what begins like a longer one is never less likely than it."""
    replies = closed_replies("choose", letters=["A", "A2", "A22"])
    assert [(one, other) for one in replies for other in replies if one != other and other.startswith(one)] == []
