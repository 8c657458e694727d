"""The suite of tools: its questions are generated, right, and beyond what the zoo was trained on."""

from __future__ import annotations

import json
import re

from agentnet.evals.loading import shipped_suites
from agentnet.files.shipped import shipped_folder
from agentnet.network import find_network
from tools.large_sums import FILE, questions, text


def test_the_file_is_what_the_generator_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == text()


def test_every_number_is_beyond_the_training_and_every_answer_right() -> None:
    for line in FILE.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        first, second = map(int, re.findall(r"\d+", item["question"]))
        answers = {first + second, abs(first - second), first * second}
        assert int(item["answer"]) in answers
        assert max(first, second) >= 1000
        assert min(first, second) >= 100
    assert len({item["question"] for item in questions()}) == 400
    assert questions(50, seed=1) != questions(50, seed=2)


def test_the_suite_compares_members_with_and_without_the_calculator() -> None:
    suite = shipped_suites()["tools"]
    spec, _ = find_network(suite.network, beside=shipped_folder("evals"))
    tooled = {agent.name for agent in spec.agents if agent.tools is not None}
    assert tooled == {"math-calculator", "scout-calculator", "atlas-calculator"}
    assert {name.removesuffix("-calculator") for name in tooled} < set(suite.members) - tooled
    assert not any(agent.card.measured for agent in spec.agents if agent.tools is not None)
