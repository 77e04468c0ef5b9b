"""A feed knows since when its system does not deliver it.

Revision: 0011 (after 0010)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed_state", sa.Column("out_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("feed_state", "out_since")
