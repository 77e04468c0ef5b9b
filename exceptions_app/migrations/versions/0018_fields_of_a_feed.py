"""Which fields a feed's source sends is known, so that what is new or of another kind is told.

Revision: 0018 (after 0016)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_fields",
        sa.Column("feed", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("known", sa.Text(), nullable=False),
        sa.Column("drift", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("feed_fields")
