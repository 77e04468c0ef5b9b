"""What the runs of a feed tell of its rhythm: when it brought something, and when nobody could have heard anything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.rhythm import Watched
from exceptions_app.models import SyncRun

from .runs import COMPLETE, QUIET_KEPT

MOST = 2_000
"""So many deliveries are learned from, the newest."""
_HEARD = SyncRun.rows_stored + SyncRun.rows_deleted > 0


def watched(session: Session, feed: str, now: datetime, days: int, every: timedelta) -> Watched:
    """Deliveries of the last days, and the runs after which the feed was heard again: the first complete one after a
    run that was not, and the first after a time without any (a pause, a standstill).
    """
    begun = now - timedelta(days=days)
    polled = (SyncRun.feed == feed, SyncRun.kind == "poll", SyncRun.started_at >= begun)
    brought = select(SyncRun.started_at).where(*polled, SyncRun.status == COMPLETE, _HEARD)
    deliveries = list(session.scalars(brought.order_by(SyncRun.id.desc()).limit(MOST)))[::-1]
    if not deliveries:
        return Watched(())
    runs = select(SyncRun.started_at, SyncRun.status).where(*polled, SyncRun.started_at >= deliveries[0])
    known = [(at, status) for at, status in session.execute(runs.order_by(SyncRun.id))]
    return Watched(deliveries, tuple(_heard_again(known, every * 3, now - QUIET_KEPT)))


def _heard_again(
    runs: Iterable[tuple[datetime, str]], every: timedelta, thinned: datetime
) -> Iterable[datetime]:
    """Up to `thinned`, one an hour is left of the runs that brought nothing."""
    before: tuple[datetime, str] | None = None
    for at, status in runs:
        most = max(every, timedelta(hours=2 if before and before[0] <= thinned else 1))
        if before is not None and status == COMPLETE and (before[1] != COMPLETE or at - before[0] > most):
            yield at
        before = at, status
