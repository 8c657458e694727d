"""When a text runs on with repetitions, and when it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.answers.repetition import LENGTH, TIMES, UNIT, repetition


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("1" * 320, "1"),
        ("Lima " + "s" * 40, "s"),
        ("Lima " + "s" * 40 + "\n", "s"),
        ("118*12: 8*2=16" + ",1*2=2" * 20, ",1*2=2"),
        ("So" + " The answer is 42." * 9 + " The ans", " The answer is 42."),
        ("118+" + "1" * 300 + "-11", "1"),
        ("1" * 102 + "i" * 15, "1"),
    ],
)
def test_a_text_that_runs_on(text: str, unit: str) -> None:
    assert repetition(text) == unit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n" * 320,
        "1111",
        "aaaaaaaa",
        "1" * (LENGTH - 1),
        "Wait. " * (TIMES - 1),
        "=> 42" + "\n" * 300,
        "a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q",
        "118*12: 8*2=16,1*2+1=3,1*2=2 236;8*1=8,1*1=1,1*1=1 236+1180: 6+0=6,3+8=11,2+1+1=4,0+1=1 => 1416",
        "The rule\n" + "-" * 40 + "\nstands above the text, and the text is longer than the rule that stands above it.",
    ],
)
def test_a_text_that_does_not_run_on(text: str) -> None:
    assert repetition(text) is None


def stretches(text: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and size of the unit of every stretch, found in the simplest way."""
    for size in range(1, len(text) // TIMES + 1):
        for start in range(len(text)):
            unit, times = text[start : start + size], 1
            while text.startswith(unit, start + times * size):
                times += 1
            if times >= TIMES and times * size >= LENGTH:
                yield start, start + times * size, size


@given(st.text("cd", max_size=30), st.text("ab ", max_size=6), st.integers(0, 40), st.text("ef", max_size=31))
def test_only_a_text_with_a_stretch_runs_on(before: str, unit: str, times: int, after: str) -> None:
    text = (before + unit * times + after).strip()
    found = repetition(text)
    reaching = [
        text[start : start + size]
        for start, end, size in stretches(text)
        if (text[start:].startswith(text[end:]) and len(text) - end < size) or 2 * (end - start) >= len(text)
    ]
    assert (found is None) == (not reaching)
    assert found is None or found in reaching


@given(before=st.text(max_size=30), unit=st.text(min_size=1, max_size=UNIT // 4), cut=st.integers(0, UNIT))
def test_a_unit_that_is_repeated_up_to_the_end_is_always_found(before: str, unit: str, cut: int) -> None:
    text = before + unit * max(TIMES, LENGTH) + unit[: cut % len(unit)]
    assert (repetition(text) is None) == (not unit.strip())


@given(st.lists(st.integers(0, 9999), unique=True, max_size=200))
def test_a_text_that_does_not_repeat_itself_never_runs_on(numbers: list[int]) -> None:
    """Different numbers, one after the other: where a unit stood there eight times, two of them would be equal."""
    assert repetition(" ".join(f"{number:04d}" for number in numbers)) is None
