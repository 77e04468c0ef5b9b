"""Runs say what they were for and how much they read; feeds can be paused; what a system allows is kept.

Revision: 0016 (after 0013)
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)

COLUMNS: tuple[tuple[str, str, sa.types.TypeEngine[Any], str | None], ...] = (
    ("sync_run", "kind", sa.String(16), "poll"),
    ("sync_run", "rows_mapped", sa.Integer(), "0"),
    ("sync_run", "bytes_read", BIG, None),
    ("sync_run", "asked_for", sa.String(300), None),
    ("feed_state", "paused_at", AT, None),
    ("feed_state", "paused_by", sa.String(64), None),
    ("feed_state", "paused_why", sa.String(500), None),
    ("feed_state", "source_job", sa.Text(), None),
)


def upgrade() -> None:
    for table, name, kind, default in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    op.create_table(
        "system_allowance",
        sa.Column("system", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("pause_seconds", sa.Integer(), nullable=False),
        sa.Column("opened_at", AT, nullable=True),
        sa.Column("retry_at", AT, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("window_at", AT, nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("next_at", AT, nullable=True),
        sa.Column("changed_at", AT, nullable=False),
    )
    op.create_table(
        "feed_change",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("feed", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("said", sa.String(300), nullable=False),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("config_snapshot_id", BIG, sa.ForeignKey("config_snapshot.id"), nullable=False),
    )
    op.create_index("ix_feed_change_feed_id", "feed_change", ["feed", "id"])


def downgrade() -> None:
    op.drop_table("feed_change")
    op.drop_table("system_allowance")
    for table, name, _, _ in reversed(COLUMNS):
        op.drop_column(table, name)
