"""The live exceptions of one category are found in the order of their amount.

Revision: 0020 (after 0019)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LIVE = sa.text("status IN ('open', 'awaiting_confirmation')")


def upgrade() -> None:
    op.create_index(
        "ix_case_live_category_amount", "exception_case", ["category", "reporting_amount_e4", "id"],
        sqlite_where=LIVE, postgresql_where=LIVE,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_case_live_category_amount", "exception_case")
