"""The recorded answers of GSM8K come from the originals that their notice names, and from nothing else."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tools import gsm8k
from tools.gsm8k import DATA, ORIGINALS, pack

ROWS = [{"question": "1 + 1?", "ground_truth": "A: 2", "small": {"solution": "A: 3", "is_correct": False}}]


@pytest.fixture
def originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small originals, which are taken for the true ones."""
    folder = tmp_path / "originals"
    folder.mkdir()
    small = []
    for original in ORIGINALS:
        content = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
        (folder / original.name).write_bytes(content)
        small.append(replace(original, sha256=hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(gsm8k, "ORIGINALS", tuple(small))
    return folder


def test_every_shipped_file_is_one_that_the_tool_packs() -> None:
    assert {path.name for path in DATA.glob("*.gz")} == {f"{original.name}.gz" for original in ORIGINALS}


@pytest.mark.parametrize("name", ["test.jsonl", "gsm8k_responses.csv"])
def test_what_is_shipped_as_a_whole_is_the_original_bit_by_bit(name: str) -> None:
    (original,) = (one for one in ORIGINALS if one.name == name)
    content = gzip.decompress((DATA / f"{name}.gz").read_bytes())
    assert hashlib.sha256(content).hexdigest() == original.sha256


def test_the_worked_answers_are_not_shipped_twice(originals: Path, tmp_path: Path) -> None:
    paths = {path.name: path for path in pack(originals, tmp_path)}
    kept = json.loads(gzip.decompress(paths["example_model_solutions.jsonl.gz"].read_bytes()))
    assert kept == {"question": "1 + 1?", "small": {"solution": "A: 3", "is_correct": False}}


def test_packing_twice_gives_the_same_bytes(originals: Path, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in pack(originals, tmp_path)]
    assert [path.read_bytes() for path in pack(originals, tmp_path)] == first


def test_another_version_of_an_original_is_refused(originals: Path, tmp_path: Path) -> None:
    (originals / "test.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match=r"test\.jsonl: its SHA-256 is .*take grade_school_math/data/test\.jsonl of"):
        pack(originals, tmp_path)
    assert list(tmp_path.glob("*.gz")) == []
