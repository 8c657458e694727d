"""Paths as people write them, which may be none at all."""

from __future__ import annotations

from pathlib import Path


def written_path(text: str) -> Path:
    """Return the path that a text is, with the home folder of a known user for ``~``."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:  # no such user
        return path


def is_file(path: Path) -> bool:
    """Return whether a path names a file. A file in a folder that may not be read counts: reading it tells more.

    A text that can be no path, such as one that is too long, names none.
    """
    try:
        return path.is_file()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
