"""The task families: true answers by an independent check, clean text, bounded lengths, splits that cannot leak."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.zoo.families.arithmetic import mistakes, results, scratchpad
from agentnet.zoo.families.base import MARKER, Family, Item, distinct, items, split_of
from agentnet.zoo.families.math import LONG_STORIES, MATH, STORIES, WORDED
from agentnet.zoo.families.reading import MAX_PASSAGE, READING
from agentnet.zoo.families.symbols import SYMBOLS

FAMILIES = (MATH, SYMBOLS, READING)
QUESTION_LIMIT = {"math": 130, "symbols": 80, "reading": 200}
SOLUTION_LIMIT = 120

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
seeds = st.integers(0, 2**32)


def sample(family: Family, count: int = 1500) -> list[Item]:
    rng = random.Random(7)
    return [family.generate(rng) for _ in range(count)]


@every_family
@given(seed=seeds)
def test_an_item_is_well_formed(family: Family, seed: int) -> None:
    item = family.generate(random.Random(seed))
    assert item.family == family.name
    assert item.solution.count(MARKER) == 1
    assert item.solution.endswith(f" {MARKER} {item.answer}")
    assert not item.solution.startswith(" ")
    assert 2 <= len(set(item.wrong)) == len(item.wrong) <= 4
    assert item.answer not in item.wrong
    assert len(item.question) <= QUESTION_LIMIT[family.name]
    assert len(item.solution) <= SOLUTION_LIMIT
    for text in (item.question, item.solution, *item.wrong):
        assert text.strip() == text != ""
        assert all(" " <= letter <= "~" and letter not in '"\\{}' for letter in text)


@every_family
def test_equal_seeds_give_equal_items(family: Family) -> None:
    assert sample(family, 50) == sample(family, 50)
    assert list(islice(items(family, "train", 3), 20)) == list(islice(items(family, "train", 3), 20))
    assert list(islice(items(family, "train", 3), 20)) != list(islice(items(family, "train", 4), 20))


@every_family
def test_the_splits_share_neither_question_nor_worked_solution(family: Family) -> None:
    train, test = distinct(family, "train", 1, 4000), distinct(family, "test", 1, 400)
    assert not {item.question for item in train} & {item.question for item in test}
    assert not {item.key for item in train} & {item.key for item in test}
    assert {split_of(item) for item in test} == {"test"}


@every_family
def test_questions_seldom_repeat(family: Family) -> None:
    assert len({item.question for item in sample(family)}) > 0.9 * 1500


@pytest.mark.parametrize(
    ("program", "values", "worked"),
    [
        ("x+y", (347, 285), "347+285: 7+5=12,4+8+1=13,3+2+1=6"),
        ("x-y", (532, 285), "532-285: 2-5=7b,3-8-1=4b,5-2-1=2"),
        ("x*y", (347, 8), "347*8: 7*8=56,4*8+5=37,3*8+3=27"),
        ("x*y", (8, 347), "347*8: 7*8=56,4*8+5=37,3*8+3=27"),
        ("x*y", (118, 20), "118*20: 8*2=16,1*2+1=3,1*2=2"),
        (
            "x*y",
            (118, 12),
            "118*12: 8*2=16,1*2+1=3,1*2=2 236;8*1=8,1*1=1,1*1=1 236+1180: 6+0=6,3+8=11,2+1+1=4,0+1=1",
        ),
        ("x+y;#-z", (12, 7, 5), "12+7: 2+7=9,1+0=1;19-5: 9-5=4,1-0=1"),
        ("y*z;x-#", (50, 3, 4), "3*4: 3*4=12;50-12: 0-2=8b,5-1-1=3"),
    ],
)
def test_the_scratchpad_works_in_columns(program: str, values: tuple[int, ...], worked: str) -> None:
    assert scratchpad(program, dict(zip("xyz", values, strict=False))) == worked


def test_the_scratchpad_refuses_what_it_cannot_write() -> None:
    with pytest.raises(ValueError, match="negative"):
        scratchpad("x-y", {"x": 3, "y": 4})
    with pytest.raises(ValueError, match="two rows"):
        scratchpad("x*y", {"x": 345, "y": 112})


@given(x=st.integers(0, 999), y=st.integers(0, 99), op=st.sampled_from("+-*"), seed=seeds)
def test_columns_add_up_to_the_result(x: int, y: int, op: str, seed: int) -> None:
    x, y = max(x, y), min(x, y)
    program, values = f"x{op}y", {"x": x, "y": y}
    truth = eval(f"{x}{op}{y}")
    steps = scratchpad(program, values)
    assert results(program, values) == [truth]
    assert_true_equations(steps)
    assert read_last_row(steps) == truth
    wrong = mistakes(program, values, random.Random(seed))
    assert str(truth) not in wrong
    assert len(wrong) >= 2


def assert_true_equations(steps: str) -> None:
    for left, right, borrowed in re.findall(r"([\d+*-]+)=(\d+)(b?)", steps):
        assert eval(left) == int(right) - (10 if borrowed else 0), steps


def read_last_row(steps: str) -> int | None:
    """The number that the columns after the last header spell, or None where a zero was left to append."""
    columns = re.split(r": |;", steps)[-1]
    written = re.findall(r"=(\d+)", columns)
    head = re.findall(r"(\d+[+*-]\d+):", steps)[-1]
    number = int(written[-1] + "".join(total[-1] for total in reversed(written[:-1])))
    tens_only = re.fullmatch(r"\d+\*[1-9]0", head)
    return number * 10 if tens_only else number


def test_bare_expressions_are_answered_truly() -> None:
    found = 0
    for item in sample(MATH):
        expression = re.fullmatch(r"[A-Za-z ]*?([\d(][\d +*()-]*?)( = \?|\?|\.)", item.question)
        if expression:
            found += 1
            assert int(item.answer) == eval(expression[1]), item
    assert found > 600


def test_math_solutions_end_in_the_answer_of_their_last_step() -> None:
    for item in sample(MATH):
        steps = item.solution.split(f" {MARKER} ")[0]
        assert_true_equations(steps)
        assert read_last_row(steps) == int(item.answer), item


@pytest.mark.parametrize("templates", [WORDED, STORIES, LONG_STORIES], ids=["worded", "story", "long story"])
def test_word_problems_name_every_number_of_their_program(templates: tuple[tuple[str, str], ...]) -> None:
    for program, template in templates:
        assert set(re.findall(r"[xyz]", program)) == set(re.findall(r"\{([xyz])\}", template)), template


def test_compound_phrasings_are_common() -> None:
    counts = Counter(re.sub(r"\d+", "0", item.question) for item in sample(MATH))
    assert all(counts[f"What is 0 {op} 0?"] > 50 for op in "+-*")
    small = sum(bool(re.fullmatch(r"What is \d\d? [+*-] \d\d?\?", item.question)) for item in sample(MATH))
    assert small > 100
    lengths = sum(item.question.startswith("How many letters are in ") for item in sample(SYMBOLS))
    assert lengths > 75


def test_symbols_are_answered_truly() -> None:
    checked = Counter(kind for item in sample(SYMBOLS, 4000) for kind in [check_symbols(item)])
    assert set(checked) >= {"length", "count", "reverse", "sort", "place", "compare", "substitute", "derive", "solve"}
    assert checked["other"] == 0, checked


def check_symbols(item: Item) -> str:
    """Recompute the answer from the words of the question alone; the name of the kind."""
    ask, answer = item.question, item.answer
    if found := re.search(r"letter (\w) (?:appear )?in (\w+)|letter (\w) in (\w+)|How many (\w) are in (\w+)\?", ask):
        letter, word = [group for group in found.groups() if group]
        assert int(answer) == sum(each == letter for each in word), item
        return "count"
    number = r"(?:How many letters are in|How many letters does|Count the letters in|number of letters in|How long is)"
    if found := re.search(rf"{number} (?:the word )?(.+?)(?: have)?[.?]$", ask):
        assert int(answer) == len(re.findall(r"[A-Za-z]", found[1])), item
        return "length"
    if re.search("backwards|[Rr]everse", ask):
        assert answer[::-1] in ask.split(" ", 1)[1], item
        return "reverse"
    if found := re.search(r"(first|second|third|fourth|last)(?: letter)? (?:of|in) (.+)[.?]$", ask):
        index = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}[found[1]]
        assert answer == re.findall(r"[A-Za-z]", found[2])[index], item
        return "place"
    if found := re.search(r"letters (?:of|in) ([a-z]+)", ask):
        assert answer == "".join(sorted(found[1])), item
        return "sort"
    numbers = [int(digits) for digits in re.findall(r"\d+", ask)]
    if re.match("Sort|Put .* order|Order", ask):
        falling = re.search("descending|largest to|falling|high to", ask) is not None
        assert answer == ", ".join(map(str, sorted(numbers, reverse=falling))), item
        return "sort"
    if re.search("larger|greater|bigger|maximum|smaller|less|minimum", ask):
        pick = max if re.search("larger|greater|bigger|maximum", ask) else min
        assert int(answer) == pick(numbers), item
        return "compare"
    expression = re.search(r"-?\d*x[\dx^ +-]*", ask.replace("x = ", "at "))
    assert expression, item
    if re.search("[Dd]eriv|Differentiate", ask):
        step = 1e-5
        for x in (0.5, 2.0):
            slope = (value(expression[0], x + step) - value(expression[0], x - step)) / (2 * step)
            assert value(answer, x) == pytest.approx(slope, rel=1e-4, abs=1e-6), item
        return "derive"
    if found := re.search(r"(\d*x [+-] \d+) = (\d+)", ask):
        assert value(found[1], int(answer)) == int(found[2]), item
        return "solve"
    if found := re.search(r"x = (\d+)", ask):
        assert int(answer) == value(expression[0], int(found[1])), item
        return "substitute"
    return "other"


def value(polynomial: str, x: float) -> float:
    source = re.sub(r"(\d)x", r"\1*x", polynomial).replace("^", "**")
    return float(eval(source, {"x": x}))


def test_reading_is_balanced_and_offers_the_opposite() -> None:
    found = sample(READING, 3000)
    yes = sum(item.answer == "yes" for item in found)
    assert 0.46 < yes / len(found) < 0.54
    for item in found:
        assert item.answer in {"yes", "no"}
        assert {"yes": "no", "no": "yes"}[item.answer] in item.wrong
        passage = re.match(r".*\.", item.question)
        assert passage
        assert len(passage[0]) <= MAX_PASSAGE
        assert 2 <= passage[0].count(".") <= 4


def test_no_kind_of_reading_question_gives_its_answer_away() -> None:
    """The evidence, not the wording of the question, must decide."""
    openings: dict[str, Counter[str]] = {}
    for item in sample(READING, 6000):
        ask = re.split(r"\. ", item.question)[-1]
        shape = re.sub(r"\b[A-Z]\w+(?<!Is)(?<!Do)(?<!Does)(?<!Did)(?<!Can)(?<!Will)\b|\d+", "_", ask)
        openings.setdefault(shape, Counter())[item.answer] += 1
    for shape, answers in openings.items():
        if answers.total() > 80:
            assert 0.3 < answers["yes"] / answers.total() < 0.7, (shape, answers)


def test_reading_evidence_settles_the_quantity() -> None:
    for item in sample(READING, 3000):
        found = re.match(r"(\w+) (\d+),(\w+) (\d+),", item.solution)
        if found and (word := re.search("more|fewer|same|as many", item.question)):
            for who, number in ((found[1], found[2]), (found[3], found[4])):
                assert re.search(rf"{who} \w+ {number} |are {number} \w+ in the bag of {who}", item.question), item
            first, second = int(found[2]), int(found[4])
            holds = {"more": first > second, "fewer": first < second}.get(word[0], first == second)
            assert item.answer == ("yes" if holds else "no"), item


def test_reading_chains_follow_from_the_passage() -> None:
    rising = {"shorter", "younger", "slower", "weaker", "poorer", "after"}
    tops = re.compile("tallest|oldest|fastest|strongest|richest|first")
    chains = 0
    for item in sample(READING, 3000):
        chain = re.match(r"(\w+)>(\w+)>(\w+),", item.solution)
        told = re.findall(r"(\w+) (?:is|arrived|left|finished|spoke) (\w+)(?: than)? (\w+)\. ", item.question)
        told = [each for each in told if chain and {each[0], each[2]} <= set(chain.groups())]
        if not chain or len(told) < 2:
            continue
        chains += 1
        rank = {who: place for place, who in enumerate(chain.groups())}
        assert all((rank[first] < rank[second]) == (relation not in rising) for first, relation, second in told), item
        asked = re.search(r"(\w+) (\w+) than (\w+)\?$", item.question)
        asked = asked or re.search(r"Did (\w+) \w+ (before|after) (\w+)\?$", item.question)
        if asked:
            holds = (rank[asked[1]] < rank[asked[3]]) == (asked[2] not in rising)
        else:
            end = re.search(r"(?:Is|Did) (\w+) (?:the|\w+) (\w+)(?: of the three)?\?$", item.question)
            assert end, item
            holds = rank[end[1]] == (0 if tops.match(end[2]) else 2)
        assert item.answer == ("yes" if holds else "no"), item
    assert chains > 500
