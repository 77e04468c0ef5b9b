"""Retries and their outbox, notices and mail, API keys, and what the clock needs to be recomputed.

Revision: 0002 (after 0001)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from exceptions_app.migrations import clock_log

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE = sa.text("status IN ('awaiting_approval', 'waiting', 'sending', 'unsure')")
_WAITING = sa.text("status = 'waiting'")
_UNSENT = sa.text("status IN ('waiting', 'sending')")
_UNMAILED = sa.text("mail_id IS NULL AND mail_after IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "system_gate",
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("pause_seconds", sa.Integer(), nullable=False),
        sa.Column("allowance", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("system", name="pk_system_gate"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_api_token_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("digest", name="uq_api_token_digest"),
    )
    op.create_index("ix_api_token_user_id", "api_token", ["user_id"])
    op.create_table(
        "mail",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("recipient", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=120), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_mail_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
        sa.UniqueConstraint("message_id", name="uq_mail_message_id"),
    )
    op.create_index("ix_mail_due", "mail", ["not_before"], sqlite_where=_UNSENT, postgresql_where=_UNSENT)
    op.create_table(
        "retry_batch",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by_id", BIG, nullable=False),
        sa.Column("task_id", BIG, nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("config_snapshot_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["config_snapshot_id"],
            ["config_snapshot.id"],
            name="fk_retry_batch_config_snapshot_id_config_snapshot",
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["user_account.id"], name="fk_retry_batch_requested_by_id_user_account"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_retry_batch"),
        sa.UniqueConstraint("token", name="uq_retry_batch_token"),
    )
    op.create_index("ix_retry_batch_status", "retry_batch", ["status"])
    op.create_table(
        "case_pause",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("party", sa.String(length=24), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_case_pause_case_id_exception_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_case_pause"),
    )
    op.create_index("ix_case_pause_case_id", "case_pause", ["case_id"])
    op.create_table(
        "delivery",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("batch_id", BIG, nullable=True),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("order_key", sa.String(length=200), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("edited", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("max_tries", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_by_id", BIG, nullable=False),
        sa.Column("approved_by_id", BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_error", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("error_class", sa.String(length=64), nullable=True),
        sa.Column("replays_id", BIG, nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("config_snapshot_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["user_account.id"], name="fk_delivery_approved_by_id_user_account"
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["retry_batch.id"], name="fk_delivery_batch_id_retry_batch"),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_delivery_case_id_exception_case"
        ),
        sa.ForeignKeyConstraint(
            ["config_snapshot_id"],
            ["config_snapshot.id"],
            name="fk_delivery_config_snapshot_id_config_snapshot",
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["user_account.id"], name="fk_delivery_requested_by_id_user_account"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("idempotency_key", name="uq_delivery_idempotency_key"),
    )
    op.create_index("ix_delivery_batch", "delivery", ["batch_id", "status"])
    op.create_index("ix_delivery_case", "delivery", ["case_id", "id"])
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["system", "not_before", "id"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_index(
        "ix_delivery_order",
        "delivery",
        ["system", "order_key", "id"],
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_index("ix_delivery_status", "delivery", ["status", "system", "id"])
    op.create_index(
        "uq_delivery_live_case",
        "delivery",
        ["case_id"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_table(
        "notice",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("case_id", BIG, nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("link", sa.String(length=200), nullable=False),
        sa.Column("dedupe", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["exception_case.id"], name="fk_notice_case_id_exception_case"),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name="fk_notice_mail_id_mail"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_notice_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("dedupe", "user_id", name="uq_notice_dedupe_user_id"),
    )
    op.create_index(
        "ix_notice_unmailed", "notice", ["mail_after"], sqlite_where=_UNMAILED, postgresql_where=_UNMAILED
    )
    op.create_index("ix_notice_user_id_read_at_id", "notice", ["user_id", "read_at", "id"])
    op.create_table(
        "attempt",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("delivery_id", BIG, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["exception_case.id"], name="fk_attempt_case_id_exception_case"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name="fk_attempt_delivery_id_delivery"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
    )
    op.create_index("ix_attempt_case_id", "attempt", ["case_id"])
    op.create_index("ix_attempt_delivery_id", "attempt", ["delivery_id"])
    op.add_column("exception_case", sa.Column("half_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("exception_case", sa.Column("cutoff", sa.String(length=64), nullable=True))
    op.add_column("exception_case", sa.Column("response_target", sa.String(length=40), nullable=True))
    op.add_column("exception_case", sa.Column("response_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("exception_case", sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("exception_case", sa.Column("told", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("exception_case", sa.Column("retry_state", sa.String(length=24), nullable=True))
    retried = sa.text("retry_state IS NOT NULL")
    op.create_index(
        "ix_case_retry", "exception_case", ["retry_state", "due_at", "id"], sqlite_where=retried,
        postgresql_where=retried,
    )  # fmt: skip
    op.add_column("user_account", sa.Column("function", sa.String(length=100), nullable=True))
    op.add_column(
        "user_account", sa.Column("mail_notices", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column(
        "user_account", sa.Column("quiet_from", sa.String(length=5), nullable=False, server_default="19:00")
    )
    op.add_column(
        "user_account", sa.Column("quiet_to", sa.String(length=5), nullable=False, server_default="07:00")
    )
    clock_log.fill(op.get_bind())


def downgrade() -> None:
    for column in ("quiet_to", "quiet_from", "mail_notices", "function"):
        op.drop_column("user_account", column)
    op.drop_index("ix_case_retry", "exception_case")
    for column in (
        "retry_state",
        "told",
        "responded_at",
        "response_due_at",
        "response_target",
        "cutoff",
        "half_at",
    ):
        op.drop_column("exception_case", column)
    for table in (
        "attempt",
        "notice",
        "delivery",
        "case_pause",
        "retry_batch",
        "mail",
        "api_token",
        "system_gate",
    ):
        op.drop_table(table)
