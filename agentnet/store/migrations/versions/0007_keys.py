"""Keys of callers, what they used, what they asked for under an idempotency key, and who asked for a run."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("caller", sa.String(), nullable=True))
    op.add_column(
        "runs", sa.Column("charged_tokens", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column("runs", sa.Column("charged_cost", sa.Float(), nullable=True))
    op.add_column("runs", sa.Column("surface", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("context", sa.String(), nullable=True))
    op.create_index("runs_by_caller", "runs", ["caller", "created"])
    op.create_index("runs_by_status", "runs", ["status", "created"])
    op.create_index("runs_by_change", "runs", ["updated", "id"])
    op.create_index("runs_by_context", "runs", ["context", "caller"])
    op.create_table(
        "keys",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("expires", sa.String(), nullable=True),
        sa.Column("revoked", sa.String(), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
    )
    op.create_table(
        "key_usage",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("day", sa.String(), primary_key=True),
        sa.Column("runs", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tokens", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("caller", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("runs", sa.Text(), nullable=False),
    )
    op.create_index("requests_by_time", "requests", ["created"])
