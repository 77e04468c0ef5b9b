"""Watching, handing back, and whose turn it is.

Revision: 0008 (after 0007)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "case_watch",
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_case_watch_case_id_exception_case"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_case_watch_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "user_id", name="pk_case_watch"),
    )
    op.create_index("ix_case_watch_user_id", "case_watch", ["user_id", "case_id"])
    op.create_table(
        "case_hand_back",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_case_hand_back_case_id_exception_case"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name="fk_case_hand_back_user_id_user_account",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_case_hand_back"),
    )
    op.create_index("ix_case_hand_back_case_id", "case_hand_back", ["case_id"])
    op.add_column("user_account", sa.Column("away_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("user_account", sa.Column("turn", BIG, nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("turn", "away_until"):
        op.drop_column("user_account", name)
    for table in ("case_hand_back", "case_watch"):
        op.drop_table(table)
