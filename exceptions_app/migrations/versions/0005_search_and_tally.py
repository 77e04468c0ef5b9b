"""Full-text search, and counters of what is open.

Revision: 0005 (after 0004)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from exceptions_app.migrations import tally_triggers

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LIVE = sa.text("status IN ('open', 'awaiting_confirmation')")
LIVE_INDEXES = {
    "ix_case_live_cost": ("delay_cost_e4", "id"),
    "ix_case_live_aging": ("aging", "due_at", "id"),
    "ix_case_live_category": ("category", "due_at", "id"),
}

SEARCH = {
    "sqlite": ("CREATE VIRTUAL TABLE case_search USING fts5(words, tokenize='ascii')",),
    "postgresql": (
        "CREATE TABLE case_search (case_id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX ix_case_search_words ON case_search USING gin (words)",
    ),
}
"""The words come by a job, which is told what is there."""


def upgrade() -> None:
    _reference_index({"reference": "text_pattern_ops"})
    for name, columns in LIVE_INDEXES.items():
        op.create_index(name, "exception_case", list(columns), sqlite_where=LIVE, postgresql_where=LIVE)
    for statement in SEARCH[op.get_bind().dialect.name]:
        op.execute(statement)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "search_due",
        sa.Column("case_id", number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_search_due"),
    )
    op.execute("INSERT INTO search_due (case_id) SELECT id FROM exception_case")
    _tally()


def _key() -> list[sa.Column[str]]:
    lengths = (("queue", 64), ("entity", 64), ("category", 64), ("status", 24), ("stage", 16))
    return [sa.Column(name, sa.String(length=length), nullable=False) for name, length in lengths]


def _tally() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    key = _key()
    aging = sa.Column("aging", sa.SmallInteger(), autoincrement=False, nullable=False)
    names = [*(column.name for column in key), aging.name]
    op.create_table(
        "case_tally", *key, aging, sa.Column("count", number, nullable=False),
        sa.PrimaryKeyConstraint(*names, name="pk_case_tally"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "case_tally_delta", sa.Column("id", number, autoincrement=True, nullable=False),
        *_key(), sa.Column("aging", sa.SmallInteger(), nullable=False),
        sa.Column("count", number, nullable=False), sa.PrimaryKeyConstraint("id", name="pk_case_tally_delta"),
    )  # fmt: skip
    for statement in (*tally_triggers.CREATE[op.get_bind().dialect.name], tally_triggers.COUNT):
        op.execute(statement)


def downgrade() -> None:
    for statement in tally_triggers.DROP[op.get_bind().dialect.name]:
        op.execute(statement)
    op.drop_table("case_tally_delta")
    op.drop_table("case_tally")
    op.drop_table("search_due")
    op.execute("DROP TABLE case_search")
    for name in LIVE_INDEXES:
        op.drop_index(name, "exception_case")
    _reference_index({})


def _reference_index(operators: dict[str, str]) -> None:
    """By bytes on PostgreSQL, so that what begins with a reference is found by it under any collation."""
    op.drop_index("ix_case_reference", "exception_case")
    op.create_index("ix_case_reference", "exception_case", ["reference"], postgresql_ops=operators)
