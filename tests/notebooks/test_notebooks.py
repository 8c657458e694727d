"""Every notebook runs from a fresh kernel; its last cell asserts what its text says."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import agentnet
from notebooks.execute import HERE, execute, tidied

NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
FEWER = 4
"""Items of each dataset, where a notebook says how many."""
FEWEST = {"03-the-papers-figures": 2}
"""Of a notebook that runs many suites."""


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 3


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"^ITEMS = \d+", f"ITEMS = {FEWEST.get(path.stem, FEWER)}", cell.source, flags=re.M)
    smaller = tmp_path / path.name
    nbformat.write(notebook, smaller)
    done = execute(smaller, tmp_path)
    assert "assert" in done.cells[-1].source
    kinds = [output.output_type for output in outputs(done)]
    assert "error" not in kinds
    assert "display_data" in kinds


def test_the_kernel_has_this_interpreter_and_the_agentnet_beside_it(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import sys, agentnet\nprint([sys.executable, agentnet.__file__])")]
    )
    nbformat.write(notebook, tmp_path / "where.ipynb")
    (output,) = outputs(execute(tmp_path / "where.ipynb", tmp_path))
    assert output.text.strip() == str([sys.executable, agentnet.__file__])


def test_what_differs_from_run_to_run_is_not_kept() -> None:
    shown = {"text/plain": "Outcome(run='c4e0d4')", "text/html": "<table></table>"}
    cell = nbformat.v4.new_code_cell("outcome", metadata={"execution": {"iopub.execute_input": "2026-01-01"}})
    cell.outputs = [
        nbformat.v4.new_output("stream", text="one, "),
        nbformat.v4.new_output("stream", text="two"),
        nbformat.v4.new_output("execute_result", data=shown, execution_count=1),
        nbformat.v4.new_output("execute_result", data={"text/plain": "5"}, execution_count=1),
    ]
    (tidy,) = tidied(nbformat.v4.new_notebook(cells=[cell])).cells
    assert tidy.metadata == {}
    stream, table, number = tidy.outputs
    assert stream.text == "one, two"
    assert table.data == {"text/html": "<table></table>"}
    assert number.data == {"text/plain": "5"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_what_it_shows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < 300_000
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()] == [
        *range(1, 1 + sum(cell.cell_type == "code" for cell in notebook.cells))
    ]
    kept = outputs(notebook)
    assert any({"image/png", "image/svg+xml"} & set(output.get("data", {})) for output in kept)
    words = json.dumps([output for output in kept if "image/png" not in output.get("data", {})])
    assert str(HERE.parent) not in words
    assert not re.search(r"/(home|root|tmp|Users)/", words)
