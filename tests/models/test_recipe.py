"""The recipe for a model backend is followed to the letter, in a copy of the package."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "docs" / "recipes" / "model-backend.md").read_text(encoding="utf-8")

USE_IT = """
import asyncio
from pathlib import Path
from agentnet.contracts.model_specs import BigramSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelFileError, SchemaUnsupported
from agentnet.models.base import Model, Request
from agentnet.models.pool import ModelPool

def ask(schema=None, **sampling):
    return Request(({"role": "user", "content": "What is the answer"},), Sampling(**sampling), schema, logprobs=True)

async def main():
    async with ModelPool(Path.cwd()) as pool:
        one, other = await pool.open([BigramSpec(text="words.txt"), BigramSpec(text="./words.txt")])
        assert one is other and isinstance(one, Model)
        whole, cut = [await one.generate(ask(max_tokens=count)) for count in (50, 3)]
        print(cut.text, cut.finish, cut.usage.prompt_tokens, cut.usage.completion_tokens, cut.logprobs)
        assert whole.finish == "stop" and whole.text.endswith("is 42")
        drawn = [await one.generate(ask(temperature=1.0, seed=7)) for _ in range(2)]
        assert drawn[0].text == drawn[1].text
        chunks = [chunk async for chunk in one.stream(ask(max_tokens=50))]
        assert "".join(chunk.text for chunk in chunks) == chunks[-1].completion.text == whole.text
        for error, attempt in ((SchemaUnsupported, one.generate(ask({"type": "object"}))),
                               (ModelFileError, pool.acquire(BigramSpec(text="missing.txt")))):
            try:
                await attempt
            except error as raised:
                print(raised)

asyncio.run(main())
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", RECIPE, re.M | re.S)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose folders `contracts` and `models` may be changed; the rest is this one's."""
    (tmp_path / "agentnet").mkdir()
    for name in ("policies", "protocols", "scenarios"):
        (tmp_path / name).symlink_to(ROOT / name)
    for path in (ROOT / "agentnet").iterdir():
        if path.name in ("contracts", "models"):
            shutil.copytree(path, tmp_path / "agentnet" / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name != "__pycache__":
            (tmp_path / "agentnet" / path.name).symlink_to(path)
    return tmp_path


def change(file: Path, *edits: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for pattern, replacement in edits:
        text, count = re.subn(pattern, lambda _, by=replacement: by, text, flags=re.M)  # type: ignore[misc]
        assert count == 1, pattern
    file.write_text(text, encoding="utf-8")


def run(checkout: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    environment = {"PYTHONPATH": str(checkout), "AGENTNET_HOME": str(checkout / "home"), "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=checkout, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_backend_is_added_with_a_spec_a_model_and_a_row(checkout: Path) -> None:
    spec, model, opener, row = blocks("python")
    specs, backends = checkout / "agentnet/contracts/model_specs.py", checkout / "agentnet/models/backends.py"
    change(
        specs,
        (r"^def _from_short", f"{spec}\n\ndef _from_short"),
        (r"OpenAISpec \| ReplaySpec \| A2ASpec, Field", "OpenAISpec | ReplaySpec | BigramSpec | A2ASpec, Field"),
        (r"ReplaySpec \| A2ASpec \| HumanSpec,", "ReplaySpec | A2ASpec | HumanSpec | BigramSpec,"),
    )
    (checkout / "agentnet/models/bigram.py").write_text(model, encoding="utf-8")
    change(
        backends,
        (r"^from agentnet.contracts.model_specs import", "from agentnet.contracts.model_specs import BigramSpec,"),
        (r"^@dataclass", f"{opener}\n\n@dataclass"),
        (r"^BACKENDS = \{\n", f"BACKENDS = {{\n{row}"),
    )
    (text,), (network,), (command,) = blocks("text"), blocks("yaml"), blocks("sh")
    (checkout / "words.txt").write_text(text, encoding="utf-8")
    (checkout / "words.yaml").write_text(network, encoding="utf-8")

    completion, no_schema, no_file = run(checkout, "-c", USE_IT).splitlines()
    assert completion == "to life, the length 4 3 (0.0, 0.0, 0.0)"
    assert "cannot be held to a schema" in no_schema
    assert "missing.txt: cannot be read" in no_file
    assert "42" in run(checkout, "-m", *shlex.split(command))
    code = "from agentnet.contracts.network import NetworkSpec; print(NetworkSpec.model_json_schema())"
    assert "bigram" in run(checkout, "-c", code)
