"""Files that this machine has not loaded before are loaded in a process of their own first.

llama.cpp ends the process on some damaged files. A header tells much (`models/gguf`), but not all.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Hashable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from agentnet.errors import ModelFileError
from agentnet.models import devices
from agentnet.models.gguf import Header, named_parts
from agentnet.models.llama import trial_load
from agentnet.zoo.catalog import MODELS

VARIABLE = "AGENTNET_TRIAL"
"""Set to ``off``, files are loaded without a trial."""
PATIENCE = 60.0
"""Seconds for a small file; a large one has more."""
SLOWEST = 20 * 2**20
"""Bytes in a second of the slowest disk."""
LONGEST = 2**20
"""Bytes of the list of known files, after which it starts again."""
_CAUSE = re.compile(rf"GGML_ASSERT\(.*|what\(\):.*|{trial_load.NO_NUMBERS}|{trial_load.NO_ROOM}")


class KnownFiles:
    """Files that could be loaded: in this process, and in a list on disk that all processes of a user share."""

    def __init__(self, file: Path | None) -> None:
        """`file` holds the list; None keeps none on disk."""
        self._file = file
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def __contains__(self, key: Hashable) -> bool:
        name = _name(key)
        with self._lock:
            if name not in self._names and self._file is not None:
                with suppress(OSError, UnicodeDecodeError):
                    self._names.update(self._file.read_text(encoding="ascii").split())
            return name in self._names

    def add(self, key: Hashable) -> None:
        """Remember a file. A list that cannot be written costs further trials, no more."""
        name = _name(key)
        with self._lock:
            self._names.add(name)
            if self._file is not None:
                with suppress(OSError):
                    _append(self._file, f"{name}\n".encode())


def _append(path: Path, line: bytes) -> None:
    """Add a line in one piece, whatever other processes add meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if path.is_file() and path.stat().st_size > LONGEST:
        flags |= os.O_TRUNC
    file = os.open(path, flags, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


@cache
def known_files() -> KnownFiles:
    """Return the files that are known to this process and its user."""
    folder = _cache_folder()
    return KnownFiles(None if folder is None else folder / "loaded-models")


def files_on_disk(path: Path) -> Hashable:
    """Return what tells the files of a model from others, and from what they were before they changed."""
    try:
        states = [os.stat(part) for part in named_parts(path)]
    except (OSError, ValueError):
        return str(path)
    return tuple((state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns) for state in states)


def try_out(path: Path, header: Header) -> None:
    """Load a file in a process of its own, unless it is known or of the zoo. Raises `ModelFileError` if that fails.

    A large model is read once, as when it is loaded; one that is larger than half of the free memory is only looked at.
    """
    known, files = known_files(), files_on_disk(path)
    of_the_zoo = path.parent.resolve() == MODELS.resolve()
    if os.environ.get(VARIABLE) == "off" or of_the_zoo or not sys.executable or files in known:
        return
    free = devices.memory()[1]
    evaluate = free is None or header.file_size < free // 2
    how = trial_load.EVALUATE if evaluate else trial_load.LOAD
    ended = _run(path, header.chat_template or "", how, PATIENCE + header.file_size / SLOWEST)
    if ended is not None:
        raise ModelFileError(
            f"{path}: a trial in a process of its own breaks down ({ended}); fetch or convert the file again"
        )
    known.add(files)


def try_vocabulary(path: Path, digest: str) -> None:
    """Load the file of a vocabulary in a process of its own, unless a file with this SHA-256 is known.

    Raises `ModelFileError` if that fails.
    """
    known, content = known_files(), ("vocabulary", digest)
    if os.environ.get(VARIABLE) == "off" or not sys.executable or content in known:
        return
    ended = _run(path, "", trial_load.VOCABULARY, PATIENCE)
    if ended is not None:
        raise ModelFileError(f"a trial of the vocabulary in a process of its own breaks down ({ended})")
    known.add(content)


def _run(path: Path, template: str, how: str, patience: float) -> str | None:
    """Return why a trial failed, None if it went well. `how` is one of the ways of `trial_load`."""
    found = find_spec("llama_cpp")
    binding = str(Path((found and found.origin) or "").parent)
    program = [sys.executable, "-P", str(trial_load.__file__), binding, str(path), how]
    # Neither a debugger on an assertion, nor time and memory of a GPU.
    no_devices = dict.fromkeys(("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES"), "")
    environment = os.environ | no_devices | {"GGML_NO_BACKTRACE": "1"}
    try:
        done = subprocess.run(
            program,
            env=environment,
            input=template.encode(errors="replace"),
            capture_output=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {patience:.0f} seconds"
    except OSError:
        return None  # no process can be started here: there is only the load in earnest
    if not done.returncode:
        return None
    if done.returncode < 0 and -done.returncode == getattr(signal, "SIGPROF", 0):
        return "its chat template takes too long"
    said = done.stderr.decode(errors="replace")
    cause = _CAUSE.search(said)
    return " ".join(cause[0].split())[:300] if cause else f"exit code {done.returncode}"


def _name(key: Hashable) -> str:
    return hashlib.sha256(f"{version('llama-cpp-python')} {key!r}".encode()).hexdigest()


def _cache_folder() -> Path | None:
    """Return the user's folder for what can be made again; None where there is none.

    It is ``XDG_CACHE_HOME`` (Linux, macOS) or ``LOCALAPPDATA`` (Windows) if set.
    """
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "agentnet"
    except RuntimeError:  # no home folder
        return None
