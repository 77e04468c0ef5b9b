"""Counters of exceptions, so that how many there are is read and not counted.

Triggers of the database keep them (migration 0005): no write path can forget to. On SQLite each changed row moves its
counter. On PostgreSQL each statement adds its differences as new rows, which nobody waits for, and a job folds them
into the counters: whoever reads sums both.
"""

from __future__ import annotations

from sqlalchemy import SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id


class CaseTally(Base):
    """How many exceptions have these values in their row; `aging` as in `ExceptionCase.aging`."""

    __tablename__ = "case_tally"

    queue: Mapped[CodeText] = mapped_column(primary_key=True)
    entity: Mapped[CodeText] = mapped_column(primary_key=True)
    category: Mapped[CodeText] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(24), primary_key=True)
    stage: Mapped[str] = mapped_column(String(16), primary_key=True)
    aging: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Big)


class CaseTallyDelta(Base):
    """What a statement has changed and nobody has folded yet; empty on SQLite."""

    __tablename__ = "case_tally_delta"

    id: Mapped[Id]
    queue: Mapped[CodeText]
    entity: Mapped[CodeText]
    category: Mapped[CodeText]
    status: Mapped[str] = mapped_column(String(24))
    stage: Mapped[str] = mapped_column(String(16))
    aging: Mapped[int] = mapped_column(SmallInteger)
    count: Mapped[int] = mapped_column(Big)
