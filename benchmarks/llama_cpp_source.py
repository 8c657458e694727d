"""The source of the installed llama-cpp-python, which ships llama.cpp with its server and its test vocabularies."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.generated.folder import FOLDER


def source_archive() -> Path:
    """Return the source package of the installed version, fetched on first use."""
    folder, release = FOLDER / "server", version("llama_cpp_python")
    archive = folder / f"llama_cpp_python-{release}.tar.gz"
    if not archive.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python"]
        subprocess.run([*pip, "--dest", folder, f"llama-cpp-python=={release}"], check=True)
    return archive
