"""Task analysis: the kind of a task from its text alone, and none where it is not certain."""

from __future__ import annotations

import json
import random
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agentnet.analysis import Analyzer, fit, load
from agentnet.analysis.features import MOST_CHARACTERS, excerpt, ngrams
from agentnet.analysis.fitting import exact_lower_bound
from agentnet.errors import BadInput, PolicyError
from agentnet.files.yaml import load_yaml
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct

STRANGE = (
    "Write a poem about the sea.",
    "Who is liable for the damage?",
    "Übersetze diesen Satz ins Englische, bitte!",
    "def f(x): return [y for y in x if y]",
)


def questions(count: int, seed: int) -> list[tuple[str, str]]:
    """Held-out questions of the zoo's families, with their labels."""
    return [
        (item.question, name) for name, family in FAMILIES.items() for item in distinct(family, "test", seed, count)
    ]


@pytest.fixture(scope="module")
def learned() -> list[tuple[str, str]]:
    return questions(60, 1)


@pytest.fixture(scope="module")
def analyzer(learned: list[tuple[str, str]]) -> Analyzer:
    return fit([text for text, _ in learned], [label for _, label in learned])


def test_the_kind_of_a_task_that_it_has_not_seen_is_found(analyzer: Analyzer, learned: list[tuple[str, str]]) -> None:
    known = {text for text, _ in learned}
    fresh = [(text, label) for text, label in questions(60, 2) if text not in known]
    found = [(analyzer.analyze(text), label) for text, label in fresh]
    given = [(analysis, label) for analysis, label in found if not analysis.unknown]
    assert len(given) > 0.85 * len(found)
    assert sum(analysis.label == label for analysis, label in given) > 0.97 * len(given)
    for analysis, _ in found:
        shares = list(analysis.shares.values())
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1.001


@pytest.mark.parametrize("text", STRANGE)
def test_a_task_unlike_all_known_ones_is_unknown(analyzer: Analyzer, text: str) -> None:
    analysis = analyzer.analyze(text)
    assert analysis.unknown
    assert analysis.label is None
    assert analysis.text == text


@pytest.mark.slow
def test_labels_that_say_nothing_are_never_given(learned: list[tuple[str, str]]) -> None:
    texts, labels = [text for text, _ in learned], [label for _, label in learned]
    random.Random(0).shuffle(labels)
    shuffled = fit(texts, labels)
    assert all(shuffled.analyze(text).unknown for text in texts)
    assert "could not be told apart" in str(shuffled)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_one_kind_of_task_says_nothing_about_others(count: int) -> None:
    analyzer = fit([f"What is {number} + 1?" for number in range(count)], ["math"] * count)
    assert analyzer.analyze("What is 2 + 1?").unknown
    assert load(analyzer.data()).analyze("What is 2 + 1?").unknown


def test_two_kinds_of_a_single_task_each_are_not_told_apart() -> None:
    analyzer = fit(["What is 1 + 1?", "Name a river."], ["math", "facts"])
    assert analyzer.analyze("What is 1 + 1?").unknown
    assert analyzer.labels == ("facts", "math")


def test_two_kinds_are_told_apart() -> None:
    sums = [f"What is {number} + {number % 7}?" for number in range(60)]
    names = [f"Name the river number {number} of {land}." for number, land in enumerate(("Peru", "Chile") * 30)]
    analyzer = fit(sums + names, ["math"] * 60 + ["facts"] * 60)
    assert analyzer.analyze("What is 99 + 5?").label == "math"
    assert analyzer.analyze("Name the river number 99 of Peru.").label == "facts"


@pytest.mark.parametrize(
    "through", [json.dumps, lambda data: yaml.safe_dump(data, allow_unicode=True, width=100)], ids=["json", "yaml"]
)
def test_it_survives_a_file(analyzer: Analyzer, through: Any, learned: list[tuple[str, str]]) -> None:
    again = load(load_yaml(through(analyzer.data())))
    for text in [*STRANGE, *(text for text, _ in learned[::7])]:
        assert again.analyze(text) == analyzer.analyze(text)
    assert str(again) == str(analyzer)


def test_the_same_questions_and_seed_give_the_same_analyzer(learned: list[tuple[str, str]]) -> None:
    some = learned[::3]
    texts, labels = [text for text, _ in some], [label for _, label in some]
    assert fit(texts, labels, 5).data() == fit(texts, labels, 5).data()


def test_scikit_learn_is_needed_for_learning_only(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    data = analyzer.data()
    for module in [name for name in sys.modules if name.partition(".")[0] in ("sklearn", "scipy")]:
        monkeypatch.setitem(sys.modules, module, None)
    for module in ("sklearn", "sklearn.linear_model", "scipy.sparse"):
        monkeypatch.setitem(sys.modules, module, None)
    assert load(data).analyze("What is 17 * 23?").label == "math"
    with pytest.raises(BadInput, match=r"pip install 'agentnet-ai\[learn\]'"):
        fit(["What is 1 + 1?", "Name a river."], ["math", "facts"])


@pytest.mark.parametrize(("texts", "labels"), [([], []), (["a"], []), (["a", "b"], ["x"])])
def test_questions_without_labels_are_refused(texts: list[str], labels: list[str]) -> None:
    with pytest.raises(BadInput, match="questions with labels"):
        fit(texts, labels)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "tarot"}, "analyzer: kind: "),
        ({"weights": "???"}, "analyzer: weights: is not base64"),
        ({"weights": "AAA="}, "analyzer: weights: holds no whole numbers of four bytes"),
        ({"bias": [0.0]}, "analyzer: weights and bias are not of all labels"),
        ({"ngrams": "a\nb"}, "analyzer: the weights are not of all n-grams"),
        ({"labels": []}, "analyzer: labels: "),
        ({"colour": "red"}, "analyzer: colour: "),
        ({"kind": "embeddings", "model": "bert.gguf"}, "by the embeddings of 'bert.gguf', and the network names none"),
    ],
)
def test_a_damaged_one_is_refused_in_one_line(analyzer: Analyzer, change: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words) as refused:
        load({**analyzer.data(), **change})
    assert "\n" not in str(refused.value)


@given(text=st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_can_be_analyzed(analyzer: Analyzer, text: str) -> None:
    analysis = analyzer.analyze(text)
    assert analysis.label is None or analysis.label in analyzer.labels


def test_a_long_text_is_read_at_both_ends() -> None:
    text = "a" * MOST_CHARACTERS + "middle" + "b" * MOST_CHARACTERS
    assert len(excerpt(text)) == MOST_CHARACTERS + 1
    assert excerpt(text).startswith("aaa")
    assert excerpt(text).endswith("bbb")
    assert excerpt("short") == "short"


def test_numbers_case_and_space_make_no_difference() -> None:
    assert ngrams("What is  12 + 345?") == ngrams("what IS\n7 + 8?")


def test_the_exact_bound_is_that_of_clopper_and_pearson() -> None:
    """For no error among n, the bound is the n-th root of the error (Clopper and Pearson 1934)."""
    assert exact_lower_bound(50, 50, 0.05) == pytest.approx(0.05 ** (1 / 50))
    assert exact_lower_bound(0, 50, 0.05) == 0
    assert exact_lower_bound(45, 50, 0.05) == pytest.approx(0.8008, abs=1e-3)
