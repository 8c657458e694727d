"""Build llama.cpp's own server from the source that the llama-cpp-python package ships.

Run as ``python -m benchmarks.engine.server_build``; needs cmake and a C++ compiler, and takes some minutes, once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.generated import FOLDER

_OFF = (
    "LLAMA_CURL",
    "LLAMA_OPENSSL",
    "LLAMA_BUILD_TESTS",
    "LLAMA_BUILD_EXAMPLES",
    "LLAMA_BUILD_UI",
    "BUILD_SHARED_LIBS",
)


def server_program() -> Path:
    """Where the program lies once it is built."""
    return FOLDER / "llama-server"


def build() -> None:
    """Fetch the source package of the installed version, and compile the server with the flags of the wheel."""
    folder = FOLDER / "server"
    folder.mkdir(parents=True, exist_ok=True)
    release = version("llama_cpp_python")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python", "--dest", folder]
    subprocess.run([*pip, f"llama-cpp-python=={release}"], check=True)
    with tarfile.open(next(folder.glob(f"llama_cpp_python-{release}*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    source = folder / f"llama_cpp_python-{release}" / "vendor" / "llama.cpp"
    options = [f"-D{name}=OFF" for name in _OFF]
    subprocess.run(["cmake", "-S", source, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release", *options], check=True)
    jobs = str(os.cpu_count() or 1)
    subprocess.run(["cmake", "--build", folder / "build", "--target", "llama-server", "--parallel", jobs], check=True)
    (folder / "build" / "bin" / "llama-server").replace(server_program())


if __name__ == "__main__":
    build()
