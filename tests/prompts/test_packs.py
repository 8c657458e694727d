"""Prompt packs: the shared part comes first, the role last, and reading a reply back is strict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.agents.forms import closed_replies
from agentnet.contracts.bodies import Task
from agentnet.errors import NetworkError
from agentnet.prompts import Entry, Pack, find_pack, letter, shipped_packs

every_pack = pytest.mark.parametrize(
    "pack", [find_pack(name) for name in shipped_packs() if name != "recorded"], ids=lambda pack: pack.name
)


def visible(text: str) -> str:
    """Words as honest members write them: nothing in them is quoted, cut, joined or taken out."""
    return " ".join("".join(letter for letter in text if letter.isalnum() or letter == " ").split()) or "x"


lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=60).map(visible)
entries = st.lists(
    st.builds(
        Entry,
        letter=st.just("A"),
        name=lines,
        kind=st.sampled_from(["proposal", "revision", "critique", "verdict"]),
        answer=lines,
        text=lines,
        verdict=st.sampled_from(["", "approve", "disapprove"]),
    ),
    max_size=5,
)


def beginning(*texts: str) -> str:
    """What some texts have in common at their beginning."""
    for place, letters in enumerate(zip(*texts, strict=False)):
        if len(set(letters)) > 1:
            return texts[0][:place]
    return min(texts, key=len)


def rendered(pack: Pack, task: Task, read: list[Entry]) -> dict[str, str]:
    asked = [(role, True) for role in sorted(pack.roles)] + [("verify", False), ("choose", False)]
    context: dict[str, Any] = {"scale": ("A", "B", "C"), "max_steps": 5, "name": "ada"}
    calling: dict[str, Any] = {"tools": [], "most": 4, "must": False}
    return {
        role + ("" if reason else " alone"): pack.render(
            role, task, read, reason=reason, labels=["math", "code"], **context, **calling
        )
        for role, reason in asked
    }


@every_pack
@given(text=lines, read=entries)
def test_the_prompts_of_all_roles_share_everything_but_their_end(pack: Pack, text: str, read: list[Entry]) -> None:
    """The key-value cache of one agent's turn serves the next: only the role's own words differ."""
    task = Task(text=text)
    prompts = rendered(pack, task, read)
    shared = beginning(*prompts.values())
    for said in [text, *(entry.answer if pack.name == "compact" else entry.text for entry in read)]:
        assert said[: pack.spec.longest_answer] in shared
    bare = rendered(pack, Task(text="x"), [])
    bare_shared = beginning(*bare.values())
    for role, prompt in prompts.items():
        if not role.startswith("choose"):  # its instruction lists the letters
            assert prompt.removeprefix(shared) == bare[role].removeprefix(bare_shared)


@every_pack
@given(text=lines, read=entries, more=entries)
def test_a_longer_transcript_only_adds_behind_the_task(
    pack: Pack, text: str, read: list[Entry], more: list[Entry]
) -> None:
    short = pack.render("revise", Task(text=text), read, labels=[], max_steps=5, name="ada")
    long = pack.render("revise", Task(text=text), read + more, labels=[], max_steps=5, name="ada")
    assert len(beginning(short, long)) >= len(text)


@every_pack
def test_a_prompt_says_nothing_of_who_is_asked(pack: Pack) -> None:
    one, other = (
        pack.render("solve", Task(text="x"), [], labels=[], max_steps=5, name=name) for name in ("ada", "ben")
    )
    assert one == other


def test_a_choice_alone_is_asked_for_in_the_form_in_which_it_is_scored() -> None:
    read = [Entry(place, "ada", "proposal", "1", "1") for place in ("A", "B")]
    pack = find_pack("instruct")
    verify, choose = (pack.render(role, Task(text="x"), read, reason=False) for role in ("verify", "choose"))
    assert all(reply in verify for reply in closed_replies("verify"))
    assert '{"choice": one of "A", "B"}' in choose
    assert 'reason":' not in verify + choose


def test_the_zoo_reads_the_prompts_that_it_was_trained_with_whether_it_writes_or_scores() -> None:
    read = [Entry("A", "ada", "proposal", "1", "1")]
    for role in ("verify", "choose"):
        one, other = (
            find_pack("compact").render(role, Task(text="x"), read, reason=reason) for reason in (True, False)
        )
        assert one == other == f"x\nA: 1\n{role}"


@every_pack
def test_template_language_in_a_task_is_only_text(pack: Pack) -> None:
    text = "{{ 7 * 7 }} {% include 'pack.yaml' %} {{ transcript }}"
    assert text in pack.render("solve", Task(text=text), [], labels=[], max_steps=5, name="ada")


def test_letters_go_on_after_z() -> None:
    assert [letter(place) for place in (0, 1, 25, 26, 51, 52)] == ["A", "B", "Z", "A2", "Z2", "A3"]
    assert len({letter(place) for place in range(500)}) == 500


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("working\nAnswer: 391", "391"),
        ("Answer: 1\nno, wait\nAnswer: 2\nbye", "2"),
        ("**Answer:** 391", "391"),
        ("**Answer: 391**", "391"),
        ("Answer:\n\n391", "391"),
        ("Answer: *", "*"),
        ("Answer:", None),
        ("391", None),
        ("", None),
    ],
)
def test_the_final_answer_stands_behind_the_last_marker(text: str, answer: str | None) -> None:
    assert find_pack("instruct").final_answer(text) == answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "pack.yaml").write_text("name: mine\nanswer_marker: '>'\ntemplates: {solve: solve.j2}\n")
    (place / "solve.j2").write_text("{{ task.text }}")
    return place


def test_a_pack_beside_the_network_file_is_found_first(folder: Path) -> None:
    (folder.parent / "compact").mkdir()
    for file in folder.iterdir():
        (folder.parent / "compact" / file.name).write_text(file.read_text())
    assert find_pack("compact", beside=folder.parent).name == "mine"
    assert find_pack("compact").name == "compact"


@pytest.mark.parametrize(
    "attack",
    [
        "{{ task.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ task.model_copy.__globals__ }}",
        "{{ labels.append('x') }}",
        "{{ transcript._x }}",
    ],
)
def test_a_template_can_do_nothing_but_read(folder: Path, attack: str) -> None:
    (folder / "solve.j2").write_text(attack)
    with pytest.raises(NetworkError, match="prompt pack mine, role solve"):
        Pack(folder).render("solve", Task(text="x"), [], labels=[], max_steps=5, name="ada")


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("pack.yaml", "name: [", "pack.yaml is not YAML"),
        ("pack.yaml", "name: x", "pack.yaml: answer_marker: Field required"),
        ("pack.yaml", "[]", "pack.yaml: "),
        ("solve.j2", "{% if %}", "TemplateSyntaxError"),
        ("pack.yaml", "name: x\nanswer_marker: '>'\ntemplates: {solve: gone.j2}", "TemplateNotFound"),
    ],
)
def test_a_broken_pack_is_refused_with_its_folder(folder: Path, file: str, text: str, problem: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(NetworkError) as caught:
        Pack(folder)
    assert str(folder) in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("template", "problem"),
    [("{{ mood }}", "'mood' is undefined"), ("{{ 1 / 0 }}", "ZeroDivisionError"), ("{{ task.text + 1 }}", "TypeError")],
)
def test_a_template_that_fails_is_named(folder: Path, template: str, problem: str) -> None:
    (folder / "solve.j2").write_text(template)
    with pytest.raises(NetworkError, match=f"prompt pack mine, role solve: .*{problem}"):
        Pack(folder).render("solve", Task(text="x"))


def test_an_unknown_pack_or_role_is_refused() -> None:
    with pytest.raises(NetworkError, match="no prompt pack 'poetic': the shipped ones are compact, instruct"):
        find_pack("poetic")
    with pytest.raises(NetworkError, match="compact has no template for the role 'critique'"):
        find_pack("compact").render("critique", Task(text="x"))
