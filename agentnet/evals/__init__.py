"""Evaluations: every collaboration is compared with the best single model, chosen in advance.

from agentnet.evals import evaluate

evaluated = await evaluate("zoo", limit=20)
evaluated.write("report")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentnet.evals.report import Evaluated
    from agentnet.evals.session import evaluate
    from agentnet.evals.suite import SuiteSpec

__all__ = ["Evaluated", "SuiteSpec", "evaluate"]

_HOMES = {"Evaluated": "report", "SuiteSpec": "suite", "evaluate": "session"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"agentnet.evals.{_HOMES[name]}"), name)
