"""Events are kept before they are acknowledged, and the newest of each record is known.

Revision: 0010 (after 0009)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("state = 'waiting'")
_DEAD = sa.text("state = 'dead'")


def upgrade() -> None:
    op.create_table(
        "inbox_event",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("feed", sa.String(64), nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("source_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation_id", sa.String(64), nullable=False),
        sa.Column("traceparent", sa.String(100), nullable=True),
        sa.Column("state", sa.String(16), nullable=False, server_default="waiting"),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("replays", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inbox_event"),
        sa.UniqueConstraint("feed", "source", "event_id", name="uq_inbox_event_feed_source_event_id"),
    )
    _partial("ix_inbox_event_waiting", ["feed", "id"], _WAITING)
    _partial("ix_inbox_event_dead", ["id"], _DEAD)
    op.create_index("ix_inbox_event_correlation_id", "inbox_event", ["correlation_id"])
    op.create_table(
        "inbox_newest",
        sa.Column("feed", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("record_key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("correlation_id", sa.String(64), nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("feed", "digest", name="pk_inbox_newest"),
    )
    op.create_index("ix_inbox_newest_correlation_id", "inbox_newest", ["correlation_id"])


def downgrade() -> None:
    for table in ("inbox_newest", "inbox_event"):
        op.drop_table(table)


def _partial(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "inbox_event", columns, sqlite_where=where, postgresql_where=where)
