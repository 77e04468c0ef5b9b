"""The first tables: people, configuration, runs, exceptions, the trail, tasks.

Revision: 0001 (the first)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LIVE = sa.text("status IN ('open', 'awaiting_confirmation')")


def upgrade() -> None:
    op.create_table(
        "audit_checkpoint",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("through_event_id", BIG, nullable=False),
        sa.Column("events", BIG, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_checkpoint"),
    )
    op.create_table(
        "config_snapshot",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("summary", sa.String(length=200), nullable=False),
        sa.Column("accepted_by", sa.String(length=200), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_config_snapshot"),
        sa.UniqueConstraint("digest", name="uq_config_snapshot_digest"),
    )
    op.create_table(
        "feed_state",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("watermark", sa.Text(), nullable=True),
        sa.Column("last_run_id", BIG, nullable=True),
        sa.Column("last_complete_run_id", BIG, nullable=True),
        sa.Column("read_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consecutive_failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("feed", name="pk_feed_state"),
    )
    op.create_table(
        "unknown_sign_in",
        sa.Column("address_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_digest", name="pk_unknown_sign_in"),
    )
    op.create_index("ix_unknown_sign_in_first_at", "unknown_sign_in", ["first_at"])
    op.create_table(
        "user_account",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("theme", sa.String(length=8), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_visit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_user_account"),
        sa.UniqueConstraint("email", name="uq_user_account_email"),
    )
    op.create_table(
        "check_run",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("check_code", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sides", sa.Text(), nullable=False),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("config_snapshot_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["config_snapshot_id"],
            ["config_snapshot.id"],
            name="fk_check_run_config_snapshot_id_config_snapshot",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_check_run"),
    )
    op.create_index("ix_check_run_check_code_scope_id", "check_run", ["check_code", "scope", "id"])
    op.create_table(
        "exception_case",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("check_code", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("end_reason", sa.String(length=64), nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("counterparty", sa.String(length=200), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("line_key", sa.String(length=300), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("also", sa.Text(), nullable=False),
        sa.Column("evidence_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("evidence_version", sa.Integer(), nullable=False),
        sa.Column("amount_e4", BIG, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("reporting_amount_e4", BIG, nullable=True),
        sa.Column("rate_e8", BIG, nullable=True),
        sa.Column("owner_id", BIG, nullable=True),
        sa.Column("recurring", sa.Boolean(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiver_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_hold", sa.Boolean(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("ball_in_court", sa.String(length=24), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_seconds", sa.Integer(), nullable=False),
        sa.Column("sla_target", sa.String(length=40), nullable=False),
        sa.Column("sla_calendar", sa.String(length=64), nullable=False),
        sa.Column("sla_stage", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_soon_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_sla_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("parent_id", BIG, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("audit_head", sa.LargeBinary(length=32), nullable=False),
        sa.Column("config_snapshot_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["config_snapshot_id"],
            ["config_snapshot.id"],
            name="fk_exception_case_config_snapshot_id_config_snapshot",
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name="fk_exception_case_owner_id_user_account"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["exception_case.id"], name="fk_exception_case_parent_id_exception_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_exception_case"),
        sa.UniqueConstraint("fingerprint", name="uq_exception_case_fingerprint"),
    )
    op.create_index("ix_case_counterparty", "exception_case", ["counterparty"])
    op.create_index("ix_case_line", "exception_case", ["line_key"])
    op.create_index(
        "ix_case_parent",
        "exception_case",
        ["parent_id"],
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_case_live_amount",
        "exception_case",
        ["reporting_amount_e4", "id"],
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    op.create_index(
        "ix_case_live_due", "exception_case", ["due_at", "id"], sqlite_where=LIVE, postgresql_where=LIVE
    )
    op.create_index(
        "ix_case_live_opened", "exception_case", ["opened_at", "id"], sqlite_where=LIVE, postgresql_where=LIVE
    )
    op.create_index(
        "ix_case_owner", "exception_case", ["owner_id", "due_at"], sqlite_where=LIVE, postgresql_where=LIVE
    )
    op.create_index(
        "ix_case_queue_due",
        "exception_case",
        ["queue", "due_at", "id"],
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    op.create_index("ix_case_reference", "exception_case", ["reference"])
    op.create_index("ix_case_scope", "exception_case", ["check_code", "scope", "status"])
    op.create_index(
        "ix_case_sweep",
        "exception_case",
        ["next_sla_at"],
        sqlite_where=sa.text("next_sla_at IS NOT NULL"),
        postgresql_where=sa.text("next_sla_at IS NOT NULL"),
    )
    op.create_table(
        "sync_run",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_stored", sa.Integer(), nullable=False),
        sa.Column("rows_rejected", sa.Integer(), nullable=False),
        sa.Column("rows_deleted", sa.Integer(), nullable=False),
        sa.Column("watermark_before", sa.Text(), nullable=True),
        sa.Column("watermark_after", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("config_snapshot_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["config_snapshot_id"],
            ["config_snapshot.id"],
            name="fk_sync_run_config_snapshot_id_config_snapshot",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sync_run"),
    )
    op.create_index("ix_sync_run_feed_id", "sync_run", ["feed", "id"])
    op.create_index("ix_sync_run_status_feed", "sync_run", ["status", "feed"])
    op.create_table(
        "task",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=True),
        sa.Column("fire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("progress_done", sa.Integer(), nullable=False),
        sa.Column("progress_total", sa.Integer(), nullable=True),
        sa.Column("progress_note", sa.String(length=200), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("requested_by_id", BIG, nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["user_account.id"], name="fk_task_requested_by_id_user_account"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
        sa.UniqueConstraint("job", "fire_at", name="uq_task_job_fire_at"),
    )
    op.create_index(
        "ix_task_due",
        "task",
        ["not_before", "id"],
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index("ix_task_requested_by_id_id", "task", ["requested_by_id", "id"])
    op.create_index(
        "uq_task_running_scope",
        "task",
        ["scope"],
        unique=True,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "user_entity",
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_user_entity_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "entity", name="pk_user_entity"),
    )
    op.create_table(
        "user_queue",
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_user_queue_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "queue", name="pk_user_queue"),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("case_id", BIG, nullable=True),
        sa.Column("subject", sa.String(length=100), nullable=True),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("config_snapshot_id", BIG, nullable=True),
        sa.Column("payload_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_audit_event_case_id_exception_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    op.create_index("ix_audit_event_case_id_id", "audit_event", ["case_id", "id"])
    op.create_index("ix_audit_event_subject_id", "audit_event", ["subject", "id"])
    op.create_table(
        "case_comment",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("author_id", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user_account.id"], name="fk_case_comment_author_id_user_account"
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_case_comment_case_id_exception_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_case_comment"),
    )
    op.create_index("ix_case_comment_case_id", "case_comment", ["case_id"])
    op.create_table(
        "case_evidence",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("check_run_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["exception_case.id"], name="fk_case_evidence_case_id_exception_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_case_evidence"),
        sa.UniqueConstraint("case_id", "version", name="uq_case_evidence_case_id_version"),
    )
    op.create_table(
        "reject",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("position", sa.String(length=300), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=True),
        sa.Column("column_name", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw_masked", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name="fk_reject_run_id_sync_run"),
        sa.PrimaryKeyConstraint("id", name="pk_reject"),
    )
    op.create_index("ix_reject_feed_id", "reject", ["feed", "id"])
    op.create_index("ix_reject_run_id", "reject", ["run_id"])
    op.create_table(
        "audit_payload",
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["audit_event.id"], name="fk_audit_payload_event_id_audit_event"
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_audit_payload"),
    )


def downgrade() -> None:
    for table in (
        "audit_payload",
        "reject",
        "case_evidence",
        "case_comment",
        "audit_event",
        "user_queue",
        "user_entity",
        "task",
        "sync_run",
        "exception_case",
        "check_run",
        "user_account",
        "unknown_sign_in",
        "feed_state",
        "config_snapshot",
        "audit_checkpoint",
    ):
        op.drop_table(table)
