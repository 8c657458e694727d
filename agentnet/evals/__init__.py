"""Measuring collaboration against its honest rival: the best single model, chosen in advance.

from agentnet.evals import evaluate

summary = await evaluate("zoo", limit=20)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentnet.evals.session import evaluate
    from agentnet.evals.summary import Summary

__all__ = ["Summary", "evaluate"]


def __getattr__(name: str) -> Any:
    if name == "evaluate":
        from agentnet.evals.session import evaluate

        return evaluate
    if name == "Summary":
        from agentnet.evals.summary import Summary

        return Summary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
