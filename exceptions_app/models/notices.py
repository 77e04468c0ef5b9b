"""What people are told, on screen and by mail."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, ShortText, Utc

_UNMAILED = text("mail_id IS NULL AND mail_after IS NOT NULL")
_DUE = text("status IN ('waiting', 'sending')")


class Notice(Base):
    """One thing that one person is told about one exception (or feed, or retry). `dedupe` makes it once.

    `mail_after`: not mailed before this instant (it waits for others, and for the reader's morning); NULL: never.
    """

    __tablename__ = "notice"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id", ondelete="CASCADE"))
    case_id: Mapped[int | None] = mapped_column(Big, ForeignKey("exception_case.id"))
    kind: Mapped[str] = mapped_column(String(32))
    text: Mapped[LongText]
    link: Mapped[ShortText]
    dedupe: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[Utc]
    read_at: Mapped[Utc | None]
    mail_after: Mapped[Utc | None]
    mail_id: Mapped[int | None] = mapped_column(Big, ForeignKey("mail.id"))

    __table_args__ = (
        UniqueConstraint("dedupe", "user_id"),
        Index(None, "user_id", "read_at", "id"),
        Index("ix_notice_unmailed", "mail_after", sqlite_where=_UNMAILED, postgresql_where=_UNMAILED),
    )


class Mail(Base):
    """One message to one person: a digest of notices. Status: waiting, sending, sent, failed (undeliverable), dropped
    (its reader left, or wants none any more).

    `message_id` is made once, so that a message sent twice after a crash is recognised as one.
    """

    __tablename__ = "mail"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id", ondelete="CASCADE"))
    recipient: Mapped[ShortText]
    subject: Mapped[ShortText]
    body: Mapped[LongText]
    message_id: Mapped[str] = mapped_column(String(120), unique=True)
    status: Mapped[str] = mapped_column(String(16), default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[Utc]
    created_at: Mapped[Utc]
    sent_at: Mapped[Utc | None]
    error: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[CodeText]

    __table_args__ = (Index("ix_mail_due", "not_before", sqlite_where=_DUE, postgresql_where=_DUE),)
