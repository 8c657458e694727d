"""When two answers are the same answer, and which of several wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.answers import normalise, plurality, same


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("391", "391"),
        ("  391 \n", "391"),
        ("391.", "391"),
        ("391.0", "391"),
        ("0391", "391"),
        ("+5", "5"),
        ("-5", "-5"),
        ("-0.0", "0"),
        ("000", "0"),
        ("1,416.0", "1416"),
        ("1,234,567", "1234567"),
        ("12,34", "12,34"),
        ("2.50", "2.5"),
        ("2.05", "2.05"),
        ("50%", "50%"),
        ("50.0 %", "50.0 %"),
        ("50.0%", "50%"),
        ("Paris", "paris"),
        ('"Paris".', "paris"),
        ("**Paris**", "paris"),
        ("`Paris`", "paris"),
        ("New   York", "new york"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("1e3", "1e3"),
        ("3 apples", "3 apples"),
        ("e.g. this", "e.g. this"),
        ("", ""),
        ("...", ""),
        ("٣", "٣"),
    ],
)
def test_normal_forms(answer: str, form: str) -> None:
    assert normalise(answer) == form


@given(st.text())
def test_a_normal_form_is_its_own(answer: str) -> None:
    assert normalise(normalise(answer)) == normalise(answer)


@given(st.integers(), st.integers(0, 3))
def test_numbers_are_compared_by_value(value: int, zeros: int) -> None:
    assert normalise(f"{value}.{'0' * zeros}" if zeros else str(value)) == str(value)
    assert same(f"{value:,}", str(value))
    assert same(f" {value}. ", str(value))


@given(st.integers(1, 10_000).filter(lambda digits: digits != 40))
def test_numbers_of_any_length_are_compared_exactly(digits: int) -> None:
    assert normalise("7" * digits) == "7" * digits
    assert not same("1" * 40 + ".25", "1" * 40 + ".26")


@pytest.mark.parametrize(
    ("answers", "weights", "places"),
    [
        (["4", "5", "4.0"], None, [0, 2]),
        (["4", "5"], None, [0]),
        (["4", "5"], [1.0, 1.5], [1]),
        (["4", "5", "5"], [3.0, 1.0, 1.0], [0]),
        (["4"], None, [0]),
    ],
)
def test_the_answer_with_the_most_weight_wins_and_of_equals_the_first(
    answers: list[str], weights: list[float] | None, places: list[int]
) -> None:
    assert plurality(answers, weights)[0] == places


@given(st.lists(st.sampled_from(["1", "1.0", " 1", "2", "two", "Two."]), min_size=1, max_size=9))
def test_no_weight_is_lost_in_a_vote(answers: list[str]) -> None:
    places, support = plurality(answers)
    assert sum(support.values()) == len(answers)
    assert support[answers[places[0]]] == len(places) == max(support.values())
    assert len({normalise(answers[place]) for place in places}) == 1
