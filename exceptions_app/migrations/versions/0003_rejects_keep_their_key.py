"""Rejected rows keep the key that could be read, and end; check runs count the keys that nobody could judge.

Revision: 0003 (after 0002)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_HOLDING = sa.text("known IS NOT NULL AND ended_at IS NULL")


def upgrade() -> None:
    op.add_column("reject", sa.Column("known", sa.Text(), nullable=True))
    op.add_column("reject", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_reject_holding", "reject", ["feed", "id"], sqlite_where=_HOLDING, postgresql_where=_HOLDING
    )
    op.add_column("check_run", sa.Column("unjudged", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("check_run", "unjudged")
    op.drop_index("ix_reject_holding", "reject")
    for column in ("ended_at", "known"):
        op.drop_column("reject", column)
