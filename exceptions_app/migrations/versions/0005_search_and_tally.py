"""Full-text search, and counters of what is open.

Revision: 0005 (after 0004)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LIVE = sa.text("status IN ('open', 'awaiting_confirmation')")

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
    op.create_index(
        "ix_case_live_cost",
        "exception_case",
        ["delay_cost_e4", "id"],
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    for statement in SEARCH[op.get_bind().dialect.name]:
        op.execute(statement)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "search_due",
        sa.Column("case_id", number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_search_due"),
    )
    op.execute("INSERT INTO search_due (case_id) SELECT id FROM exception_case")


def downgrade() -> None:
    op.drop_table("search_due")
    op.execute("DROP TABLE case_search")
    op.drop_index("ix_case_live_cost", "exception_case")
    _reference_index({})


def _reference_index(operators: dict[str, str]) -> None:
    """By bytes on PostgreSQL, so that what begins with a reference is found by it under any collation."""
    op.drop_index("ix_case_reference", "exception_case")
    op.create_index("ix_case_reference", "exception_case", ["reference"], postgresql_ops=operators)
