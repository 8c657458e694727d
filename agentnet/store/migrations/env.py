"""Alembic's entry: it is handed an open connection and never reads a configuration file."""

from alembic import context
from sqlmodel import SQLModel

from agentnet.store import tables  # noqa: F401 - registers the tables

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
