"""Nodes that take part in a network, what they offer, and every change of them; counts of messages of any size."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


COUNTS = ("sequence", "round", "calls", "prompt_tokens", "completion_tokens", "reused_tokens")


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":  # whose integers have 64 bits already
        for name in COUNTS:
            op.alter_column("messages", name, type_=sa.BigInteger(), existing_type=sa.Integer())
    op.create_table(
        "rosters",
        sa.Column("network", sa.String(), primary_key=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
    )
    op.create_table(
        "nodes",
        sa.Column("network", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("offers", sa.Text(), nullable=False),
        sa.Column("access", sa.String(), nullable=False),
        sa.Column("lease", sa.String(), nullable=False),
        sa.Column("joined", sa.String(), nullable=False),
        sa.Column("heard", sa.String(), nullable=False),
        sa.Column("late", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("tokens_per_second", sa.Float(), nullable=False),
        sa.Column("prefill_per_second", sa.Float(), nullable=False),
        sa.Column("free_cells", sa.Integer(), nullable=True),
    )
    op.create_index("nodes_by_name", "nodes", ["network", "name"], unique=True)
    op.create_index("nodes_by_epoch", "nodes", ["network", "epoch"])
    op.create_index("nodes_by_heartbeat", "nodes", ["network", "heard"])
    op.create_index("nodes_by_lease", "nodes", ["network", "state", "late"])
    op.create_table(
        "node_offers",
        sa.Column("network", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("member", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["network", "key"], ["nodes.network", "nodes.key"], ondelete="CASCADE"),
    )
    op.create_index("node_offers_by_member", "node_offers", ["network", "member"])
    op.create_table(
        "node_events",
        sa.Column("network", sa.String(), primary_key=True),
        sa.Column("sequence", sa.Integer(), primary_key=True),
        sa.Column("time", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
    )
    op.create_index("node_events_by_key", "node_events", ["network", "key"])
