"""Facts and compound questions: a sound table, asks that the other families know, and plans that lead to the answer."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from agentnet.contracts.bodies import Plan, Step
from agentnet.zoo.families.base import MARKER, Item, distinct, items, split_of
from agentnet.zoo.families.compound import COMPOUND, execute
from agentnet.zoo.families.facts import FACTS, PHRASINGS, facts


def test_no_subject_is_asked_for_twice_in_one_relation() -> None:
    for relation, group in facts().items():
        subjects = [fact.subject for fact in group]
        assert len(set(subjects)) == len(subjects), relation


def test_the_elements_are_numbered_without_gaps_and_symbols_are_theirs_alone() -> None:
    numbers = [int(fact.answer) for fact in facts()["number"]]
    assert numbers == list(range(1, 61))
    symbols = [fact.answer for fact in facts()["symbol"]]
    assert len(set(symbols)) == 60
    assert all(re.fullmatch(r"[A-Z][a-z]?", symbol) for symbol in symbols)


@pytest.mark.parametrize(
    ("relation", "subject", "answer"),
    [
        ("capital", ("Peru",), "Lima"),
        ("country", ("Ottawa",), "Canada"),
        ("number", ("oxygen",), "8"),
        ("symbol", ("potassium",), "K"),
        ("numbered", ("26",), "iron"),
        ("count", ("days", "a week"), "7"),
        ("year", ("the sinking of the Titanic",), "1912"),
        ("planet", ("4",), "Mars"),
        ("continent", ("Kenya",), "Africa"),
    ],
)
def test_some_facts_by_hand(relation: str, subject: tuple[str, ...], answer: str) -> None:
    assert [fact.answer for fact in facts()[relation] if fact.subject == subject] == [answer]


def test_every_fact_can_be_learnt_from_several_phrasings() -> None:
    for relation, group in facts().items():
        for fact in group:
            asked = [fact.ask(phrasing) for phrasing in range(len(PHRASINGS[relation]))]
            train = [ask for ask in asked if split_of(Item("facts", ask, fact.answer, "")) == "train"]
            assert len(set(asked)) >= 5
            assert len(train) >= 2, fact


def test_fact_items_are_plain_and_their_wrong_answers_are_wrong() -> None:
    for item in islice(items(FACTS, "train", 1), 3000):
        assert item.solution.endswith(f"{MARKER} {item.answer}")
        assert item.answer not in item.wrong
        assert len(item.wrong) == 3
        assert (item.question + item.solution).isascii()
        assert not set(item.question + item.solution) & {'"', "\\", "\n"}
        assert len(item.question) <= 140


def test_a_multiple_choice_item_lists_its_answer_under_the_right_letter() -> None:
    chosen = [item for item in islice(items(FACTS, "train", 2), 2000) if "(A)" in item.question]
    assert len(chosen) > 200
    for item in chosen:
        options = dict(re.findall(r"\(([A-D])\) (.+?)(?= \([A-D]\)|$)", item.question))
        assert options[item.answer] == item.solution.split(f" {MARKER} ")[0]


def test_compound_plans_lead_to_the_answer() -> None:
    for item in distinct(COMPOUND, "test", 3, 400):
        answers = execute(item.plan)
        assert answers[-1] == item.answer
        assert item.solution == f"{';'.join(answers[:-1])} {MARKER} {item.answer}"
        assert item.answer not in item.wrong


def test_compound_plans_are_valid_plans_of_two_to_five_steps() -> None:
    for item in distinct(COMPOUND, "train", 3, 300):
        steps = tuple(
            Step(id=place, label=hop.label, ask=hop.ask, needs=tuple({int(n) for n in re.findall(r"#(\d)", hop.ask)}))
            for place, hop in enumerate(item.plan, start=1)
        )
        assert 2 <= len(Plan(steps=steps).steps) <= 5
        assert {step.label for step in steps} <= {"facts", "symbols", "math"}


def test_compound_answers_cannot_be_guessed() -> None:
    answers = [item.answer for item in distinct(COMPOUND, "test", 3, 300)]
    assert max(answers.count(answer) for answer in set(answers)) / len(answers) < 0.08


def test_an_ask_that_no_family_knows_is_refused() -> None:
    from agentnet.zoo.families.base import Hop

    with pytest.raises((KeyError, ValueError)):
        execute([Hop("facts", "What is the meaning of life?")])
    with pytest.raises(ValueError, match="canonical"):
        execute([Hop("symbols", "Sing Lima.")])
