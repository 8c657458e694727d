"""Every notebook runs from a fresh kernel; its last cell asserts what its text says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from notebooks.execute import HERE, execute

NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
FEWER = 4
"""Items of each dataset, where a notebook says how many."""


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 3


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"^ITEMS = \d+", f"ITEMS = {FEWER}", cell.source, flags=re.M)
    smaller = tmp_path / path.name
    nbformat.write(notebook, smaller)
    done = execute(smaller, tmp_path)
    assert "assert" in done.cells[-1].source
    kinds = [output.output_type for cell in done.cells for output in cell.get("outputs", [])]
    assert "error" not in kinds
    assert "display_data" in kinds


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_what_it_shows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < 400_000
    outputs = [output for cell in nbformat.reads(text, as_version=4).cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) or "image/svg+xml" in output.get("data", {}) for output in outputs)
    assert str(Path.home()) not in text
