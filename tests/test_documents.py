"""What README and docs show is run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from agentnet.cli.app import app
from agentnet.collab.binding import Binder
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.zoo import catalog
from tools.generated import stale

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S)


def run(code: str, home: Path) -> list[str]:
    """The lines that some Python prints."""
    environment = {**os.environ, "AGENTNET_HOME": str(home)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_python_of_the_readme_runs_and_is_right(tmp_path: Path) -> None:
    """The example that asks a server is run on one, in tests/serving/openai/test_clients.py."""
    first, second = (code for code in blocks(ROOT / "README.md", "python") if "from openai" not in code)
    assert run(first, tmp_path) == ["632"]
    assert len([line for line in first.splitlines() if line]) <= 5
    *events, answer = run(second, tmp_path)
    assert (events[0], events[-1], answer) == ("run-started", "run-ended", "391")


def test_the_yaml_of_the_readme_is_a_network_and_protocols() -> None:
    network, *protocols = (yaml.safe_load(block) for block in blocks(ROOT / "README.md", "yaml"))
    assert len(protocols) == 2
    for protocol in protocols:
        assert Binder(catalog.network()).bind(ProtocolSpec.model_validate(protocol).protocol)
    assert len(NetworkSpec.model_validate(network).agents) == 3


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_exists(document: Path) -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"(?:^|`|\$ )agentnet ([a-z]+)", document.read_text(encoding="utf-8"), re.M))
    assert named <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(encoding="utf-8"), re.M))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_ci_runs_what_a_developer_runs_on_every_version_that_is_supported() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    assert [f"Programming Language :: Python :: {version}" for version in job["strategy"]["matrix"]["python"]] == [
        line for line in classifiers if re.search(r":: 3\.\d+$", line)
    ]
    assert [step["run"] for step in job["steps"] if "run" in step] == [
        *("make check", "make test", "make test-slow", "make conformance")
    ]


def test_generated_files_are_up_to_date() -> None:
    assert stale(ROOT) == []
