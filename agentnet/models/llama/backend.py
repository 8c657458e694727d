"""llama.cpp's library, initialised once per process, with its log turned into Python logging."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections import deque
from types import ModuleType

log = logging.getLogger("agentnet.llama")

_LEVELS = {2: logging.DEBUG, 3: logging.WARNING, 4: logging.ERROR}
_HARMLESS = "possible training context overflow"
"""It compares the cache of all sequences with the context of one."""
_REPACKED = "CPU_REPACK model buffer size"
_lock = threading.Lock()
_thread = threading.local()
_recent: deque[str] = deque(maxlen=50)
_callback: object = None
"""Kept alive for as long as the library may call it."""


def library() -> ModuleType:
    """The low-level binding. The first call initialises the backend."""
    global _callback
    with _lock:
        if _callback is None:
            # An assertion inside llama.cpp would otherwise attach a debugger to this process.
            os.environ.setdefault("GGML_NO_BACKTRACE", "1")
            import llama_cpp

            _callback = llama_cpp.llama_log_callback(_take)
            llama_cpp.llama_log_set(_callback, ctypes.c_void_p(0))
            llama_cpp.llama_backend_init()
    import llama_cpp

    return llama_cpp


def last_error() -> str:
    """What llama.cpp complained about last, as one line; empty if it did not complain."""
    return next((line for line in reversed(_recent) if line), "")


def forget_errors() -> None:
    _recent.clear()


def forget_loading() -> None:
    _thread.repacked = False


def repacked() -> bool:
    """Whether llama.cpp said, since this thread called `forget_loading`, that it laid out weights anew for the CPU.

    It tells that nowhere but in its log.
    """
    return getattr(_thread, "repacked", False)


def _take(level: int, text: bytes, _: object) -> None:
    line = " ".join(text.decode(errors="replace").split())
    if _REPACKED in line:
        _thread.repacked = True
    level = 2 if _HARMLESS in line else level
    if level >= 3 and line:
        _recent.append(line)
    log.log(_LEVELS.get(level, logging.DEBUG), "%s", line)
