"""llama.cpp's library, initialised once per process, with its log turned into Python logging."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import threading
from types import ModuleType

from agentnet.logs import logger

log = logger("llama.cpp")

WARNING, ERROR = 3, 4
LONGEST = 500
_LEVELS = {2: logging.DEBUG, WARNING: logging.WARNING, ERROR: logging.ERROR}
_HARMLESS = "possible training context overflow"
"""It compares the cache of all sequences with the context of one."""
_REPACKED = "CPU_REPACK model buffer size"
_FUNCTION = re.compile(r"^\w+: (?=\S)")
_lock = threading.Lock()
_callback: object = None
"""Kept alive for as long as the library may call it: the library has one log for the whole process."""


class _Heard(threading.local):
    """What llama.cpp said on this thread since `forget`. It logs on the thread that calls it, so that a load hears
    nothing of other loads, nor of engines that decode meanwhile."""

    def __init__(self) -> None:
        self.error = self.warning = ""
        self.repacked = False


_heard = _Heard()


def library() -> ModuleType:
    """Return the low-level binding. The first call initialises the backend."""
    global _callback
    with _lock:
        if _callback is None:
            # An assertion inside llama.cpp would otherwise attach a debugger to this process. Only its environment
            # turns that off; a value that the user has set stays.
            os.environ.setdefault("GGML_NO_BACKTRACE", "1")
            import llama_cpp

            _callback = llama_cpp.llama_log_callback(_take)
            llama_cpp.llama_log_set(_callback, ctypes.c_void_p(0))
            llama_cpp.llama_backend_init()
    import llama_cpp

    return llama_cpp


def forget() -> None:
    """Begin to listen on the calling thread: what was said on it before no longer counts."""
    _heard.error = _heard.warning = ""
    _heard.repacked = False


def reason() -> str:
    """Return why the calling thread's last call failed, as one line.

    That is the first error since `forget`, because llama.cpp names the cause first and then what failed for it;
    without an error, the last warning. It may quote a file, so it is cut after `LONGEST` characters.
    """
    text = _FUNCTION.sub("", _heard.error or _heard.warning) or "no reason given"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def repacked() -> bool:
    """Return whether llama.cpp laid out weights for the CPU on the calling thread since `forget`.

    Its log is the only place where it says so.
    """
    return _heard.repacked


def _take(level: int, text: bytes, _: object) -> None:
    line = " ".join(text.decode(errors="replace").split())
    if _REPACKED in line:
        _heard.repacked = True
    level = 2 if _HARMLESS in line else level
    if level == ERROR:
        _heard.error = _heard.error or line
    elif level == WARNING:
        _heard.warning = line or _heard.warning
    log.log(_LEVELS.get(level, logging.DEBUG), "%s", line)
