"""The recipes in ``docs/recipes`` are followed to the letter, in a copy of the package."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
CHANGED = ("contracts", "collab", "fusion", "evals")
"""Folders of the package that recipes change."""


def blocks(recipe: str, language: str) -> list[str]:
    text = (ROOT / "docs" / "recipes" / f"{recipe}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def run(checkout: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=100, cwd=checkout)
    assert done.returncode == 0, done.stderr
    return done.stdout


def change(file: Path, pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> None:
    """Edit the one passage of a file that matches."""
    text, count = re.subn(pattern, replacement, file.read_text(encoding="utf-8"), flags=re.M)
    assert count == 1
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose folders `CHANGED` may be changed; the rest is this one's."""
    (tmp_path / "agentnet").mkdir()
    for name in ("policies", "protocols", "scenarios", "evals", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    for path in (ROOT / "agentnet").iterdir():
        if path.name in CHANGED:
            shutil.copytree(path, tmp_path / "agentnet" / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name != "__pycache__":
            (tmp_path / "agentnet" / path.name).symlink_to(path)
    return tmp_path


ASK_SCRIPTED_AGENTS = """
import asyncio
from agentnet.contracts.bodies import Task
from agentnet.coordinator import Coordinator
from agentnet.errors import ModelUnavailable
from tests.scripted import agent, network, requests, says, spec

def fails(_):
    raise ModelUnavailable("the server is down")

agents = [agent("ada", fails), agent("ben", fails), agent("cyd", says("391")), agent("dot", says("17"))]
protocol = spec({"verify": {"proposer": {"fallback": ["ada", {"serial": ["ben", "ben"]}, "cyd", "dot"]},
                            "verifier": "ver", "retries": 0}})
agents.append(agent("ver", says('{"reason": "", "verdict": "approve"}')))
outcome = asyncio.run(Coordinator(network(*agents)).run(Task(text="What is 17 × 23?"), protocol))
print(outcome.status, outcome.answer, [len(requests(member)) for member in agents])
"""


def test_a_combinator_is_added_with_a_type_and_a_module(checkout: Path) -> None:
    kind, module = blocks("combinator", "python")
    protocols = checkout / "agentnet" / "contracts" / "protocols.py"
    change(protocols, r"^AnyCombinator = .*$", r"\g<0> | Fallback")
    change(protocols, r"^class Weighted\(", rf"{kind}\n\n\g<0>")
    (checkout / "agentnet" / "collab" / "fallback.py").write_text(module, encoding="utf-8")

    assert run(checkout, "-c", ASK_SCRIPTED_AGENTS).strip() == "done 391 [1, 2, 1, 0, 1]"
    (commands,) = blocks("combinator", "sh")
    drawing, said = (run(checkout, "-m", *shlex.split(command)) for command in commands.splitlines())
    assert "scout --> choose" in drawing
    assert "632" in said
    assert "fallback" in run(checkout, "-c", "from tests.scripted import *; print(ProtocolSpec.model_json_schema())")


def test_a_fusion_strategy_is_added_with_a_file_a_row_and_a_name(checkout: Path) -> None:
    module, imported, row = blocks("fusion-strategy", "python")
    strategies = checkout / "agentnet" / "fusion" / "strategies"
    (strategies / "logarithmic_pool.py").write_text(module, encoding="utf-8")
    change(strategies / "__init__.py", "from agentnet.fusion.strategies.max_score", f"{imported}\\g<0>")
    change(strategies / "__init__.py", "^STRATEGIES: .*\n", f"\\g<0>{row}")
    change(checkout / "agentnet" / "contracts" / "protocols.py", r'"unite", "max"\]', '"unite", "max", "pool"]')
    (command,) = blocks("fusion-strategy", "sh")
    assert re.search(r"^= 632", run(checkout, "-m", *shlex.split(command)), re.M)


def test_a_dataset_is_a_table_or_a_function_and_a_line(checkout: Path) -> None:
    module, line = blocks("dataset", "python")
    datasets = checkout / "agentnet" / "evals" / "datasets"
    (datasets / "aqua.py").write_text(module, encoding="utf-8")
    loading = datasets / "loading.py"
    change(
        loading,
        r"^(from agentnet\.evals\.datasets\.bbh import bbh)$",
        r"from agentnet.evals.datasets.aqua import aqua\n\1",
    )
    change(loading, r'^    "bbh": bbh,\n', lambda match: line + match[0])
    files = {
        "questions.csv": blocks("dataset", "csv"),
        "questions.yaml": blocks("dataset", "yaml")[:1],
        "aqua.jsonl": blocks("dataset", "json"),
        "aqua.yaml": blocks("dataset", "yaml")[1:],
    }
    for name, (content,) in files.items():
        (checkout / name).write_text(content, encoding="utf-8")

    (commands,) = blocks("dataset", "sh")
    ours, aqua = (
        json.loads(run(checkout, "-m", *shlex.split(command), "--store", ":memory:", "--out", "report", "--json"))
        for command in commands.splitlines()
    )
    vote = next(row for row in ours["rows"] if row["system"] == "vote of three")
    assert (vote["items"], vote["accuracy"]["estimate"]) == (3, 1.0)
    assert sorted(item["answers"] for item in aqua["items"]) == [["A", "35"], ["B", "3"]]
    assert all("\nB) " in item["text"] for item in aqua["items"])
    assert next(row for row in aqua["rows"] if row["system"] == "vote of three")["items"] == 2
