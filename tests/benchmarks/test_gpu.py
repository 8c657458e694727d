"""The command that measures a GPU runs to its end where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentnet.models.devices import offload_devices
from benchmarks.gpu.__main__ import SMALL_PAIRS, main
from tests.real_vocabularies import vocabulary_or_skip

NO_GPU = pytest.mark.skipif(bool(offload_devices()), reason="this machine has a GPU")


@NO_GPU
@pytest.mark.slow
def test_all_tables_are_written_on_a_machine_without_a_gpu(tmp_path: Path) -> None:
    for name in ("gpt-2", "llama-spm"):
        vocabulary_or_skip(name)
    quick = ["--repeat", "1", "--agents", "2", "--threads", "1"]
    main(["--device", "cpu", "--small", *quick, "--out", str(tmp_path / "gpu.md")])
    page = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:3] == "| `"]
    memory, speed, fused = ([row for row in rows if len(row) == count] for count in (7, 6, 4))
    assert [(row[0], row[-1]) for row in memory] == [("`tiny@gpt-2`", "yes"), (f"`{SMALL_PAIRS[0]}`", "yes")]
    assert [row[:3] for row in speed] == [["`tiny@gpt-2`", workload, "2"] for workload in ("cold", "warm")]
    assert {"alone", "fused"} <= {row[1] for row in fused}
    assert all(float(row[2]) > 0 for row in fused)


@NO_GPU
def test_without_a_gpu_one_line_says_what_to_do() -> None:
    with pytest.raises(SystemExit, match=r"^no GPU: .* CMAKE_ARGS=.* --device cpu --small$"):
        main([])
