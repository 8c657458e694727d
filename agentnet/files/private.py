"""Files and folders that only their owner may read: made so, whatever the process's umask is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def private_folder(path: Path) -> None:
    """Make a folder, and those above it, where missing. Those that exist stay as they are. Raises `OSError`."""
    if not path.is_dir():
        private_folder(path.parent)
        with suppress(FileExistsError):  # another process was quicker; a file in its place is refused when it is used
            path.mkdir(mode=0o700)


def private_file(path: Path) -> None:
    """Make an empty file, and its folders, where missing. What exists stays as it is. Raises `OSError`."""
    private_folder(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
