"""Who watches an exception, who has handed it back, and whose turn it was."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, Id, Utc


class CaseWatch(Base):
    """A person is told what others do with an exception."""

    __tablename__ = "case_watch"

    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        Big, ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    created_at: Mapped[Utc]

    __table_args__ = (Index("ix_case_watch_user_id", "user_id", "case_id"),)


class CaseHandBack(Base):
    """Somebody gave an exception back to its queue: no rule gives it to them again in this cycle."""

    __tablename__ = "case_hand_back"

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(Big, ForeignKey("exception_case.id"), index=True)
    user_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id", ondelete="CASCADE"))
    cycle: Mapped[int]
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Utc]
