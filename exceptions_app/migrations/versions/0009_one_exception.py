"""The page of one exception finds its neighbours by index: others of its order and counterparty, how similar ones
ended, and what ran under its correlation IDs.

Revision: 0009 (after 0008)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LIVE = sa.text("status IN ('open', 'awaiting_confirmation')")
_ENDED = sa.text("status = 'resolved'")
_BY_ID = ("check_run", "sync_run", "task")


def upgrade() -> None:
    _partial("ix_case_counterparty_due", ["counterparty", "due_at", "id"], _LIVE)
    _partial("ix_case_ended_with", ["category", "counterparty", "resolved_at"], _ENDED)
    _partial("ix_case_ended_in", ["category", "entity", "resolved_at"], _ENDED)
    op.drop_index("ix_case_line", "exception_case")
    op.create_index(
        "ix_case_line", "exception_case", ["line_key"], postgresql_ops={"line_key": "text_pattern_ops"}
    )
    for table in _BY_ID:
        op.create_index(f"ix_{table}_correlation_id", table, ["correlation_id"])


def downgrade() -> None:
    for table in _BY_ID:
        op.drop_index(f"ix_{table}_correlation_id", table)
    op.drop_index("ix_case_line", "exception_case")
    op.create_index("ix_case_line", "exception_case", ["line_key"])
    for name in ("ix_case_ended_in", "ix_case_ended_with", "ix_case_counterparty_due"):
        op.drop_index(name, "exception_case")


def _partial(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "exception_case", columns, sqlite_where=where, postgresql_where=where)
