"""Executions of feeds and checks, with counts, watermarks and rejects."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, ShortText, Utc


class FeedState(Base):
    """Where a feed stands. One row a feed; moved in the transaction that marks its run finished."""

    __tablename__ = "feed_state"

    feed: Mapped[str] = mapped_column(String(64), primary_key=True)
    watermark: Mapped[str | None] = mapped_column(Text)
    last_run_id: Mapped[int | None] = mapped_column(Big)
    last_complete_run_id: Mapped[int | None] = mapped_column(Big)
    read_through: Mapped[Utc | None]
    """All that the source knew by then has been read: the start of the last complete read, or, where files are
    delivered, the time of the newest whole one."""
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[Utc | None]
    out_since: Mapped[Utc | None]
    """Since when it brings nothing because its system cannot be reached or does not let us in."""
    last_error: Mapped[str | None] = mapped_column(Text)
    paused_at: Mapped[Utc | None]
    paused_by: Mapped[str | None] = mapped_column(String(64))
    paused_why: Mapped[str | None] = mapped_column(String(500))
    source_job: Mapped[str | None] = mapped_column(Text)
    """What a run left at the source and the next one may take up: a job that was submitted there, as JSON text of the
    connector's own. Gone with the run that was read whole."""


class SyncRun(Base):
    """One execution of a feed. Status: running, complete, partial, failed. Kind: poll (what the schedule or a person
    asks for), pull (single records), backfill and replay (what was read before; proves nothing absent).
    """

    __tablename__ = "sync_run"

    id: Mapped[Id]
    feed: Mapped[CodeText]
    status: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[Utc]
    read_started_at: Mapped[Utc]
    finished_at: Mapped[Utc | None]
    rows_read: Mapped[int] = mapped_column(default=0)
    rows_stored: Mapped[int] = mapped_column(default=0)
    rows_rejected: Mapped[int] = mapped_column(default=0)
    rows_deleted: Mapped[int] = mapped_column(default=0)
    rows_mapped: Mapped[int] = mapped_column(default=0, server_default="0")
    """Rows that the mapping took: landed, or the same as one before."""
    bytes_read: Mapped[int | None] = mapped_column(Big)
    """As they came from the source; NULL where nobody counts them."""
    kind: Mapped[str] = mapped_column(String(16), default="poll", server_default="poll")
    asked_for: Mapped[str | None] = mapped_column(String(300))
    """backfill, replay: what was to be read again, in words."""
    watermark_before: Mapped[str | None] = mapped_column(Text)
    watermark_after: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[CodeText]
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))

    __table_args__ = (Index(None, "feed", "id"), Index(None, "status", "feed"), Index(None, "correlation_id"))


_HOLDING = text("known IS NOT NULL AND ended_at IS NULL")


class Reject(Base):
    """A row that broke its record type's schema: where, why, and the raw row masked by sensitivity.

    While it is open (`ended_at` is NULL), nothing is judged on the key in `known`.
    """

    __tablename__ = "reject"

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(Big, ForeignKey("sync_run.id"), index=True)
    feed: Mapped[CodeText]
    position: Mapped[str] = mapped_column(String(300))
    source_id: Mapped[str | None] = mapped_column(String(200))
    column_name: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[LongText]
    raw_masked: Mapped[LongText]
    known: Mapped[str | None] = mapped_column(Text)
    """JSON: column -> text (null: empty at the source), of what identifies it and could be read. NULL: nothing."""
    created_at: Mapped[Utc]
    ended_at: Mapped[Utc | None]
    """Since when it no longer counts: its row came again and was taken, left the source, or was given up."""

    __table_args__ = (
        Index(None, "feed", "id"),
        Index("ix_reject_holding", "feed", "id", sqlite_where=_HOLDING, postgresql_where=_HOLDING),
    )


class FeedChange(Base):
    """A configuration came into force that reads or maps a feed otherwise than the one before."""

    __tablename__ = "feed_change"

    id: Mapped[Id]
    feed: Mapped[CodeText]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of all that the configuration says of the feed and its system's connection."""
    version: Mapped[ShortText]
    """Its contract's."""
    said: Mapped[str] = mapped_column(String(300))
    """What changed: `added`, `mapping, schedule`."""
    silent: Mapped[bool]
    """What is read or how it is mapped changed, and the contract's version did not."""
    at: Mapped[Utc]
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))

    __table_args__ = (Index(None, "feed", "id"),)


class FeedFields(Base):
    """Which fields a feed's source is known to send, and which are new or of another kind. One row a feed."""

    __tablename__ = "feed_fields"

    feed: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[ShortText]
    """The contract's, under which they were agreed."""
    known: Mapped[LongText]
    """JSON: field -> its kinds."""
    drift: Mapped[LongText]
    """JSON: a list of what differs, see `records.drift.Drifted` and `records.words.UnknownWord`."""
    changed_at: Mapped[Utc]


class SystemAllowance(Base):
    """How much may be asked of one system: its breaker of reading, its quota, its next slot."""

    __tablename__ = "system_allowance"

    system: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default="closed")
    failures: Mapped[int] = mapped_column(default=0)
    pause_seconds: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[Utc | None]
    retry_at: Mapped[Utc | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    window_at: Mapped[Utc | None]
    """When the quota's present while began."""
    used: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[Utc | None]
    """The first slot of the rate that nobody has."""
    changed_at: Mapped[Utc]


class CheckRun(Base):
    """One execution of a check in one scope (an entity, or `*` for the network). Status as of a sync run."""

    __tablename__ = "check_run"

    id: Mapped[Id]
    check_code: Mapped[CodeText]
    scope: Mapped[CodeText]
    status: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[Utc]
    finished_at: Mapped[Utc | None]
    sides: Mapped[LongText]
    """JSON: feed -> {run_id, status, read_through} that the run compared."""
    compared: Mapped[int] = mapped_column(default=0)
    matched: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)
    opened: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    seen: Mapped[int] = mapped_column(default=0)
    reopened: Mapped[int] = mapped_column(default=0)
    closed: Mapped[int] = mapped_column(default=0)
    confirmed: Mapped[int] = mapped_column(default=0)
    unjudged: Mapped[int] = mapped_column(default=0)
    """Keys on which nothing was opened, changed or closed: a row of theirs was rejected, or says an unknown word."""
    mode: Mapped[str] = mapped_column(String(16), default="full", server_default="full")
    """`full`: every key was compared. `incremental`: those that changed since the run before; what is counted is of
    these."""
    why: Mapped[str | None] = mapped_column(String(300))
    """Why everything was compared."""
    probed: Mapped[int] = mapped_column(default=0, server_default="0")
    """Lines that an incremental run looked at."""
    basis: Mapped[str | None] = mapped_column(Text)
    """JSON: what the next run needs to know of this one, see `services.basis`. NULL: it must compare everything."""
    error: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[CodeText]
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))

    __table_args__ = (Index(None, "check_code", "scope", "id"), Index(None, "correlation_id"))
