"""Questions from files and from the zoo: what an item is, that splits are apart, and what is said of a bad file."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts.evaluations import Item
from agentnet.errors import BadInput
from agentnet.evals.datasets import LOADERS, Dataset, load
from agentnet.evals.datasets.splitting import split
from agentnet.evals.suite import DatasetSpec
from agentnet.files.shipped import shipped_folder
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct

DATA = Path(os.environ.get("AGENTNET_SHARED", Path(__file__).parents[3] / "shared")) / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the shared folder of real data is absent")


def spec(loader: str, path: str, **settings: Any) -> DatasetSpec:
    return DatasetSpec.model_validate({"from": loader, "path": path, **settings})


def loaded(folder: Path, loader: str, file: str, content: str, selection: int = 0, **settings: Any) -> Dataset:
    (folder / file).write_text(content, encoding="utf-8")
    return load(spec(loader, file, **settings), folder, selection=selection)


def lines(*objects: dict[str, Any]) -> str:
    return "\n".join(json.dumps(one) for one in objects) + "\n"


def only(dataset: Dataset) -> Item:
    (item,) = dataset.test
    return item


def test_gsm8k(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "gsm8k", "sums.jsonl", lines({"question": "2 * 600?", "answer": "2*600=<<2*600=1200>>\n#### 1,200"})
    )
    item = only(found)
    assert (item.text, item.answers, item.label, item.dataset) == ("2 * 600?", ("1200",), "sums", "sums")
    assert item.cluster == item.id
    assert found.grading.answer == "numeric"
    assert found.grading.score("That is $1,200.00.", item) == 1.0


@pytest.mark.parametrize(
    ("question", "target", "answer", "answers", "reply"),
    [
        ("Back?\nOptions:\n- Yes\n- No", "No", "yes-no", ("No",), "The answer is no."),
        ("First?\nOptions:\n(A) a jay\n(B) a quail", "(B)", "choice", ("B", "a quail"), "So the answer is (B)."),
        ("First?\nOptions:\n(A) a jay\n(B) a quail", "(B)", "choice", ("B", "a quail"), "A quail"),
        ("1 - 2 =", "-1", "numeric", ("-1",), "1 - 2 = -1."),
        ("not True is", "False", "exact", ("False",), "False."),
        ("Is it valid or invalid?", "invalid", "exact", ("invalid",), "The answer is invalid"),
        ("Sort: b a", "a b", "exact", ("a b",), "Answer: a, b"),
    ],
)
def test_the_targets_of_big_bench_hard_say_what_they_are(
    tmp_path: Path, question: str, target: str, answer: str, answers: tuple[str, ...], reply: str
) -> None:
    content = json.dumps({"canary": "…", "examples": [{"input": question, "target": target}]})
    found = loaded(tmp_path, "bbh", "some_task.json", content)
    item = only(found)
    assert (found.grading.answer, item.answers, item.label) == (answer, answers, "some_task")
    assert item.text.startswith(question)
    assert found.grading.score(reply, item) == 1.0


def test_boolq_asks_below_the_passage_and_clusters_by_it(tmp_path: Path) -> None:
    passages = ["Ice floats.", "Ice floats.", "Iron sinks."]
    content = lines(
        *({"question": f"is it {n}", "passage": passage, "answer": n == 0} for n, passage in enumerate(passages))
    )
    found = loaded(tmp_path, "boolq", "dev.jsonl", content, name="boolq")
    by_text = {item.text: item for item in found.test}
    first, second, third = (by_text[f"{passage}\n\nis it {n}\nAnswer yes or no."] for n, passage in enumerate(passages))
    assert first.answers == ("yes",)
    assert second.answers == ("no",)
    assert first.cluster == second.cluster != third.cluster
    assert found.grading.score("True", first) == 1.0


MMLU_CSV = '"Largest, of these?",1,2,3,4,D\nCapital of France?,Paris,Rome,Oslo,Bern,A\n'


def test_mmlu_as_csv_has_no_header(tmp_path: Path) -> None:
    found = loaded(tmp_path, "mmlu", "geography_test.csv", MMLU_CSV)
    largest, capital = sorted(found.test, key=lambda item: item.answers, reverse=True)
    assert largest.text.splitlines() == [
        "Largest, of these?",
        "A) 1",
        "B) 2",
        "C) 3",
        "D) 4",
        "Answer with the letter of the right choice.",
    ]
    assert (largest.answers, capital.answers) == (("D", "4"), ("A", "Paris"))
    with_header = loaded(tmp_path, "mmlu", "geography_test.csv", "question,A,B,C,D,answer\n" + MMLU_CSV)
    assert with_header == found


@pytest.mark.parametrize("answer", [1, "B", "(B)", "Rome", "1"])
def test_mmlu_as_jsonl_names_the_answer_in_any_way(tmp_path: Path, answer: Any) -> None:
    content = lines({"question": "Capital of Italy?", "choices": ["Paris", "Rome"], "answer": answer})
    item = only(loaded(tmp_path, "mmlu", "x.jsonl", content))
    assert item.answers == ("B", "Rome")


def test_ceval(tmp_path: Path) -> None:
    content = "\ufeffid,question,A,B,C,D,answer,explanation\n7,哪个城市是首都？,上海,北京,广州,深圳,B,因为\n"
    found = loaded(tmp_path, "ceval", "geography_val.csv", content)
    item = only(found)
    assert (item.id, item.cluster, item.answers) == ("7", "7", ("B", "北京"))
    assert found.grading.score("答案是B。", item) == 1.0


def test_a_table_says_where_things_stand(tmp_path: Path) -> None:
    content = "no,q,a,text,kind,group\nx1,Which colours?,red and blue,The flag is red and blue.,colours,g\n"
    found = loaded(
        tmp_path,
        "table",
        "flags.csv",
        content,
        answer="set",
        fields={"question": "q", "answer": "a", "id": "no", "label": "kind", "cluster": "group", "context": "text"},
    )
    item = only(found)
    assert (item.id, item.label) == ("x1", "colours")
    assert item.text == "The flag is red and blue.\n\nWhich colours?\nAnswer with a list, separated by commas."
    assert found.grading.score("blue, red", item) == 1.0


@pytest.mark.parametrize(
    ("answers", "kind"),
    [(["1", "2.5"], "numeric"), ([3, 4.5], "numeric"), ([True, False], "yes-no"), (["Paris", "1"], "exact")],
)
def test_a_table_is_what_its_answers_look_like(tmp_path: Path, answers: list[Any], kind: str) -> None:
    content = json.dumps([{"question": f"{n}?", "answer": answer} for n, answer in enumerate(answers)])
    found = loaded(tmp_path, "table", "x.json", content)
    assert found.grading.answer == kind
    assert len(found.test) == 2


@pytest.mark.parametrize(
    "choices",
    [
        ["Rome", "Oslo"],
        '["Rome", "Oslo"]',
        {"A": "Rome", "B": "Oslo"},
        {"text": ["Rome", "Oslo"], "label": ["A", "B"]},
    ],
)
def test_choices_are_a_list_or_named(tmp_path: Path, choices: Any) -> None:
    content = lines({"question": "North?", "options": choices, "answer": "B"})
    item = only(loaded(tmp_path, "table", "x.jsonl", content, fields={"choices": "options"}))
    assert item.answers == ("B", "Oslo")
    assert "A) Rome\nB) Oslo" in item.text


def test_several_answers_may_be_right(tmp_path: Path) -> None:
    found = loaded(tmp_path, "table", "x.jsonl", lines({"question": "US?", "answer": ["USA", "America"]}))
    assert found.grading.score("America", only(found)) == 1.0


def test_a_choice_that_reads_like_a_letter_is_not_taken_for_one(tmp_path: Path) -> None:
    content = lines({"question": "Grade?", "choices": ["B", "A"], "answer": "A"})
    assert only(loaded(tmp_path, "mmlu", "x.jsonl", content)).answers == ("A",)


def test_a_prompt_of_the_suite_replaces_the_own_one_and_leaves_the_id(tmp_path: Path) -> None:
    usual = loaded(tmp_path, "mmlu", "x.csv", MMLU_CSV, seed=1)
    own = "{{ question }} {% for choice in choices %}{{ choice.letter }}={{ choice.text }};{% endfor %}"
    asked = loaded(tmp_path, "mmlu", "x.csv", MMLU_CSV, seed=1, prompt=own)
    assert [item.id for item in asked.test] == [item.id for item in usual.test]
    assert "Capital of France? A=Paris;B=Rome;C=Oslo;D=Bern;" in {item.text for item in asked.test}


@pytest.mark.parametrize(
    ("settings", "label"),
    [({}, "kind"), ({"label": "own"}, "own"), ({"fields": {}}, "x"), ({"name": "n", "fields": {}}, "n")],
)
def test_labels(tmp_path: Path, settings: dict[str, Any], label: str) -> None:
    content = lines({"question": "1?", "answer": 1, "label": "kind"})
    settings = {"fields": {"label": "label"}, **settings}
    assert only(loaded(tmp_path, "table", "x.jsonl", content, **settings)).label == label


def test_a_file_named_after_its_split_is_called_like_its_folder(tmp_path: Path) -> None:
    (tmp_path / "sums").mkdir()
    found = loaded(tmp_path, "table", "sums/test.jsonl", lines({"question": "1?", "answer": 1}))
    assert found.name == "sums"


def sums(count: int) -> list[dict[str, Any]]:
    return [{"question": f"{n} + 1?", "answer": n + 1} for n in range(count)]


def test_repeated_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    found = loaded(tmp_path, "table", "x.jsonl", lines(*sums(3), *sums(2)))
    assert len(found.test) == 3
    assert found.repeated == 2


def test_one_question_under_two_ids_is_one_item(tmp_path: Path) -> None:
    rows = lines(*({"id": n, "question": "1 + 1?", "answer": 2} for n in (8, 9)))
    found = loaded(tmp_path, "table", "x.jsonl", rows, fields={"id": "id"})
    assert (only(found).id, found.repeated) == ("8", 1)


def test_ids_do_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    rows = sums(20)
    one = loaded(tmp_path, "table", "x.jsonl", lines(*rows))
    other = loaded(tmp_path, "table", "x.jsonl", lines(*rows[::-1]))
    assert {item.id: item.text for item in one.test} == {item.id: item.text for item in other.test}


def test_the_seed_decides_the_order(tmp_path: Path) -> None:
    rows = lines(*sums(50))
    one, again, other = (loaded(tmp_path, "table", "x.jsonl", rows, 10, items=20, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert (len(one.selection), len(one.test)) == (10, 20)


@pytest.mark.parametrize(
    ("count", "selection", "items", "sizes"),
    [
        (30, 10, None, (10, 20)),
        (30, 10, 20, (10, 20)),
        (30, 20, 10, (20, 10)),
        (30, 20, None, (10, 20)),
        (30, 100, 100, (10, 20)),
        (30, 0, 100, (0, 30)),
        (2, 100, None, (0, 2)),
        (1, 100, 1, (0, 1)),
    ],
)
def test_too_small_a_file_gives_a_third_to_selection(
    tmp_path: Path, count: int, selection: int, items: int | None, sizes: tuple[int, int]
) -> None:
    found = loaded(tmp_path, "table", "x.jsonl", lines(*sums(count)), selection, items=items)
    assert (len(found.selection), len(found.test)) == sizes


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 60), st.none() | st.integers(1, 60))
def test_splits_are_apart(clusters: Sequence[int], selection: int, test: int | None) -> None:
    items = [
        Item(dataset="d", id=str(n), text="?", answers=("1",), label="d", cluster=str(cluster))
        for n, cluster in enumerate(clusters)
    ]
    random.Random(1).shuffle(items)
    apart, asked = split(items, selection, test)
    assert not {item.cluster for item in apart} & {item.cluster for item in asked}
    assert len(apart) <= selection
    assert 1 <= len(asked) <= (test or len(items))
    if test is None:
        assert {*apart, *asked} == set(items)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_zoo_gives_held_out_items_in_their_order(family: str) -> None:
    wanted = DatasetSpec.model_validate({"from": "zoo", "family": family, "items": 20, "seed": 3})
    found = load(wanted, Path(), selection=10)
    assert (found.name, len(found.test), len(found.selection)) == (family, 20, 10)
    expected = distinct(FAMILIES[family], "test", 3, 30)
    assert {item.text for item in (*found.selection, *found.test)} == {item.question for item in expected}
    assert not {item.cluster for item in found.selection} & {item.cluster for item in found.test}
    answers = {item.question: item.answer for item in expected}
    for item in found.test:
        assert item.label == family
        assert found.grading.score(answers[item.text], item) == 1.0
    without = load(wanted, Path(), selection=0)
    assert [item.text for item in without.test] == [item.question for item in expected[:20]]


def test_an_unknown_family_is_told_with_the_closest() -> None:
    with pytest.raises(BadInput, match="no family of the zoo 'maths', did you mean 'math'"):
        load(DatasetSpec.model_validate({"from": "zoo", "family": "maths", "items": 1}), Path(), selection=0)


@pytest.mark.parametrize(
    ("loader", "name", "content", "settings", "message"),
    [
        ("table", "x.jsonl", "", {}, "x.jsonl: there is no item in it"),
        ("mmlu", "x.csv", "\n", {}, "x.csv: there is no item in it"),
        ("table", "x.csv", "question,answer\n", {}, "x.csv: there is no item in it"),
        ("table", "x.txt", "", {}, "x.txt: unknown format; use .jsonl"),
        ("table", "x.jsonl", '{"question": "?", "answer": 1}\n\n{"question"\n', {}, "x.jsonl:3: not JSON: "),
        ("table", "x.json", "[\n{,\n]", {}, "x.json:2: not JSON: "),
        ("table", "x.json", "{}\n{}", {}, "is it JSONL? Name it .jsonl"),
        ("table", "x.json", "3", {}, "x.json: should be a list of objects, it is a number"),
        ("table", "x.json", "[3]", {}, "x.json: item 1: should be an object with fields"),
        ("table", "x.json", '{"a": [], "b": []}', {}, "an object with 2 lists in it"),
        ("table", "x.json", "[" * 100_000, {}, "x.json: not usable JSON"),
        ("table", "x.jsonl", '{"q": "?", "answer": 1}', {}, "x.jsonl:1: no field 'question' (there are: q, answer)"),
        ("table", "x.jsonl", '{"question": "?", "answer": null}', {}, "x.jsonl:1: no field 'answer'"),
        ("table", "x.jsonl", '{"question": " ", "answer": 1}', {}, "x.jsonl:1: 'question' is empty"),
        ("table", "x.jsonl", '{"question": [], "answer": 1}', {}, "'question' should be text, it is a list"),
        ("table", "x.jsonl", '{"question": "?", "answer": []}', {}, "'answer' should be a list of texts"),
        ("table", "x.csv", "question,answer\n?,1\n?,1,2\n", {}, "x.csv:3: 3 columns where the header has 2"),
        ("table", "x.csv", 'question,answer\n"?,1\n', {}, "x.csv:2: not CSV: "),
        ("table", "x.csv", "question,question\n?,1\n", {}, "x.csv:1: two columns have the same name"),
        ("table", "x.csv", "question,answer\n?,many\n", {"answer": "numeric"}, "x.csv:2: the answer 'many' is not a n"),
        (
            "table",
            "x.csv",
            "id,question,answer\n1,a,1\n1,b,1\n",
            {"fields": {"id": "id"}},
            "x.csv:3: the id '1' belongs to another item already, at",
        ),
        ("mmlu", "x.csv", "?,a,b,c,d,E\n", {}, "x.csv:1: the answer 'E' is none of the choices (A, B, C, D)"),
        ("mmlu", "x.csv", "?,a\n", {}, "x.csv:1: 2 columns"),
        ("mmlu", "x.jsonl", '{"question": "?", "choices": ["a"], "answer": 0}', {}, "x.jsonl:1: 1 choices"),
        ("mmlu", "x.jsonl", '{"question": "?", "choices": ["a", "b"], "answer": 2}', {}, "the answer '2' is none of"),
        ("mmlu", "x.jsonl", '{"question": "?", "choices": "a", "answer": 2}', {}, "'choices' should be a list"),
        ("ceval", "x.csv", "id,question,A,B,C,D\n1,?,a,b,c,d\n", {}, "x.csv:2: no field 'answer'"),
        ("gsm8k", "x.jsonl", '{"question": "?", "answer": "5"}', {}, "x.jsonl:1: no #### in 'answer'"),
        ("gsm8k", "x.jsonl", '{"question": "?", "answer": "#### x"}', {}, "x.jsonl:1: the answer 'x' is not a number"),
        ("bbh", "x.json", '[{"input": "?", "target": "(A)"}]', {}, "item 1: the input lists no choices"),
        ("bbh", "x.json", '[{"input": "(A) a\\n(B) b", "target": "(C)"}]', {}, "the answer '(C)' is none of"),
        ("table", "x.csv", "question,answer\n?,1\n", {"prompt": "{% if"}, "prompt: "),
        ("table", "x.csv", "question,answer\n?,1\n", {"prompt": "{{ query }}"}, "x.csv:2: prompt: UndefinedError"),
        ("table", "x.csv", "question,answer\n?,1\n", {"prompt": "{{ ''.__class__ }}"}, "prompt: SecurityError"),
        ("table", "x.csv", "question,answer\n?,1\n", {"prompt": "{{ context }}"}, "the prompt comes out empty"),
        ("table", "x.csv", "question,answer\n?,1\n", {"score": "equal"}, "no scorer 'equal'"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    tmp_path: Path, loader: str, name: str, content: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as error:
        loaded(tmp_path, loader, name, content, **settings)
    assert message in str(error.value)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path, loader: str) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.json: no such file"):
        load(spec(loader, "nowhere.json"), tmp_path, selection=0)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(BadInput, match=r"folder\.json: cannot be read"):
        load(spec(loader, "folder.json"), tmp_path, selection=0)
    (tmp_path / "latin.json").write_bytes(b'[{"question": "caf\xe9"}]')
    with pytest.raises(BadInput, match=r"latin\.json: not UTF-8 \(byte 18\)"):
        load(spec(loader, "latin.json"), tmp_path, selection=0)


def test_the_real_gsm8k() -> None:
    found = load(spec("gsm8k", "gsm8k/test.jsonl.gz"), shipped_folder("evals") / "data", selection=0)
    assert (found.name, len(found.test), found.repeated) == ("gsm8k", 1319, 0)
    assert all(found.grading.score(item.answers[0], item) == 1.0 for item in found.test)


@real
@pytest.mark.parametrize(
    ("task", "answer", "scorer"),
    [
        ("boolean_expressions", "exact", "same"),
        ("date_understanding", "choice", "choice"),
        ("logical_deduction_three_objects", "choice", "choice"),
        ("multistep_arithmetic_two", "numeric", "number"),
        ("navigate", "yes-no", "yes-no"),
        ("object_counting", "numeric", "number"),
        ("web_of_lies", "yes-no", "yes-no"),
        ("word_sorting", "exact", "words"),
    ],
)
def test_the_real_big_bench_hard(task: str, answer: str, scorer: str) -> None:
    found = load(spec("bbh", f"bbh/{task}.json", items=150), DATA, selection=100)
    assert (found.grading.answer, found.grading.scorer) == (answer, scorer)
    assert (len(found.selection), len(found.test)) == (100, 150)
    for item in found.test:
        assert found.grading.score(f"So the answer is {item.answers[0]}.", item) == 1.0
        assert all(found.grading.score(gold, item) == 1.0 for gold in item.answers)
