"""Where generated files lie, and that they are written once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(".bench")


def written_once(path: Path, write: Callable[[Path], None]) -> Path:
    """Return a path whose file `write` has written completely, now or before."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            write(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path
