"""Saved views, layouts, pasted lists of references, and bulk actions with a result per row.

Revision: 0006 (after 0005)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    _bulk()
    _views()
    _lists()


def downgrade() -> None:
    for table in (
        "listed_reference", "reference_list", "queue_layout", "saved_view", "bulk_item", "bulk_action",
    ):  # fmt: skip
        op.drop_table(table)


def _bulk() -> None:
    op.create_table(
        "bulk_action",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("amount_e4", BIG, nullable=False),
        sa.Column("requested_by_id", BIG, nullable=False),
        sa.Column("task_id", BIG, nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("finished_at", UTC, nullable=True),
        sa.Column("undo_until", UTC, nullable=True),
        sa.Column("undone_at", UTC, nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("config_snapshot_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["user_account.id"], name="fk_bulk_action_requested_by_id_user_account"
        ),
        sa.ForeignKeyConstraint(
            ["config_snapshot_id"], ["config_snapshot.id"], name="fk_bulk_action_config_snapshot_id_config_snapshot"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_action"),
        sa.UniqueConstraint("token", name="uq_bulk_action_token"),
    )  # fmt: skip
    op.create_index("ix_bulk_action_requested_by_id_id", "bulk_action", ["requested_by_id", "id"])
    op.create_table(
        "bulk_item",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("bulk_id", BIG, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("left_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["bulk_id"], ["bulk_action.id"], name="fk_bulk_item_bulk_id_bulk_action"),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_bulk_item_case_id_exception_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_item"),
        sa.UniqueConstraint("bulk_id", "case_id", name="uq_bulk_item_bulk_id_case_id"),
    )
    op.create_index("ix_bulk_item_bulk_id_status_id", "bulk_item", ["bulk_id", "status", "id"])


def _views() -> None:
    op.create_table(
        "saved_view",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("owner_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("grouping", sa.String(length=16), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("density", sa.String(length=16), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name="fk_saved_view_owner_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
        sa.UniqueConstraint("owner_id", "name", name="uq_saved_view_owner_id_name"),
    )
    op.create_index("ix_saved_view_shared", "saved_view", ["shared"])
    op.create_table(
        "queue_layout",
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("density", sa.String(length=16), nullable=False),
        sa.Column("default_view_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_queue_layout_user_id_user_account", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["default_view_id"], ["saved_view.id"], name="fk_queue_layout_default_view_id_saved_view",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_queue_layout"),
    )  # fmt: skip


def _lists() -> None:
    op.create_table(
        "reference_list",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("owner_id", BIG, nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name="fk_reference_list_owner_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_reference_list"),
    )  # fmt: skip
    op.create_table(
        "listed_reference",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("case_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["key"], ["reference_list.key"], name="fk_listed_reference_key_reference_list", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "reference", name="pk_listed_reference"),
    )
