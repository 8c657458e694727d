"""Recorded answers: given again word for word, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentnet.agents import ModelAgent
from agentnet.contracts.bodies import Error, Proposal, Task
from agentnet.contracts.model_specs import ReplaySpec
from agentnet.contracts.network import NetworkSpec
from agentnet.coordinator import Coordinator
from agentnet.errors import ModelFileError, NotRecorded, PreflightError
from agentnet.files.shipped import shipped_folder
from agentnet.files.tables import records
from agentnet.models.base import Request
from agentnet.models.replay import ReplayModel
from agentnet.network import Registry, find_network
from tests.scripted import spec

EVALS = shipped_folder("evals")

LINES = [
    {
        "question": "What is “two”  + 2?",
        "big": {"solution": "2 + 2 = <<2+2=4>>4\n#### 4", "tokens": 9},
        "small": "A: 5",
    },
    {"question": "What is 3 + 3?", "big": {"solution": "It is $6.00 in all.", "tokens": "7"}, "small": "A: 6"},
]


def written(folder: Path, *lines: object) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines or LINES))
    return path


def replay(path: Path, **settings: object) -> ReplayModel:
    return ReplayModel(path, ReplaySpec.model_validate({"replay": path.name, "reply": "big.solution", **settings}))


def ask(text: str, *more: str) -> Request:
    return Request(tuple({"role": "user", "content": content} for content in (text, *more)))


async def test_a_recorded_reply_is_given_word_for_word(tmp_path: Path) -> None:
    model = replay(written(tmp_path))
    completion = await model.generate(ask('What is "two" + 2?'))
    assert completion.text == "2 + 2 = <<2+2=4>>4\n#### 4"
    assert [chunk.text async for chunk in model.stream(ask('What is "two" + 2?'))] == [completion.text]


async def test_tokens_are_recorded_or_estimated_and_calls_multiply_them(tmp_path: Path) -> None:
    path = written(tmp_path)
    question = ask("What is 3 + 3?")
    estimated = (await replay(path).generate(question)).usage
    assert (estimated.calls, estimated.prompt_tokens, estimated.completion_tokens) == (1, 4, 5)
    told = (await replay(path, tokens="big.tokens", calls=100).generate(question)).usage
    assert (told.calls, told.prompt_tokens, told.completion_tokens) == (100, 400, 700)


@pytest.mark.parametrize("asked", [("What is 4 + 4?",), ("What is 3 + 3? ann: 6",), ("What is 3 + 3?", "Sure?"), ("",)])
async def test_what_was_not_recorded_is_refused(tmp_path: Path, asked: tuple[str, ...]) -> None:
    with pytest.raises(NotRecorded, match="only be asked what was recorded"):
        await replay(written(tmp_path)).generate(ask(*asked))


@pytest.mark.parametrize(
    ("lines", "settings", "says"),
    [
        ([{"question": "1?", "big": {}}], {}, r"answers.jsonl:1: no field 'big.solution' \(there are: question, big\)"),
        ([{"question": "1?", "big": {"solution": 4}}], {}, "should be text, it is int"),
        ([{"question": "1?", "reply": "1"}, {"question": " 1?", "reply": "2"}], {"reply": "reply"}, "another reply"),
        (
            [{"question": "1?", "reply": "1", "n": "x"}],
            {"reply": "reply", "tokens": "n"},
            "should be a number of tokens",
        ),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, lines: list[object], settings: dict[str, str], says: str) -> None:
    with pytest.raises(ModelFileError, match=says):
        replay(written(tmp_path, *lines), **settings)
    with pytest.raises(ModelFileError, match="no such file"):
        replay(tmp_path / "none.jsonl")


def team(folder: Path) -> NetworkSpec:
    path = written(folder)
    agents = [
        {"name": name, "pack": "recorded", "model": {"replay": str(path), "reply": reply}}
        for name, reply in (("big", "big.solution"), ("small", "small"))
    ]
    return NetworkSpec.model_validate({"name": "team", "agents": agents})


async def test_recorded_answers_are_read_by_their_last_number_and_can_be_voted_on(tmp_path: Path) -> None:
    async with Registry.open(team(tmp_path)) as network:
        vote = spec({"parallel": {"branches": ["big", "small"]}})
        outcome = await Coordinator(network).run(Task(text="What is 3 + 3?"), vote)
        answers = {m.sender: m.body.answer for m in outcome.messages if isinstance(m.body, Proposal)}
        assert answers == {"big": "6", "small": "6"}
        assert outcome.answer == "6"
        lost = await Coordinator(network).run(Task(text="What is 4 + 4?"), vote)
        assert lost.status == "failed"
        assert {m.body.code for m in lost.messages if isinstance(m.body, Error)} >= {"not-recorded"}


@pytest.mark.parametrize(
    "protocol",
    [
        {"serial": {"steps": ["big", "small"]}},
        {"debate": {"members": ["big", "small"], "rounds": 2}},
        {"verify": {"proposer": "big", "verifier": "small"}},
        {"parallel": {"branches": ["big", "small"], "decide": {"judge": "big"}}},
        {"fuse": {"members": ["big", "small"]}},
    ],
)
async def test_a_replay_cannot_take_part_in_a_conversation(tmp_path: Path, protocol: dict[str, object]) -> None:
    async with Registry.open(team(tmp_path)) as network:
        with pytest.raises(PreflightError, match=r"has no template for it|does not show its next tokens"):
            await Coordinator(network).run(Task(text="What is 3 + 3?"), spec(protocol))


async def test_the_six_recorded_models_are_as_good_as_they_were() -> None:
    """By our reading of their replies. Of gpt-4 the record calls 42 right answers wrong ('$20.00' was read as '00')."""
    from agentnet.answers.numbers import value

    gold = [problem.fields for problem in records(EVALS / "data" / "gsm8k" / "test.jsonl.gz")]
    found, base = find_network(str(EVALS / "networks" / "gsm8k-recorded.yaml"))
    right: dict[str, int] = {}
    async with Registry.open(found, base) as network:
        for agent in network.snapshot():
            assert isinstance(agent, ModelAgent)
            right[agent.name] = 0
            for item in gold:
                completion = await agent.model.generate(ask(item["question"]))
                answer = agent.pack.final_answer(completion.text) or ""
                expected = item["answer"].rpartition("####")[2].replace(",", "").strip()
                right[agent.name] += value(answer) == value(expected)
    assert right == {
        "gpt-4": 1171,
        "mixtral": 842,
        "verifier-175b": 742,
        "ft-175b": 458,
        "verifier-6b": 515,
        "ft-6b": 286,
    }
