"""A run that would open far more than its history is held.

Revision: 0012 (after 0011)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)
LIVE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "storm",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("check_code", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("first_at", AT, nullable=False),
        sa.Column("last_at", AT, nullable=False),
        sa.Column("would_open", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("largest", sa.Integer(), nullable=False),
        sa.Column("sketch", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("causes", sa.Text(), nullable=False),
        sa.Column("decided_by_id", BIG, sa.ForeignKey("user_account.id"), nullable=True),
        sa.Column("decided_at", AT, nullable=True),
        sa.Column("why", sa.String(2000), nullable=True),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("ended_how", sa.String(16), nullable=True),
        sa.Column("config_snapshot_id", BIG, sa.ForeignKey("config_snapshot.id"), nullable=False),
    )
    op.create_index(
        "ix_storm_live",
        "storm",
        ["check_code", "scope"],
        unique=True,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )


def downgrade() -> None:
    op.drop_table("storm")
