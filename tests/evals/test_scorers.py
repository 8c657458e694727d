"""How right an extracted answer is, and how an answer type picks what judges it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts.evaluations import Item
from agentnet.errors import BadInput
from agentnet.evals.grading import Grading
from agentnet.evals.scorers import SCORERS
from agentnet.evals.suite import AnswerType, DatasetSpec


def item(*answers: str) -> Item:
    return Item(dataset="some", id="1", text="?", answers=answers, label="some", cluster="1")


@pytest.mark.parametrize(
    ("scorer", "said", "answers", "score"),
    [
        ("same", "Paris.", ("paris",), 1),
        ("same", "Rome", ("Paris", "rome"), 1),
        ("same", "in Rome", ("Rome",), 0),
        ("number", "0.5", ("1/2",), 1),
        ("number", "4/2", ("2.0",), 1),
        ("number", "1,000", ("1000",), 1),
        ("number", "-3", ("3",), 0),
        ("number", "many", ("3",), 0),
        ("number", "1/0", ("3",), 0),
        ("number", "", ("3",), 0),
        ("choice", "B", ("B", "Paris"), 1),
        ("choice", "(b)", ("B", "Paris"), 1),
        ("choice", "Paris.", ("B", "Paris"), 1),
        ("choice", "A", ("B", "Paris"), 0),
        ("yes-no", "yes", ("True",), 1),
        ("yes-no", "yes", ("No",), 0),
        ("yes-no", "perhaps", ("No",), 0),
        ("set", "b, a", ("a", "b"), 1),
        ("set", "b, a", ("a, b",), 1),
        ("set", "a", ("a", "b"), 0),
        ("f1", "a", ("a", "b"), 2 / 3),
        ("f1", "a, c", ("a", "b"), 1 / 2),
        ("f1", "", ("a", "b"), 0),
        ("contains", "I would say Paris, of course", ("Paris",), 1),
        ("contains", "in New York.", ("new york",), 1),
        ("contains", "Parisian", ("Paris",), 0),
        ("words", "Alder, birch\nCedar", ("alder birch cedar",), 1),
        ("words", "birch alder cedar", ("alder birch cedar",), 0),
    ],
)
def test_scores(scorer: str, said: str, answers: tuple[str, ...], score: float) -> None:
    assert SCORERS[scorer](said, item(*answers)) == pytest.approx(score)


def test_a_tolerance_is_exact_at_its_edge() -> None:
    assert SCORERS["number"]("0.3", item("0.2"), 0.1) == 1
    assert SCORERS["number"]("0.30001", item("0.2"), 0.1) == 0


@given(st.fractions(max_denominator=1000))
def test_a_fraction_is_worth_what_it_is(number: Any) -> None:
    assert SCORERS["number"](f"{number.numerator}/{number.denominator}", item(str(number))) == 1


@given(st.sampled_from(sorted(SCORERS)), st.text(), st.text(min_size=1))
def test_scores_lie_between_nought_and_one(scorer: str, said: str, answer: str) -> None:
    assert 0 <= SCORERS[scorer](said, item(answer)) <= 1


def spec(**settings: Any) -> DatasetSpec:
    return DatasetSpec.model_validate({"from": "table", "path": "x.csv", **settings})


@pytest.mark.parametrize(
    ("answer", "reply", "gold", "score"),
    [
        ("exact", "The answer is Paris.", "Paris", 1.0),
        ("numeric", "That makes $18.", "18", 1.0),
        ("choice", "I pick (C).", "C", 1.0),
        ("yes-no", "False", "no", 1.0),
        ("set", "b and a", "a, b", 1.0),
        ("judged", "Paris", "Paris", None),
    ],
)
def test_an_answer_type_has_its_own_way(answer: AnswerType, reply: str, gold: str, score: float | None) -> None:
    assert Grading.of(spec(), answer).score(reply, item(gold)) == score


def test_what_the_suite_names_goes_before_the_answer_type() -> None:
    grading = Grading.of(spec(answer="numeric", extract="first-line", score="contains", tolerance=1), "exact")
    assert grading == Grading("numeric", "first-line", "contains", 1.0)
    assert Grading.of(spec(), "exact", "words").scorer == "words"
    assert Grading.of(spec(answer="set"), "exact", "words").scorer == "set"


def test_an_unknown_name_is_told_with_the_closest() -> None:
    with pytest.raises(BadInput, match="no extractor 'last-numbers', did you mean 'last-number'"):
        Grading.of(spec(extract="last-numbers"), "exact")
    with pytest.raises(BadInput, match="no scorer 'word', did you mean 'words'"):
        Grading.of(spec(score="word"), "exact")
