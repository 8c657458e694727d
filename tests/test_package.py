"""The wheel carries everything that the checkout has, and finds it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LOOK = """
from pathlib import Path
import agentnet
from agentnet.files.shipped import shipped_files
from agentnet.collab.library import shipped_protocols
from agentnet.evals.datasets import load
from agentnet.evals.loading import find_suite
from agentnet.prompts import shipped_packs
from agentnet.zoo import catalog
print(Path(agentnet.__file__).parent.parent)
print(len(shipped_protocols()), len(shipped_files("scenarios")), len(shipped_packs()), len(catalog.zoo_cards()))
print(all(catalog.path(name).is_file() for name in catalog.zoo_cards()))
recorded = find_suite("gsm8k-recorded")
print(*(len(load(dataset, recorded.folder, selection=200).test) for dataset in recorded.spec.datasets))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(ROOT)], check=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_nothing_but_agentnet_is_installed_at_top_level(unpacked: Path) -> None:
    assert {path.name.split("-")[0] for path in unpacked.iterdir()} == {"agentnet", "agentnet_ai"}


def test_the_same_things_are_found_from_a_wheel_and_from_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    def look(place: Path) -> list[str]:
        environment = {"PYTHONPATH": str(place), "PATH": ""}
        command = [sys.executable, "-c", LOOK]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
        return done.stdout.splitlines()

    from_wheel, from_checkout = look(unpacked), look(ROOT)
    assert from_wheel[0] == str(unpacked)
    assert from_checkout[0] == str(ROOT)
    assert from_wheel[1:] == from_checkout[1:]
    assert from_wheel[2] == "True"
    assert from_wheel[3] == "1119"
    assert "0" not in from_wheel[1].split()
