"""inspect-ai evaluates a protocol: its own `eval`, and its own command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agentnet.errors import BadInput
from agentnet.zoo.families.base import Item
from tests.bridges.conftest import accuracy, direct, engines

if find_spec("inspect_ai") is None:
    pytest.skip('inspect-ai is not installed: pip install "agentnet-ai[inspect]"', allow_module_level=True)

import inspect_ai
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, ContentImage, GenerateConfig, get_model
from inspect_ai.scorer import match
from inspect_ai.tool import bash

from agentnet.bridges.inspect_model import Refused

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

TASK = """
import json
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import match

@task
def sums():
    items = json.load(open("items.json"))
    return Task(dataset=[Sample(input=item["question"], target=item["answer"]) for item in items], scorer=match())
"""


def task_of(items: list[Item]) -> Any:
    return inspect_ai.Task(
        dataset=[Sample(input=item.question, target=item.answer) for item in items], scorer=match(), name="sums"
    )


def evaluated(task: Any, model: str, **arguments: Any) -> EvalLog:
    (log,) = inspect_ai.eval(task, model=model, display="none", log_dir="logs", **arguments)
    assert engines() == []
    return log


def score(log: EvalLog) -> float:
    assert log.results is not None
    return float(log.results.scores[0].metrics["accuracy"].value)


@pytest.mark.parametrize("protocol", ["best", "vote"])
def test_inspect_finds_the_accuracy_that_the_network_has(protocol: str, items: list[Item]) -> None:
    outcomes = direct(protocol, items, "math")
    log = evaluated(task_of(items), f"agentnet/{protocol}", model_args={"network": "zoo", "label": "math"})
    assert log.status == "success"
    assert score(log) == accuracy(outcomes, items)
    assert log.samples is not None
    for sample, outcome in zip(log.samples, outcomes, strict=True):
        output = sample.output
        assert output.completion == outcome.answer
        assert output.usage is not None
        assert output.usage.input_tokens == outcome.usage.prompt_tokens
        assert output.usage.output_tokens == outcome.usage.completion_tokens
        assert output.metadata is not None
        assert output.metadata["status"] == "done"
        assert output.metadata["calls"] == outcome.usage.calls
        if protocol == "best":
            assert output.metadata["agents"] == ["math"]
        (asked,) = [event for event in sample.events if event.event == "model"]
        assert asked.call is not None
        assert asked.call.request["body"]["text"] == sample.input
        said = asked.call.response["messages"]
        assert [message["body"]["kind"] for message in said] == [m.body.kind for m in outcome.messages[1:]]


def test_without_a_label_the_policy_of_the_network_finds_it(items: list[Item]) -> None:
    outcomes = direct("best", items, None)
    log = evaluated(task_of(items), "agentnet/best")
    assert score(log) == accuracy(outcomes, items) == 1.0
    assert log.samples is not None
    for sample in log.samples:
        assert sample.output.metadata is not None
        assert sample.output.metadata["agents"] == ["math"]


def test_the_command_line_evaluates_a_protocol_file(items: list[Item], tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text(TASK)
    (tmp_path / "mine.yaml").write_text("{name: mine, summary: the best, protocol: {best: {among: ['@solver']}}}")
    (tmp_path / "items.json").write_text(
        json.dumps([{"question": item.question, "answer": item.answer} for item in items])
    )
    done = command("eval", "sums.py", "--model", "agentnet/mine.yaml", "-M", "network=zoo", "-M", "label=math")
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = (tmp_path / "logs").glob("*.json")
    log = json.loads(written.read_text())
    assert log["status"] == "success"
    assert log["eval"]["model"] == "agentnet/mine.yaml"
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == accuracy(direct("best", items, "math"), items)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``inspect`` as a process of its own."""
    code = "from inspect_ai._cli.main import main; main()"
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code, *arguments, "--display", "plain", "--log-dir", "logs", "--log-format", "json"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_command_line_says_in_one_line_what_cannot_work(tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text(TASK)
    (tmp_path / "items.json").write_text("[]")
    done = command("eval", "sums.py", "--model", "agentnet/bset")
    assert done.returncode != 0
    assert "agentnet: no protocol 'bset', did you mean 'best'?" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("protocol", "arguments", "complaint"),
    [
        ("best", {"network": "none.yaml"}, "agentnet: no network 'none.yaml'"),
        ("best", {"netwrk": "zoo"}, "agentnet: unknown model argument 'netwrk'"),
        ("best", {"unanswered": "wrong"}, "agentnet: unanswered: expected error or empty"),
        ("{ask: nobody}", {}, "nobody"),
    ],
)
def test_what_cannot_work_is_said_before_a_sample_runs(
    protocol: str, arguments: dict[str, str], complaint: str
) -> None:
    with pytest.raises(Refused) as caught:
        get_model(f"agentnet/{protocol}", **arguments)
    assert complaint in str(caught.value.message)  # type: ignore[attr-defined]


def test_a_run_without_an_answer_is_an_error_of_its_sample(items: list[Item], mute: Path) -> None:
    log = evaluated(task_of(items), "agentnet/single", model_args={"network": str(mute)})
    assert log.status == "error"
    assert log.error is not None
    assert "'single' ended without an answer (failed)" in log.error.message


def test_a_run_without_an_answer_counts_as_wrong_where_that_is_wanted(items: list[Item], mute: Path) -> None:
    log = evaluated(task_of(items), "agentnet/single", model_args={"network": str(mute), "unanswered": "empty"})
    assert log.status == "success"
    assert score(log) == 0
    assert log.samples is not None
    for sample in log.samples:
        assert "without an answer" in (sample.output.error or "")


async def test_a_conversation_is_asked_as_one_text() -> None:
    async with get_model("agentnet/best", network="zoo", label="math", memoize=False) as model:
        said = [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="What is 2 * 12?")]
        _, call = await model.api.generate(said, [], "none", GenerateConfig())
        assert call.request["body"]["text"] == "Be brief.\n\nWhat is 2 * 12?"
        with pytest.raises(BadInput, match="cannot call them"):
            await model.generate("What is 2 * 12?", tools=[bash()])
        with pytest.raises(BadInput, match="a message with image"):
            await model.generate([ChatMessageUser(content=[ContentImage(image="data:image/png;base64,AAAA")])])


async def test_inspects_seed_is_the_runs_seed(draws: Path) -> None:
    arguments = {"network": str(draws), "unanswered": "empty", "memoize": False}
    async with get_model("agentnet/single", **arguments) as model:

        async def said(seed: int | None) -> Any:
            asked = [ChatMessageUser(content="What is 2 * 12?")]
            _, call = await model.api.generate(asked, [], "none", GenerateConfig(seed=seed))
            return call.response["messages"][0]["body"]

        assert await said(5) == await said(5) != await said(6)


async def test_settings_that_are_each_agents_own_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    async with get_model("agentnet/best", network="zoo", label="math", memoize=False) as model:
        for _ in range(2):
            await model.generate("What is 2 * 12?", config=GenerateConfig(temperature=0.5, max_tokens=9))
    (warning,) = [record.getMessage() for record in caplog.records if "not passed on" in record.getMessage()]
    assert warning.startswith("agentnet: max_tokens, temperature")
