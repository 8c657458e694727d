"""The loggers of the package. A library logs; the program decides what is shown.

They are made here so that ``agentnet --help``, which logs nothing, does not load `logging`.
"""

from __future__ import annotations

import logging

logging.getLogger("agentnet").addHandler(logging.NullHandler())


def logger(name: str) -> logging.Logger:
    """Return the logger ``agentnet.NAME``."""
    return logging.getLogger(f"agentnet.{name}")
