"""What people do to many exceptions at once, and what became of each."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import AmountE4, Big, CodeText, Id, LongText, ShortText, Utc


class BulkAction(Base):
    """One action on many exceptions. Status: running, done, cancelled, undoing, undone.

    `action` is the verb, `asked` what was said with it (JSON). `token` comes with the form, so that what is
    started twice is one. `amount_e4` is what the exceptions were worth in the reporting currency.
    """

    __tablename__ = "bulk_action"

    id: Mapped[Id]
    token: Mapped[str] = mapped_column(String(64), unique=True)
    action: Mapped[str] = mapped_column(String(16))
    asked: Mapped[LongText]
    title: Mapped[ShortText]
    status: Mapped[str] = mapped_column(String(16))
    total: Mapped[int]
    amount_e4: Mapped[AmountE4]
    requested_by_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id"))
    task_id: Mapped[int | None] = mapped_column(Big)
    created_at: Mapped[Utc]
    finished_at: Mapped[Utc | None]
    undo_until: Mapped[Utc | None]
    undone_at: Mapped[Utc | None]
    correlation_id: Mapped[CodeText]
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))

    __table_args__ = (Index(None, "requested_by_id", "id"),)


class BulkItem(Base):
    """One exception of a bulk action, frozen when it was confirmed: `seen` is its version then.

    Status: waiting, done, refused (`note` says why), skipped (cancelled before its turn), undone, kept (could not
    be undone; `note` says why). `before` is JSON: what an undo puts back; `left_at` the version it was left at.
    """

    __tablename__ = "bulk_item"

    id: Mapped[Id]
    bulk_id: Mapped[int] = mapped_column(Big, ForeignKey("bulk_action.id"))
    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"))
    seen: Mapped[int]
    status: Mapped[str] = mapped_column(String(12))
    note: Mapped[str | None] = mapped_column(Text)
    before: Mapped[str | None] = mapped_column(Text)
    left_at: Mapped[int | None]

    __table_args__ = (UniqueConstraint("bulk_id", "case_id"), Index(None, "bulk_id", "status", "id"))
