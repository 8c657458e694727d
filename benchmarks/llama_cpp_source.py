"""The source of the installed llama-cpp-python, which ships llama.cpp with its server and its test vocabularies.

``python -m benchmarks.llama_cpp_source`` takes the vocabularies out of it, into ``.bench/vocab``.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.generated import FOLDER
from benchmarks.generated.vocabularies import SHA256, extract


def source_archive() -> Path:
    """Return the source package of the installed version, fetched on first use."""
    folder, release = FOLDER / "server", version("llama_cpp_python")
    archive = folder / f"llama_cpp_python-{release}.tar.gz"
    if not archive.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python"]
        subprocess.run([*pip, "--dest", folder, f"llama-cpp-python=={release}"], check=True)
    return archive


if __name__ == "__main__":
    extract(source_archive(), FOLDER / "vocab")
    print(f"{len(SHA256)} vocabularies are in {FOLDER / 'vocab'}")
