"""The store's schema, step by step. `upgrade` brings a database to the newest step.

The names of the steps stand here, so that opening a store that is up to date does not import Alembic.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision, oldest first. A new file under ``versions`` is named here too."""

NEWEST = KNOWN[-1]
"""The revision that this version writes; older ones are upgraded, newer ones refused."""


def upgrade(connection: Connection, revision: str = NEWEST) -> None:
    """Run the migrations that a database lacks up to a revision, on an open connection, inside its transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
