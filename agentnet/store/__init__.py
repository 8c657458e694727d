"""Memory: runs, messages, usage and evaluations in a SQL database, LangGraph's checkpoints beside it.

All are imported when they are first asked for: SQLAlchemy and LangGraph take their time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentnet.store.checkpoints import delete_checkpoints, open_checkpointer
    from agentnet.store.evaluations import Evaluations
    from agentnet.store.store import Store

__all__ = ["Evaluations", "Store", "delete_checkpoints", "open_checkpointer"]

_HOMES = {
    "Evaluations": "evaluations",
    "Store": "store",
    "open_checkpointer": "checkpoints",
    "delete_checkpoints": "checkpoints",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
