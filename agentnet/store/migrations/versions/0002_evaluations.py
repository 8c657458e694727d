"""Evaluations, their items, and what each system did with them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("updated", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
    )
    op.create_index("ix_evaluations_created", "evaluations", ["created"])
    op.create_table(
        "evaluation_items",
        sa.Column("evaluation", sa.String(), sa.ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("split", sa.String(), primary_key=True),
        sa.Column("dataset", sa.String(), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True),
        sa.Column("item", sa.JSON(), nullable=False),
    )
    op.create_table(
        "trials",
        sa.Column("evaluation", sa.String(), sa.ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("split", sa.String(), primary_key=True),
        sa.Column("system", sa.String(), primary_key=True),
        sa.Column("dataset", sa.String(), primary_key=True),
        sa.Column("item", sa.String(), primary_key=True),
        sa.Column("epoch", sa.Integer(), primary_key=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("trial", sa.Text(), nullable=False),
    )
