"""Background work: one leased table for everything, scheduled or asked for."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, Utc


class Task(Base):
    """A piece of background work. Status: queued, running, done, failed, cancelled.

    `scope` runs one at a time, whoever runs it (unique among running tasks). `job` and `fire_at` are set for
    scheduled work and unique together. A running task holds a lease; when that lapses, another process takes it.
    """

    __tablename__ = "task"

    id: Mapped[Id]
    kind: Mapped[CodeText]
    scope: Mapped[str] = mapped_column(String(200))
    payload: Mapped[LongText]
    status: Mapped[str] = mapped_column(String(16), default="queued")
    job: Mapped[str | None] = mapped_column(String(64))
    fire_at: Mapped[Utc | None]
    not_before: Mapped[Utc]
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[Utc | None]
    tries: Mapped[int] = mapped_column(default=0)
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int | None]
    progress_note: Mapped[str | None] = mapped_column(String(200))
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    result: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    requested_by_id: Mapped[int | None] = mapped_column(Big, ForeignKey("user_account.id"))
    correlation_id: Mapped[CodeText]
    created_at: Mapped[Utc]
    started_at: Mapped[Utc | None]
    finished_at: Mapped[Utc | None]

    __table_args__ = (
        UniqueConstraint("job", "fire_at"),
        Index("ix_task_due", "not_before", "id", sqlite_where=text("status = 'queued'"),
              postgresql_where=text("status = 'queued'")),
        Index("uq_task_running_scope", "scope", unique=True, sqlite_where=text("status = 'running'"),
              postgresql_where=text("status = 'running'")),
        Index(None, "requested_by_id", "id"),
        Index(None, "correlation_id"),
    )  # fmt: skip
