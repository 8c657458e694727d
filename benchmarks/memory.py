"""What this process holds in memory."""

from __future__ import annotations

import ctypes
import gc
import os
from contextlib import suppress
from pathlib import Path


def resident_mib() -> float:
    """Return the resident memory in MiB, after the allocator has given back what it keeps for later use. Linux only."""
    gc.collect()
    with suppress(AttributeError, OSError):  # glibc alone can be asked
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
