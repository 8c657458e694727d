"""Files that would end the process, or compute nothing: a process of their own finds out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelFileError
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel, trial
from agentnet.models.llama.trial import KnownFiles
from agentnet.zoo import catalog
from benchmarks.fuzz.gguf_document import STRING, Entry, read
from tests.models.llama.conftest import SAID
from tests.models.llama.files import write_random

ASK = Request(({"role": "user", "content": "hi"},))


class Trials:
    """Counts the trials that are run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.run = 0
        self.list = folder / "cache" / "loaded-models"
        self._patch, self._real = monkeypatch, trial._run
        monkeypatch.setattr(trial, "_run", self._count)
        self.forget()

    def forget(self) -> None:
        """Begin as another process would."""
        known = KnownFiles(self.list)
        self._patch.setattr(trial, "known_files", lambda: known)

    def _count(self, *arguments: Any) -> str | None:
        self.run += 1
        return self._real(*arguments)


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Trials:
    monkeypatch.delenv(trial.VARIABLE)
    return Trials(monkeypatch, tmp_path)


@pytest.fixture
def file(chain_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(chain_file, tmp_path / "chain.gguf"))


async def load(path: Path) -> str:
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, context=64))
    try:
        return (await model.generate(ASK)).text
    finally:
        await model.close()


async def test_a_file_is_tried_once_by_all_processes_until_it_changes(trials: Trials, file: Path) -> None:
    for _ in range(2):
        assert await load(file) == SAID
        assert trials.run == 1
        trials.forget()
    os.utime(file)
    assert await load(file) == SAID
    assert trials.run == 2
    assert trials.list.stat().st_mode & 0o777 == 0o600


async def test_the_zoo_is_known(trials: Trials) -> None:
    assert await load(catalog.path("scout"))
    assert trials.run == 0


async def test_a_variable_turns_it_off(trials: Trials, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trial.VARIABLE, "off")
    assert await load(file) == SAID
    assert trials.run == 0


def test_a_list_that_cannot_be_written_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    known = KnownFiles(tmp_path / "file" / "list")
    assert "a" not in known
    known.add("a")
    assert "a" in known


def test_a_list_that_grew_too_long_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"x" * (trial.LONGEST + 1))
    KnownFiles(path).add("a")
    assert path.stat().st_size == 65
    assert "a" in KnownFiles(path)


async def test_where_no_process_can_be_started_the_file_is_loaded(
    trials: Trials, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(file.parent / "absent"))
    assert await load(file) == SAID


class TestBroken:
    async def test_what_would_end_the_process_is_an_error(self, trials: Trials, file: Path) -> None:
        document = read(file)
        model = document.entry("tokenizer.ggml.model")
        assert model is not None
        model.value = b"bert"
        file.write_bytes(document.written())
        with pytest.raises(ModelFileError, match=r"chain\.gguf: a trial in a process of its own breaks down \("):
            await load(file)
        assert not trials.list.exists()
        with pytest.raises(ModelFileError, match="breaks down"):
            await load(file)
        assert trials.run == 2

    def test_without_a_trial_it_does(self, file: Path) -> None:
        document = read(file)
        model = document.entry("tokenizer.ggml.model")
        assert model is not None
        model.value = b"bert"
        file.write_bytes(document.written())
        code = (
            "from pathlib import Path; from agentnet.contracts.model_specs import LlamaSpec\n"
            "from agentnet.models.llama import LlamaModel\n"
            f"LlamaModel(Path({str(file)!r}), LlamaSpec(path='x', threads=1))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert done.returncode < 0

    async def test_weights_that_are_no_numbers_are_an_error(
        self, trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_random(tmp_path / "random.gguf")
        document = read(path)
        output = next(tensor for tensor in document.tensors if tensor.name == b"output.weight")
        data = bytearray(document.data)
        data[output.offset : output.offset + 4] = np.float32(np.nan).tobytes()
        document.data = bytes(data)
        path.write_bytes(document.written())
        with pytest.raises(ModelFileError, match="its logits are not numbers"):
            await load(path)

    @pytest.mark.parametrize(
        ("template", "says"),
        [
            ("{{ 'a' * 10**10 }}", "takes too much memory"),
            ("{{ 9**(9**9) }}", "takes too long"),
        ],
    )
    async def test_a_template_without_bounds_is_an_error(
        self, trials: Trials, file: Path, template: str, says: str
    ) -> None:
        document = read(file)
        document.entries = [entry for entry in document.entries if entry.key != b"tokenizer.chat_template"]
        document.entries.append(Entry(b"tokenizer.chat_template", STRING, template.encode()))
        file.write_bytes(document.written())
        with pytest.raises(ModelFileError, match=f"breaks down \\(its chat template {says}"):
            await load(file)

    async def test_a_load_without_an_end_is_an_error(
        self, trials: Trials, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trial, "PATIENCE", 0.0)
        monkeypatch.setattr(trial, "SLOWEST", 2**60)
        with pytest.raises(ModelFileError, match="no end within 0 seconds"):
            await load(file)
