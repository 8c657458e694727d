"""`evaluate`: a suite from a program or a notebook."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agentnet.errors import BadInput
from agentnet.evals import SuiteSpec, evaluate
from agentnet.evals.datasets import LOADERS
from agentnet.evals.report.provenance import provenance

GUIDE = Path(__file__).parents[2] / "docs" / "evaluation.md"
SUITE = {
    "name": "mine",
    "summary": "scout and the critic",
    "members": ["scout"],
    "baselines": ["best"],
    "selection": 0,
    "datasets": [{"from": "zoo", "family": "math", "items": 3}],
    "systems": [
        {"name": "checked", "protocol": {"verify": {"proposer": "scout"}}},
        {"name": "own", "protocol": "own.yaml"},
    ],
}


async def test_a_suite_of_ones_own_starts_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.yaml").write_text("{name: own, summary: scout alone, protocol: scout}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    evaluated = await evaluate(SuiteSpec.model_validate(SUITE), limit=2)
    assert {row.system: row.items for row in evaluated.rows if row.kind == "system"} == {"checked": 2, "own": 2}
    assert list(tmp_path.iterdir()) == [tmp_path / "own.yaml"]


async def test_the_provenance_tells_what_was_left_out_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"question": f"{n} + 1?", "answer": n + 1} for n in (1, 2, 3, 2, 1)]
    (tmp_path / "sums.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    datasets = [{"from": "table", "path": "sums.jsonl"}, {"from": "zoo", "family": "math", "items": 2}]
    evaluated = await evaluate(SuiteSpec.model_validate(SUITE | {"datasets": datasets, "systems": []}))
    told = dict(provenance(evaluated.summary))["datasets"]
    assert told == "sums (table, 3 items, 2 repeated lines left out), math (zoo, 2 items)"


@pytest.mark.parametrize("limit", [0, -3])
async def test_a_limit_that_leaves_nothing_is_refused(limit: int) -> None:
    with pytest.raises(BadInput, match=f"limit {limit}: an evaluation needs at least one item"):
        await evaluate("first-light", limit=limit)


async def test_what_is_evaluated_is_shown_written_and_looked_up(tmp_path: Path) -> None:
    evaluated = await evaluate(SuiteSpec.model_validate(SUITE | {"systems": SUITE["systems"][:1]}), limit=1)
    row = evaluated.row("math", "checked")
    assert row in evaluated.rows
    assert row is not None
    assert evaluated.row("math", "unheard of") is None
    folder = evaluated.write(tmp_path / "report")
    assert {path.name for path in folder.iterdir()} == {"report.html", "report.md", "report.json"}
    assert evaluated._repr_markdown_() == (folder / "report.md").read_text(encoding="utf-8")
    stored = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert stored["chosen"] == evaluated.summary.chosen == {"math": "scout"}
    assert stored["rows"] == json.loads(json.dumps(evaluated.as_json()["rows"]))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.slow
def test_the_python_of_the_guide_runs(tmp_path: Path) -> None:
    (code,) = blocks("python")
    environment = {**os.environ, "PYTHONPATH": str(GUIDE.parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Interval(estimate=1.0")
    assert (tmp_path / "report" / "report.html").is_file()


def test_the_suite_of_the_guide_is_one() -> None:
    content, living = map(yaml.safe_load, blocks("yaml"))
    suite = SuiteSpec.model_validate(content)
    assert (suite.name, suite.selection, suite.epochs, len(suite.systems)) == ("house-rules", 50, 2, 3)
    told = SuiteSpec.model_validate({**content, "selection": 100, **living}).living
    assert told is not None
    assert (told.canaries, len(told.changes)) == (80, 5)


def test_the_guide_lists_every_loader() -> None:
    listed = re.findall(r"^\| `([a-z0-9]+)` \|", GUIDE.read_text(encoding="utf-8"), re.M)
    assert set(listed) == {"from", "zoo", *LOADERS}
