"""Memory: runs, messages, usage and evaluations in a SQL database, LangGraph's checkpoints beside it.

`Database` is opened once; `Runs` and `Evaluations` are what it holds. All are imported when they are first asked for:
SQLAlchemy and LangGraph take their time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentnet.store.checkpoints import Checkpointer, open_checkpointer, sweep
    from agentnet.store.database import Database
    from agentnet.store.evaluations import Evaluations
    from agentnet.store.keys import Keys
    from agentnet.store.profiles import Profiles
    from agentnet.store.runs import Runs

__all__ = ["Checkpointer", "Database", "Evaluations", "Keys", "Profiles", "Runs", "open_checkpointer", "sweep"]

_HOMES = {
    "Checkpointer": "checkpoints",
    "Database": "database",
    "Evaluations": "evaluations",
    "Keys": "keys",
    "Profiles": "profiles",
    "Runs": "runs",
    "open_checkpointer": "checkpoints",
    "sweep": "checkpoints",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
