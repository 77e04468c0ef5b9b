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


def upgrade() -> None:
    _reference_index({"reference": "text_pattern_ops"})
    op.create_index(
        "ix_case_live_cost",
        "exception_case",
        ["delay_cost_e4", "id"],
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )


def downgrade() -> None:
    op.drop_index("ix_case_live_cost", "exception_case")
    _reference_index({})


def _reference_index(operators: dict[str, str]) -> None:
    """By bytes on PostgreSQL, so that what begins with a reference is found by it under any collation."""
    op.drop_index("ix_case_reference", "exception_case")
    op.create_index("ix_case_reference", "exception_case", ["reference"], postgresql_ops=operators)
