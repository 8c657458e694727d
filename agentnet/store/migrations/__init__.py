"""The store's schema, step by step. `upgrade` brings a database to the newest step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEWEST = "0001"
"""The revision that this version writes; older ones are upgraded, newer ones refused."""

KNOWN = ("0001",)


def upgrade(connection: Connection) -> None:
    """Run the migrations that a database lacks, on an open connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
