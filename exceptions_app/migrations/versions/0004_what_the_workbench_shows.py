"""Exceptions say what waiting costs, how old they are and what is pinned to their row.

Revision: 0004 (after 0003)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (
    ("delay_at", sa.DateTime(timezone=True)),
    ("delay_cost_e4", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
    ("delay_why", sa.String(length=200)),
    ("note", sa.String(length=300)),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("exception_case", sa.Column(name, kind, nullable=True))
    op.add_column("exception_case", sa.Column("aging", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("case_comment", sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("case_comment", "pinned_at")
    for name in ("aging", *(name for name, _ in COLUMNS)):
        op.drop_column("exception_case", name)
