"""What was measured of members: profiles, the observations behind them, changes of standing, and canaries."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _seat(*, primary_key: bool) -> list[sa.Column[str]]:
    return [
        sa.Column(name, sa.String(), primary_key=primary_key, nullable=False) for name in ("node", "member", "digest")
    ]


def upgrade() -> None:
    op.create_table(
        "profiles",
        *_seat(primary_key=True),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("updated", sa.String(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
    )
    op.create_table(
        "observations",
        sa.Column("id", sa.Integer(), primary_key=True),
        *_seat(primary_key=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("time", sa.String(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
    )
    op.create_index("observations_of_a_seat", "observations", ["node", "member", "digest", "id"])
    op.create_index("observations_of_a_run", "observations", ["run"])
    op.create_table(
        "standing_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        *_seat(primary_key=False),
        sa.Column("time", sa.String(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
    )
    op.create_table(
        "asked_questions",
        sa.Column("node", sa.String(), primary_key=True),
        sa.Column("member", sa.String(), primary_key=True),
        sa.Column("question", sa.String(), primary_key=True),
    )
    op.create_table(
        "known_questions",
        sa.Column("question", sa.String(), primary_key=True),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
    )
