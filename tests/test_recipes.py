"""The recipes in ``docs/recipes`` are followed to the letter, in a copy of the package."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def blocks(recipe: str, language: str) -> list[str]:
    text = (ROOT / "docs" / "recipes" / f"{recipe}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def run(checkout: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=100, cwd=checkout)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose folders `contracts` and `collab` may be changed; the rest is this one's."""
    (tmp_path / "agentnet").mkdir()
    for name in ("protocols", "scenarios", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    for path in (ROOT / "agentnet").iterdir():
        if path.name in ("contracts", "collab"):
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
    text = protocols.read_text(encoding="utf-8")
    declared, n = re.subn(r"^(AnyCombinator = .*)$", r"\1 | Fallback", text, flags=re.M)
    assert n == 1
    protocols.write_text(declared.replace("class Weighted(", f"{kind}\n\nclass Weighted("), encoding="utf-8")
    (checkout / "agentnet" / "collab" / "fallback.py").write_text(module, encoding="utf-8")

    assert run(checkout, "-c", ASK_SCRIPTED_AGENTS).strip() == "done 391 [1, 2, 1, 0, 1]"
    (commands,) = blocks("combinator", "sh")
    drawing, said = (run(checkout, "-m", *shlex.split(command)) for command in commands.splitlines())
    assert "scout --> choose" in drawing
    assert "632" in said
    assert "fallback" in run(checkout, "-c", "from tests.scripted import *; print(ProtocolSpec.model_json_schema())")
