"""The exception as people work on it, its evidence and its comments."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import AmountE4, Big, CodeText, Id, LongText, ShortText, Utc

_LIVE = text("status IN ('open', 'awaiting_confirmation')")
_ALONE = text("status IN ('open', 'awaiting_confirmation') AND parent_id IS NULL")
_ENDED = text("status = 'resolved'")


class ExceptionCase(Base):
    """An exception. Its public reference (`EX-7F3K2Q`) is computed from `id`: see `domain.public_id`.

    `status`: open, awaiting_confirmation, resolved, waived. `sla_stage`: on_track, due_soon, breached, paused,
    stopped. Amounts are in 1/10,000; `reporting_amount_e4` is in the site's reporting currency at `rate_e8` (dated
    when the evidence was taken). `next_sla_at` is the next instant at which the sweep has something to do.
    """

    __tablename__ = "exception_case"

    id: Mapped[Id]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    check_code: Mapped[CodeText]
    scope: Mapped[CodeText]
    category: Mapped[CodeText]
    entity: Mapped[CodeText]
    queue: Mapped[CodeText]
    severity: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(24))
    end_reason: Mapped[str | None] = mapped_column(String(64))
    ended_by: Mapped[str | None] = mapped_column(String(200))

    reference: Mapped[ShortText]
    counterparty: Mapped[str | None] = mapped_column(String(200))
    sentence: Mapped[LongText]
    business_key: Mapped[LongText]
    line_key: Mapped[str | None] = mapped_column(String(300))
    facts: Mapped[LongText]
    also: Mapped[str] = mapped_column(Text, default="[]")
    evidence_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    evidence_version: Mapped[int] = mapped_column(default=1)
    amount_e4: Mapped[AmountE4 | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    reporting_amount_e4: Mapped[AmountE4 | None]
    rate_e8: Mapped[int | None] = mapped_column(Big)

    owner_id: Mapped[int | None] = mapped_column(Big, ForeignKey("user_account.id"))
    recurring: Mapped[bool] = mapped_column(default=False)
    cycle: Mapped[int] = mapped_column(default=1)
    since_at: Mapped[Utc]
    first_seen_at: Mapped[Utc]
    opened_at: Mapped[Utc]
    resolved_at: Mapped[Utc | None]
    confirmed_at: Mapped[Utc | None]
    waiver_expires_at: Mapped[Utc | None]

    on_hold: Mapped[bool] = mapped_column(default=False)
    hold_reason: Mapped[str | None] = mapped_column(Text)
    ball_in_court: Mapped[str | None] = mapped_column(String(24))
    held_at: Mapped[Utc | None]
    hold_until: Mapped[Utc | None]
    paused_seconds: Mapped[int] = mapped_column(default=0)
    """Business seconds on hold in this cycle, not counting a hold that is still on."""

    sla_target: Mapped[str] = mapped_column(String(40))
    sla_calendar: Mapped[CodeText]
    sla_stage: Mapped[str] = mapped_column(String(16), default="on_track")
    due_at: Mapped[Utc | None]
    due_soon_at: Mapped[Utc | None]
    next_sla_at: Mapped[Utc | None]
    breached_at: Mapped[Utc | None]
    half_at: Mapped[Utc | None]
    """When half of the target is used up."""
    cutoff: Mapped[str | None] = mapped_column(String(64))
    """The cut-off that is earlier than the target, and so makes `due_at`."""
    response_target: Mapped[str | None] = mapped_column(String(40))
    response_due_at: Mapped[Utc | None]
    responded_at: Mapped[Utc | None]
    """When a person first took it up in this cycle."""
    told: Mapped[int] = mapped_column(default=0)
    """What the sweep has told in this cycle: flags of `domain.sla.Told`."""

    retry_count: Mapped[int] = mapped_column(default=0)
    retry_state: Mapped[str | None] = mapped_column(String(24))
    """How its latest delivery stands, as `Delivery.status`; NULL: never retried in this cycle."""
    parent_id: Mapped[int | None] = mapped_column(Big, ForeignKey("exception_case.id"))
    """The master-data or mapping error that causes it, an exception too."""
    aging: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Its aging bucket as the sweep last saw it, from 0: see `domain.sla.AGING`."""
    delay_at: Mapped[Utc | None]
    """When waiting begins to cost money: a discount ends, a payment is due, a supplier stops deliveries."""
    delay_cost_e4: Mapped[AmountE4 | None]
    """What is lost then, in the reporting currency; below 0 where nobody can price it: `domain.delay.Delay.rank`."""
    delay_why: Mapped[str | None] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(String(300))
    """What somebody wrote for the row of the queue: the pinned comment, shortened."""
    version: Mapped[int] = mapped_column(default=1)
    audit_head: Mapped[bytes] = mapped_column(LargeBinary(32))
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))

    __table_args__ = (
        Index("ix_case_scope", "check_code", "scope", "status"),
        Index("ix_case_sweep", "next_sla_at", sqlite_where=text("next_sla_at IS NOT NULL"),
              postgresql_where=text("next_sla_at IS NOT NULL")),
        Index("ix_case_queue_due", "queue", "due_at", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_live_due", "due_at", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_live_amount", "reporting_amount_e4", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_live_opened", "opened_at", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_live_cost", "delay_cost_e4", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_live_aging", "aging", "due_at", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_live_category", "category", "due_at", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_live_category_amount", "category", "reporting_amount_e4", "id", sqlite_where=_LIVE,
              postgresql_where=_LIVE),
        Index("ix_case_owner", "owner_id", "due_at", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_cluster", "category", "counterparty", "entity", "queue", "reporting_amount_e4",
              sqlite_where=_ALONE, postgresql_where=_ALONE),
        Index("ix_case_reference", "reference", postgresql_ops={"reference": "text_pattern_ops"}),
        Index("ix_case_counterparty", "counterparty"),
        Index("ix_case_counterparty_due", "counterparty", "due_at", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_case_ended_with", "category", "counterparty", "resolved_at", sqlite_where=_ENDED,
              postgresql_where=_ENDED),
        Index("ix_case_ended_in", "category", "entity", "resolved_at", sqlite_where=_ENDED, postgresql_where=_ENDED),
        Index("ix_case_line", "line_key", postgresql_ops={"line_key": "text_pattern_ops"}),
        Index("ix_case_retry", "retry_state", "due_at", "id", sqlite_where=text("retry_state IS NOT NULL"),
              postgresql_where=text("retry_state IS NOT NULL")),
        Index("ix_case_parent", "parent_id", sqlite_where=text("parent_id IS NOT NULL"),
              postgresql_where=text("parent_id IS NOT NULL")),
    )  # fmt: skip


class CaseEvidence(Base):
    """Every side's values at detection: JSON, decimals as text, times UTC. One row a version."""

    __tablename__ = "case_evidence"

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"))
    version: Mapped[int]
    evidence: Mapped[LongText]
    taken_at: Mapped[Utc]
    check_run_id: Mapped[int | None] = mapped_column(Big)

    __table_args__ = (UniqueConstraint("case_id", "version"),)


class CaseComment(Base):
    __tablename__ = "case_comment"

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"), index=True)
    author_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id"))
    text: Mapped[LongText]
    created_at: Mapped[Utc]
    pinned_at: Mapped[Utc | None]
    """At most one comment of an exception is pinned: it stands above all and on the row of the queue."""


class CasePause(Base):
    """A stretch in which the clock of an exception stood still, in wall-clock time: the event log of its clock.

    `kind`: hold (a person's, with `party`: whose move it was) or stopped (waived, or out of the window). Under any
    calendar, paused time is what of these stretches is open; so a changed calendar loses nothing.
    """

    __tablename__ = "case_pause"

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"), index=True)
    cycle: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    party: Mapped[str | None] = mapped_column(String(24))
    reason: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[Utc]
    ended_at: Mapped[Utc | None]
