"""Runs that are held, since they would open far more than their history."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, Utc

_LIVE = text("ended_at IS NULL")


class Storm(Base):
    """A check that is held in one scope, with the figures of the newest run that was. At most one is live.

    State: held, released (the next run takes it in), discarded (held on, until what would open is something else).
    """

    __tablename__ = "storm"

    id: Mapped[Id]
    check_code: Mapped[CodeText]
    scope: Mapped[CodeText]
    state: Mapped[str] = mapped_column(String(16))
    round: Mapped[int] = mapped_column(default=1)
    """How often it was told: again when what was discarded, or released, became something else."""
    first_at: Mapped[Utc]
    last_at: Mapped[Utc]
    would_open: Mapped[int]
    found: Mapped[int]
    most: Mapped[int]
    """So many openings would have been let through."""
    largest: Mapped[int]
    """The most that a run of its history opened."""
    sketch: Mapped[LongText]
    """JSON: what `domain.storms.sketch` says of what would open."""
    sample: Mapped[LongText]
    """JSON list: category, entity, queue, reference, sentence, worth_e4; the largest amounts first."""
    causes: Mapped[LongText]
    """JSON list: kind (shared, feed, configuration) and its figures, the likeliest first."""
    decided_by_id: Mapped[int | None] = mapped_column(Big, ForeignKey("user_account.id"))
    decided_at: Mapped[Utc | None]
    why: Mapped[str | None] = mapped_column(String(2000))
    ended_at: Mapped[Utc | None]
    ended_how: Mapped[str | None] = mapped_column(String(16))
    """taken_in, over (the run is within its limits again), or gone (the check or the scope is)."""
    config_snapshot_id: Mapped[int] = mapped_column(Big, ForeignKey("config_snapshot.id"))

    __table_args__ = (
        Index(
            "ix_storm_live", "check_code", "scope", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE
        ),
    )
