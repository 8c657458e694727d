"""Build llama.cpp's own server from the source that the llama-cpp-python package ships.

Run as ``python -m benchmarks.engine.server_build``; needs cmake and a C++ compiler, and takes some minutes, once.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

from benchmarks.generated import FOLDER
from benchmarks.llama_cpp_source import source_archive

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
    archive = source_archive()
    folder = archive.parent
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz") / "vendor" / "llama.cpp"
    options = [f"-D{name}=OFF" for name in _OFF]
    subprocess.run(["cmake", "-S", source, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release", *options], check=True)
    jobs = str(os.cpu_count() or 1)
    subprocess.run(["cmake", "--build", folder / "build", "--target", "llama-server", "--parallel", jobs], check=True)
    (folder / "build" / "bin" / "llama-server").replace(server_program())


if __name__ == "__main__":
    build()
