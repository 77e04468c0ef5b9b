"""Events as they came, and which event each record was last changed by."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, ShortText, Utc

_WAITING = text("state = 'waiting'")
_DEAD = text("state = 'dead'")


class InboxEvent(Base):
    """One event of a feed, kept before it was acknowledged. State: waiting, taken, dead, discarded.

    `body` is what was sent and may hold anything: it is only shown masked. Once the event was taken it is what the
    mapping names of it and nothing that is concealed (`records.replayed`), for a while; once discarded, nothing.
    """

    __tablename__ = "inbox_event"

    id: Mapped[Id]
    feed: Mapped[CodeText]
    source: Mapped[str] = mapped_column(String(300), default="")
    event_id: Mapped[ShortText]
    type: Mapped[ShortText]
    source_time: Mapped[Utc | None]
    received_at: Mapped[Utc]
    correlation_id: Mapped[CodeText]
    traceparent: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(16), default="waiting", server_default="waiting")
    body: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    """Of what it said when it came (`connectors.events.event.digest_of`); None: it came before this was kept."""
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often a run broke at it."""
    replays: Mapped[int] = mapped_column(default=0, server_default="0")
    run_id: Mapped[int | None] = mapped_column(Big)
    settled_at: Mapped[Utc | None]
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("feed", "source", "event_id"),
        Index("ix_inbox_event_waiting", "feed", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_inbox_event_dead", "id", sqlite_where=_DEAD, postgresql_where=_DEAD),
        Index(None, "correlation_id"),
    )


class InboxNewest(Base):
    """The newest event that a record of a feed was changed by, so that what comes late or twice changes nothing.

    Kept for deleted records too: else a late change would bring them back. `digest` is of `record_key`, the record's
    identity as text.
    """

    __tablename__ = "inbox_newest"

    feed: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    record_key: Mapped[LongText]
    at: Mapped[Utc]
    version: Mapped[int] = mapped_column(Big)
    event: Mapped[LongText]
    deleted: Mapped[bool]
    correlation_id: Mapped[CodeText]
    run_id: Mapped[int] = mapped_column(Big)

    __table_args__ = (Index(None, "correlation_id"),)
