"""scipy and statsmodels, which only evaluations need: the command line starts without them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from agentnet.errors import BadInput


def library(module: str) -> Any:
    """A module of the statistics libraries by its dotted name; `BadInput` where the extra is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise BadInput("evaluations need the statistics libraries: pip install 'agentnet-ai[eval]'") from error
