"""Build llama.cpp's own server from the source that the llama-cpp-python package ships.

Run as ``python -m benchmarks.engine.server_build``; needs cmake and a C++ compiler, and takes some minutes, once.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Sequence
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


def server_program(device: str = "") -> Path:
    """Where the program lies once it is built: that for the CPU, or that for a device."""
    return FOLDER / f"llama-server{device and '-'}{device}"


def build(device: str = "", flags: Sequence[str] = ()) -> None:
    """Fetch the source package of the installed version, and compile the server with the flags of the wheel.

    `flags` are CMake's, such as ``-DGGML_CUDA=on``, for the server of a device.
    """
    archive = source_archive()
    folder = archive.parent
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz") / "vendor" / "llama.cpp"
    built = folder / f"build{device and '-'}{device}"
    options = ["-DCMAKE_BUILD_TYPE=Release", *(f"-D{name}=OFF" for name in _OFF), *flags]
    subprocess.run(["cmake", "-S", source, "-B", built, *options], check=True)
    jobs = str(os.cpu_count() or 1)
    subprocess.run(["cmake", "--build", built, "--target", "llama-server", "--parallel", jobs], check=True)
    (built / "bin" / "llama-server").replace(server_program(device))


if __name__ == "__main__":
    build()
