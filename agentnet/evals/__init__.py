"""Measuring collaboration against its honest rival: the best single model, chosen in advance.

from agentnet.evals import evaluate

summary = await evaluate("zoo", limit=20)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentnet.evals.session import evaluate
    from agentnet.evals.suite import SuiteSpec
    from agentnet.evals.summary import Summary

__all__ = ["SuiteSpec", "Summary", "evaluate"]

_HOMES = {"SuiteSpec": "suite", "Summary": "summary", "evaluate": "session"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"agentnet.evals.{_HOMES[name]}"), name)
