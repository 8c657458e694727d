"""Alembic's entry: it is handed an open connection and never reads a configuration file."""

from alembic import context

from agentnet.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
