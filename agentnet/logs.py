"""The loggers of the package. A library logs; the program decides what is shown.

They are made here so that ``agentnet --help``, which logs nothing, does not load `logging`.
"""

from __future__ import annotations

import logging
import traceback

from agentnet.redaction import redacted

logging.getLogger("agentnet").addHandler(logging.NullHandler())


def logger(name: str) -> logging.Logger:
    """Return the logger ``agentnet.NAME``. What it logs has no secrets, whatever handles it."""
    return redacting(f"agentnet.{name}")


def redacting(name: str) -> logging.Logger:
    """Return a logger, of another package too, that hides secrets from now on."""
    found = logging.getLogger(name)
    if not any(isinstance(filter, Redacting) for filter in found.filters):
        found.addFilter(Redacting())
    return found


class Redacting(logging.Filter):
    """A filter of a logger: hides secrets in messages and tracebacks before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redacted("".join(traceback.format_exception(*record.exc_info)).rstrip())
            record.exc_info = None
        return True
