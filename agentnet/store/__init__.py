"""Memory: runs, messages and usage in a SQL database, LangGraph's checkpoints beside it."""

from agentnet.store.checkpoints import open_checkpointer
from agentnet.store.store import Store

__all__ = ["Store", "open_checkpointer"]
