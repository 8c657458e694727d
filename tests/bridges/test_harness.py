"""lm-evaluation-harness evaluates a protocol: its own `simple_evaluate`, and its own command line."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agentnet.agents import Turn
from agentnet.contracts.bodies import Task
from agentnet.errors import BadInput, PreflightError
from agentnet.models.base import Scorer
from agentnet.session import open_session
from agentnet.zoo.families.base import Item
from tests.bridges.conftest import accuracy, direct

if find_spec("lm_eval") is None:
    pytest.skip('lm-eval is not installed: pip install "agentnet-ai[lm-eval]"', allow_module_level=True)

import lm_eval
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager

from agentnet.bridges.harness import main
from agentnet.bridges.harness_model import NetworkLM, until

ROOT = Path(__file__).parents[2]

SUMS = """
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: items.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\\n\\n"]}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
CHOICES = """
task: choices
dataset_path: json
dataset_kwargs: {data_files: {test: items.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: gold
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""


@pytest.fixture
def tasks(items: list[Item], tmp_path: Path) -> TaskManager:
    """Two tasks in a folder, on the same items: answers that are written, and solutions to choose among."""
    rows = [
        {"question": item.question, "answer": item.answer, "choices": solutions(item, place % 3), "gold": place % 3}
        for place, item in enumerate(items)
    ]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "sums.yaml").write_text(SUMS)
    (tmp_path / "choices.yaml").write_text(CHOICES)
    return TaskManager(include_path=str(tmp_path), include_defaults=False)


def solutions(item: Item, right: int) -> list[str]:
    """Three worked solutions, two of which end with another answer."""
    found = [f"{item.solution.removesuffix(item.answer)}{wrong}" for wrong in item.wrong[:2]]
    return [*found[:right], item.solution, *found[right:]]


def evaluated(tasks: TaskManager, name: str, **arguments: Any) -> dict[str, Any]:
    found = lm_eval.simple_evaluate(
        "agentnet", model_args=arguments, tasks=[name], task_manager=tasks, bootstrap_iters=0
    )
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("protocol", ["best", "vote"])
def test_the_harness_finds_the_accuracy_that_the_network_has(
    protocol: str, tasks: TaskManager, items: list[Item]
) -> None:
    outcomes = direct(protocol, items, "math")
    found = evaluated(tasks, "sums", protocol=protocol, network="zoo", label="math")
    assert found["results"]["sums"]["exact_match,none"] == accuracy(outcomes, items)
    samples = sorted(found["samples"]["sums"], key=lambda sample: int(sample["doc_id"]))
    assert [sample["resps"] for sample in samples] == [[[outcome.answer]] for outcome in outcomes]


def test_choices_are_weighed_as_the_agent_itself_scores_them(tasks: TaskManager, items: list[Item]) -> None:
    async def directly() -> list[tuple[float, ...]]:
        async with open_session("zoo", remember=False) as place:
            agent = place.network["math"]
            assert isinstance(agent.model, Scorer)
            requests = [agent.request(Turn("solve", Task(text=item.question, label="math"))) for item in items]
            return [
                (await agent.model.score(request, solutions(item, number % 3))).totals
                for number, (request, item) in enumerate(zip(requests, items, strict=True))
            ]

    expected = asyncio.run(directly())
    right = [max(range(3), key=totals.__getitem__) == number % 3 for number, totals in enumerate(expected)]
    found = evaluated(tasks, "choices", protocol="best", network="zoo", label="math")
    assert found["results"]["choices"]["acc,none"] == sum(right) / len(right) == 1
    for sample in found["samples"]["choices"]:
        number = int(sample["doc_id"])
        scores = [float(response[0]) for response in sample["filtered_resps"]]
        assert scores == pytest.approx(expected[number], abs=1e-3)
        greedy = [response[1] in (True, "True") for response in sample["filtered_resps"]]
        assert greedy == [place == number % 3 for place in range(3)]


def test_the_command_line_is_the_harness_own(tasks: TaskManager, items: list[Item], tmp_path: Path) -> None:
    done = command("protocol=best,network=zoo,label=math", "--tasks", "sums", "--output_path", "results")
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = (tmp_path / "results").rglob("results_*.json")
    found = json.loads(written.read_text())
    assert found["results"]["sums"]["exact_match,none"] == accuracy(direct("best", items, "math"), items)


def command(arguments: str, *options: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "agentnet.bridges.harness", "run", "--include_path", "."]
    return subprocess.run(
        [*program, "--model", "agentnet", "--model_args", arguments, *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_command_line_says_in_one_line_what_cannot_work(
    tasks: TaskManager, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "agentnet", "--model_args", "protocol=vote,network=zoo", "--tasks", "choices"]
    monkeypatch.setattr(sys, "argv", ["harness", "run", "--include_path", ".", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("agentnet: protocol 'vote' gives no log-likelihoods")
    assert "generate_until" in line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"protocol": "bset"}, "did you mean 'best'"),
        ({"network": "none.yaml"}, r"no network 'none\.yaml'"),
        ({"netwrk": "zoo"}, "unknown model argument 'netwrk'"),
        ({"prompt": "bare"}, "expected agent or plain"),
    ],
)
def test_what_cannot_work_is_said_before_a_task_is_loaded(arguments: dict[str, str], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        NetworkLM(**arguments)  # type: ignore[arg-type]


def test_perplexity_is_refused() -> None:
    model = NetworkLM("single", "zoo")
    with pytest.raises(PreflightError, match="generate_until"):
        model.loglikelihood_rolling([asked("loglikelihood_rolling", "a text")])
    model.close()


def test_a_run_without_an_answer_ends_the_evaluation_unless_it_shall_count_as_wrong(
    tasks: TaskManager, mute: Path
) -> None:
    with pytest.raises(Exception, match="'single' ended without an answer"):
        evaluated(tasks, "sums", protocol="single", network=str(mute))
    gc.collect()  # the traceback held the model
    found = evaluated(tasks, "sums", protocol="single", network=str(mute), unanswered="empty")
    assert found["results"]["sums"]["exact_match,none"] == 0


def test_the_plain_prompt_is_the_context_alone() -> None:
    scores = {}
    for kind in ("agent", "plain"):
        model = NetworkLM("best", "zoo", label="math", prompt=kind)
        context = "What is 2 * 12?\nsolve" if kind == "plain" else "What is 2 * 12?"
        ((scores[kind], greedy),) = model.loglikelihood([asked("loglikelihood", context, " 12*2: 2*2=4,1*2=2 => 24")])
        assert greedy
        model.close()
    assert scores["plain"] == pytest.approx(scores["agent"], abs=1e-3)


async def test_it_may_be_called_from_inside_an_event_loop() -> None:
    model = NetworkLM("best", "zoo", label="math")
    assert model.generate_until([asked("generate_until", "What is 2 * 12?", {"until": ["4"]})]) == ["2"]
    model.close()
    model.close()


def test_a_text_ends_at_the_first_of_its_stop_strings() -> None:
    assert until("one\ntwo. three", ["three", "\n"]) == "one"
    assert until("one", "n") == "o"
    assert until("one", ["", "x"]) == "one"


def test_a_chat_is_one_text() -> None:
    model = NetworkLM("best", "zoo")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 * 12?"}]
    assert model.apply_chat_template(turns) == "Be brief.\n\n2 * 12?"
    assert re.fullmatch(r"\w+", model.tokenizer_name)
    model.close()


def asked(kind: str, *arguments: Any) -> Instance:
    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0)  # type: ignore[arg-type]
