"""A check run says whether it compared everything or what had changed, and what the next one needs to follow change.

Revision: 0013 (after 0012)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("check_run", sa.Column("mode", sa.String(16), nullable=False, server_default="full"))
    op.add_column("check_run", sa.Column("why", sa.String(300), nullable=True))
    op.add_column("check_run", sa.Column("probed", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("check_run", sa.Column("basis", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("basis", "probed", "why", "mode"):
        op.drop_column("check_run", name)
