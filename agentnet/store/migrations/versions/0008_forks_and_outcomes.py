"""Which run another was forked from, the limits that it was resumed with, and whether its answer was right."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("forked_from", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("limits", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("runs", sa.Column("outcome", sa.Boolean(), nullable=True))
    op.create_index("runs_by_fork", "runs", ["forked_from"])
