"""What is sent to systems on an exception's behalf: batches, the outbox, attempts, and how each system stands."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, ShortText, Utc

_LIVE = text("status IN ('awaiting_approval', 'waiting', 'sending', 'unsure')")
_DUE = text("status = 'waiting'")


class RetryBatch(Base):
    """Retries that were asked for together. Status: preparing, ready (dry run done, nothing sent), sending, paused,
    cancelled, finished.

    `token` comes with the form, so that a batch started twice is one batch. `selection` is JSON: the ids, or the
    filter of the queue, that was asked for.
    """

    __tablename__ = "retry_batch"

    id: Mapped[Id]
    token: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[ShortText]
    status: Mapped[str] = mapped_column(String(16), index=True)
    dry_run: Mapped[bool] = mapped_column(default=False)
    selection: Mapped[LongText]
    reason: Mapped[str | None] = mapped_column(Text)
    requested_by_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id"))
    task_id: Mapped[int | None] = mapped_column(Big)
    total: Mapped[int | None]
    """How many exceptions were selected; None until it is known."""
    created_at: Mapped[Utc]
    finished_at: Mapped[Utc | None]
    correlation_id: Mapped[CodeText]
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))


class Delivery(Base):
    """One business write in the outbox: one exception, one idempotency key, however often it is tried.

    Status (`domain.retry.STEPS` says what may follow): ready (of a dry run), awaiting_approval, waiting, sending,
    unsure (outcome unknown, a person decides), accepted, confirmed, not_confirmed, skipped (`note` says why), failed
    (a dead letter), discarded, replayed.
    `fields` is JSON, name -> text: what is sent; `edited` is JSON, name -> [before, after]. Deliveries with the same
    system and `order_key` are sent in the order of their ids.
    """

    __tablename__ = "delivery"

    id: Mapped[Id]
    batch_id: Mapped[int | None] = mapped_column(Big, ForeignKey("retry_batch.id"))
    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"))
    operation: Mapped[CodeText]
    system: Mapped[CodeText]
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    order_key: Mapped[str] = mapped_column(String(200))
    fields: Mapped[LongText]
    edited: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(24))
    note: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(default=0)
    reads: Mapped[int] = mapped_column(default=0)
    """How often it was read back; `tries` counts the sends only."""
    doubtful: Mapped[bool] = mapped_column(default=False)
    """A send may have arrived without an answer: it keeps its key, and is not given up before that is known."""
    job: Mapped[str | None] = mapped_column(Text)
    """What the system does later, while it is at work on it: JSON, see `services.outbox_jobs`."""
    max_tries: Mapped[int]
    not_before: Mapped[Utc]
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[Utc | None]
    requested_by_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id"))
    approved_by_id: Mapped[int | None] = mapped_column(Big, ForeignKey("user_account.id"))
    created_at: Mapped[Utc]
    accepted_at: Mapped[Utc | None]
    settled_at: Mapped[Utc | None]
    """When it was confirmed, not confirmed, skipped, given up or discarded."""
    first_error: Mapped[str | None] = mapped_column(Text)
    last_error: Mapped[str | None] = mapped_column(Text)
    error_class: Mapped[str | None] = mapped_column(String(64))
    replays_id: Mapped[int | None] = mapped_column(Big)
    """The dead letter that this one sends again."""
    correlation_id: Mapped[CodeText]
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))

    __table_args__ = (
        Index("uq_delivery_live_case", "case_id", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_delivery_due", "system", "not_before", "id", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("ix_delivery_order", "system", "order_key", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_delivery_batch", "batch_id", "status"),
        Index("ix_delivery_status", "status", "system", "id"),
        Index("ix_delivery_case", "case_id", "id"),
    )  # fmt: skip


class Attempt(Base):
    """One try of a delivery: what was asked, what was answered, how long it took.

    `kind`: send, read_back (to see whether an earlier send arrived), or job (to see what came of what the system does
    later: one row, however often it is asked). `outcome`: accepted, transient, permanent, unknown, found, absent,
    at_work; NULL while it runs. Inserted before the call, so that a killed process leaves its trace.
    `request` and `answer` are masked by the sensitivity of the fields, and cut.
    """

    __tablename__ = "attempt"

    id: Mapped[Id]
    delivery_id: Mapped[int] = mapped_column(Big, ForeignKey("delivery.id"), index=True)
    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"), index=True)
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16), default="send")
    started_at: Mapped[Utc]
    finished_at: Mapped[Utc | None]
    duration_ms: Mapped[int | None]
    request: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    status_code: Mapped[int | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[CodeText]


class SystemGate(Base):
    """How sending to one system stands: its circuit breaker, and how gently it is taken up again.

    `state`: closed (sending), open (resting until `retry_at`), half_open (one probe is on its way), draining
    (recovered, `allowance` at once and growing).
    """

    __tablename__ = "system_gate"

    system: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default="closed")
    failures: Mapped[int] = mapped_column(default=0)
    pause_seconds: Mapped[int] = mapped_column(default=0)
    allowance: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[Utc | None]
    retry_at: Mapped[Utc | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[Utc]
