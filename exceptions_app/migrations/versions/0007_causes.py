"""Causes, and what fixes them once.

Revision: 0007 (after 0006)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)
IN_FORCE = sa.text("withdrawn_at IS NULL")
ALONE = sa.text("status IN ('open', 'awaiting_confirmation') AND parent_id IS NULL")
CLUSTER = ["category", "counterparty", "entity", "queue", "reporting_amount_e4"]


def upgrade() -> None:
    op.create_table(
        "catalog_addition",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("summary", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("case_id", BIG, sa.ForeignKey("exception_case.id"), nullable=True),
        sa.Column("asked_by_id", BIG, sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("approved_by_id", BIG, sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT, nullable=True),
        sa.Column("withdrawn_at", AT, nullable=True),
        sa.Column("withdrawn_by_id", BIG, sa.ForeignKey("user_account.id"), nullable=True),
        sa.Column("withdrawn_why", sa.String(length=2000), nullable=True),
    )
    op.create_index(
        "ix_catalog_addition_in_force",
        "catalog_addition",
        ["id"],
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.create_index("ix_case_cluster", "exception_case", CLUSTER, sqlite_where=ALONE, postgresql_where=ALONE)


def downgrade() -> None:
    op.drop_index("ix_case_cluster", table_name="exception_case")
    op.drop_table("catalog_addition")
