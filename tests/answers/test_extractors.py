"""Finding the answer within a reply."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.answers.extractors import EXTRACTORS, last_number, letter, members, yes_no
from agentnet.answers.numbers import value
from agentnet.files.shipped import shipped_folder
from agentnet.files.tables import records

GSM8K = shipped_folder("evals") / "data" / "gsm8k"

CASES: dict[str, list[tuple[str, str]]] = {
    "whole": [("  a\nb ", "a\nb"), ("", "")],
    "first-line": [("\n\n Paris \nbecause", "Paris"), ("", "")],
    "after-marker": [
        ("=> 5", "5"),
        ("The answer is Paris.", "Paris."),
        ("The answer is: **Paris**\n\nIt has been for long.", "Paris"),
        ("**Answer:**\nParis", "Paris"),
        ("Answer: Rome. No, wait.\nAnswer: Paris", "Paris"),
        ("Paris", "Paris"),
        ("Answer:", "Answer:"),
    ],
    "last-number": [
        ("18", "18"),
        ("#### 18", "18"),
        ("It is 5.\n#### 6\nThat took 7 steps.", "6"),
        ("A: 12\n\nQ: What is 3 + 4?", "12"),
        ("3*4=12 => 12", "12"),
        ("The answer is $1,234.50.", "1234.5"),
        ("The answer is 18 eggs (9 pairs).", "18"),
        ("Answer: 3 + 4 = 7", "7"),
        ("**Final answer:** **42**", "42"),
        ("so she makes 9 * $2 = $18 every day.", "18"),
        ("The final answer is: $\\boxed{18}$, within 24 hours", "18"),
        ("\\boxed{\\frac{1}{2}}", "1/2"),
        ("\\boxed{\\text{12 km}}", "12"),
        ("#### none\nThe answer is 3", "3"),
        ("it is 50%", "50"),
        ("12kg", "12"),
        ("x = -5.", "-5"),
        ("−7", "-7"),
        ("-$5 or $-6", "-6"),
        ("\\$18", "18"),
        ("10-4", "4"),
        ("$<<9*2=18>>18 a day", "18"),
        (".5", "0.5"),
        ("0.50", "0.5"),
        ("-0", "0"),
        ("+7", "7"),
        ("1,2,3", "3"),
        ("1{,}234", "1234"),
        ("1\u202f234", "1234"),
        ("1.5e3", "1500"),
        ("2e-2", "0.02"),
        ("3 \\times 10^5", "300000"),
        ("2 1/2 cups", "5/2"),
        ("7/8", "7/8"),
        ("答案是 12。", "12"),
        ("**none** at all", "none** at all"),
    ],
    "letter": [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B)", "B"),
        ("**B**", "B"),
        ("B. Paris", "B"),
        ("The answer is B.", "B"),
        ("The answer is (C), not (A).", "C"),
        ("The answer is not A. It's (B).", "B"),
        ("The correct answer is option D", "D"),
        ("(A) is wrong. (B) is right, as (C) is not.", "B"),
        ("A) Rome\nB) Paris\nC) Oslo\nSo B.", "B"),
        ("(A) has no chance, so it's (D)", "D"),
        ("\\boxed{\\text{C}}", "C"),
        ("答案：C", "C"),
        ("故选B", "B"),
        ("Answer: A because of this", "A"),
        ("Answer: A blue jay", "A blue jay"),
        ("A blue jay", "A blue jay"),
        ("Vitamin C", "Vitamin C"),
        ("I am not sure", "I am not sure"),
        ("(A) would be early. The answer is 12/25/1937", "12/25/1937"),
    ],
    "yes-no": [
        ("Yes", "yes"),
        ("no.", "no"),
        ("**No**, they never met, yes?", "no"),
        ("Yes it is.", "yes"),
        ("No parking is allowed there. So, yes.", "yes"),
        ("True", "yes"),
        ("The statement is false.", "no"),
        ("That is not true.", "no"),
        ("Yes. Wait. The answer is no", "no"),
        ("The answer is: Yes, they do", "yes"),
        ("I know nothing", "I know nothing"),
    ],
    "list": [
        ("b, a and c", "a, b, c"),
        ("a, b, and c.", "a, b, c"),
        ("Answer: [b, a]", "a, b"),
        ('["a", "B"]', "a, b"),
        ("The answer is:\n- b\n- a\n\nThese two.", "a, b"),
        ("1. b\n2. a", "a, b"),
        ("a; b; a", "a, b"),
        ("a", "a"),
        ("", ""),
    ],
}


@pytest.mark.parametrize(
    ("name", "reply", "answer"), [(name, *case) for name, cases in CASES.items() for case in cases]
)
def test_what_is_found(name: str, reply: str, answer: str) -> None:
    assert EXTRACTORS[name](reply) == answer


def test_every_extractor_has_cases() -> None:
    assert set(CASES) == set(EXTRACTORS)


WORDS = st.text(alphabet="abcdefghij ,.!?\n", max_size=60)
NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.integers(-(10**9), 10**9).map(lambda n: f"{n:,}"),
    st.decimals(-10_000, 10_000, places=2).map(str),
)


@given(WORDS, NUMBERS, WORDS, st.sampled_from([" ", "\n", " $", " **", " ("]))
def test_a_number_planted_in_text_is_found(before: str, number: str, after: str, opening: str) -> None:
    planted = f"{before}{opening}{number} {after}"
    assert value(last_number(planted)) == value(number)


@given(WORDS, NUMBERS, NUMBERS, st.sampled_from(["####", "=>", "\nA:", "The answer is", "answer:", "**Answer:**"]))
def test_a_number_behind_a_marker_goes_before_all_others(before: str, number: str, other: str, marker: str) -> None:
    said = f"{before} {other} {marker} {number}\nand there were {other} more"
    assert value(last_number(said)) == value(number)
    assert value(last_number(f"{before} {other} \\boxed{{{number}}} {other}")) == value(number)


@given(WORDS, st.sampled_from("ABCDEFGH"), st.sampled_from(["The answer is {}.", "=> ({})", "So ({})", "\n{}) yes"]))
def test_a_letter_planted_in_text_is_found(before: str, choice: str, form: str) -> None:
    assert letter(f"{before} {form.format(choice)}") == choice


@given(st.sampled_from(["yes", "no"]), WORDS)
def test_a_verdict_behind_a_marker_is_found(verdict: str, before: str) -> None:
    assert yes_no(f"{before} The answer is {verdict}.") == verdict


@given(st.sets(st.text(alphabet="xyz", min_size=1, max_size=4), min_size=1, max_size=6))
def test_a_set_is_read_back_from_any_list_of_it(some: set[str]) -> None:
    ordered = sorted(some, reverse=True)
    for form in (", ".join(ordered), "\n".join(f"- {one}" for one in ordered), f"[{'; '.join(ordered)}]"):
        assert members(form) == some
        assert members(EXTRACTORS["list"](form)) == some


@pytest.mark.parametrize("name", EXTRACTORS)
@given(st.text())
def test_any_text_at_all_has_an_answer(name: str, reply: str) -> None:
    found = EXTRACTORS[name](reply)
    assert name == "whole" or found == found.strip()


@pytest.mark.parametrize("name", EXTRACTORS)
@pytest.mark.parametrize(
    "piece", ["(", " ", "\n", "1/", "1,", "{", "\\boxed{", "answer is ", "A ", "yes ", "- ", "a, and ", "9", "\\frac{"]
)
def test_long_hostile_replies_take_no_time(name: str, piece: str) -> None:
    """The suite's time limit would be passed by far if any of them took quadratic time."""
    EXTRACTORS[name]("x" + piece * (1_000_000 // len(piece)) + "x")


def test_every_gold_answer_of_gsm8k_is_found_in_its_solution() -> None:
    problems = records(GSM8K / "test.jsonl.gz")
    assert len(problems) == 1319
    for problem in problems:
        solution = problem.text("answer")
        gold = solution.rpartition("####")[2]
        assert value(last_number(solution)) == value(last_number(gold)) is not None


@pytest.mark.parametrize("model", ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"])
def test_recorded_solutions_of_gsm8k_are_judged_as_its_authors_did(model: str) -> None:
    problems, solutions = records(GSM8K / "test.jsonl.gz"), records(GSM8K / "example_model_solutions.jsonl.gz")
    for problem, recorded in zip(problems, solutions, strict=True):
        assert problem.text("question") == recorded.text("question")
        found = recorded.value(model)
        right = value(last_number(found["solution"])) == value(last_number(problem.text("answer")))
        assert right == found["is_correct"], found["solution"]


@pytest.mark.parametrize(
    ("model", "agreed"), [("mistralai/Mixtral-8x7B-Instruct-v0.1", 1307), ("gpt-4-1106-preview", 1276)]
)
def test_recorded_chat_answers_are_judged_as_they_were_unless_the_record_is_wrong(model: str, agreed: int) -> None:
    """The record took the last run of digits for the answer: ``$20.00`` was 00 to it, and wrong; ``-15`` was right
    where the answer is 15. Every single disagreement comes from that."""
    problems = records(GSM8K / "test.jsonl.gz")
    golds = {problem.text("question"): last_number(problem.text("answer")) for problem in problems}
    rows = [record.fields for record in records(GSM8K / "gsm8k_responses.csv.gz")]
    assert len(rows) == 1319
    agreeing = 0
    for row in rows:
        reply, recorded, gold = row[f"{model}_response"], row[model] == "True", golds[row["prompt"]]
        if (value(last_number(reply)) == value(gold)) == recorded:
            agreeing += 1
        else:
            digits = re.findall("[0-9]+", reply.replace(",", ""))
            assert (digits[-1] == gold) == recorded, reply
    assert agreeing == agreed
