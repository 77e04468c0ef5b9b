"""A write that a system does later is asked about; a session that was signed out is known to have ended; an event's
id that comes again with another body is told.

Revision: 0019 (after 0018)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("job", sa.Text(), nullable=True))
    op.add_column("user_account", sa.Column("ended_sessions", sa.Text(), nullable=False, server_default=""))
    op.add_column("inbox_event", sa.Column("digest", sa.LargeBinary(16), nullable=True))


def downgrade() -> None:
    op.drop_column("inbox_event", "digest")
    op.drop_column("user_account", "ended_sessions")
    op.drop_column("delivery", "job")
