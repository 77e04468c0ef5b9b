"""What the runs of a feed tell of its volume: how many records came on which local day, and which days were heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise

from sqlalchemy import and_, case, extract, func, select
from sqlalchemy.orm import Session

from exceptions_app.models import SyncRun

from .runs import BACKFILL, COMPLETE, PARTIAL, POLL, REPLAY

STANDSTILL = timedelta(hours=2)
"""Less than this without a complete run is no reason to think that a day was not heard whole."""
_CAME = SyncRun.rows_stored + SyncRun.rows_deleted + SyncRun.rows_rejected
_FROM_THE_BEGINNING = and_(SyncRun.watermark_before.is_(None), SyncRun.watermark_after.is_not(None))


@dataclass(frozen=True, slots=True)
class Days:
    """Local day -> records that were new, changed, gone or refused; those asked for again since it began; and the days
    that were not heard whole, or on which a feed was read from its beginning.
    """

    totals: dict[date, int]
    again: dict[date, int]
    unheard: frozenset[date]


@dataclass(frozen=True, slots=True)
class _Quarter:
    """The runs of a quarter of an hour, in which no zone changes its day."""

    first: datetime
    last: datetime
    came: int
    heard: bool
    whole: bool


def deliveries(
    session: Session, feed: str, begun: datetime, before: datetime, zone: tzinfo
) -> dict[date, int]:
    """Local day -> how many rows the last whole read of the day had, where it had any."""
    read = (
        SyncRun.feed == feed, SyncRun.status == COMPLETE, SyncRun.kind == POLL, SyncRun.rows_read > 0,
        SyncRun.started_at >= begun, SyncRun.started_at < before,
    )  # fmt: skip
    last = select(func.max(SyncRun.id)).where(*read).group_by(func.date(SyncRun.started_at))
    rows = select(SyncRun.started_at, SyncRun.rows_read).where(SyncRun.id.in_(last)).order_by(SyncRun.id)
    return {at.astimezone(zone).date(): count for at, count in session.execute(rows)}


def is_told_this_hour(session: Session, feed: str, began: datetime) -> bool:
    """Whether a run before this one was complete in the same hour: sums of days need no second look in it."""
    hour = began.replace(minute=0, second=0, microsecond=0)
    polled = (SyncRun.feed == feed, SyncRun.kind == POLL, SyncRun.status == COMPLETE)
    earlier = select(SyncRun.id).where(*polled, SyncRun.started_at >= hour, SyncRun.started_at < began)
    return session.scalar(earlier.limit(1)) is not None


def days(session: Session, feed: str, begun: datetime, every: timedelta, zone: tzinfo) -> Days:
    """What came on the days since `begun` on which a run was complete; the first, known in part, is left out."""
    quarters = list(_quarters(session, feed, (POLL,), begun))
    heard = [quarter for quarter in quarters if quarter.heard]
    totals = dict.fromkeys(sorted({_day(quarter.last, zone) for quarter in heard})[1:], 0)
    unheard = {_day(quarter.first, zone) for quarter in quarters if quarter.whole}
    unheard.update(_across_midnight(heard, max(every * 3, STANDSTILL), zone))
    for quarter in quarters:
        if _day(quarter.first, zone) in totals:
            totals[_day(quarter.first, zone)] += quarter.came
    asked = list(_quarters(session, feed, (BACKFILL, REPLAY), begun))
    again = {day: sum(one.came for one in asked if _day(one.first, zone) >= day) for day in totals if asked}
    return Days(totals, again, frozenset(unheard))


def _day(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()


def _quarters(session: Session, feed: str, kinds: Sequence[str], begun: datetime) -> Iterator[_Quarter]:
    at = SyncRun.started_at
    minute = extract("minute", at)
    quarter = case((minute < 15, 0), (minute < 30, 1), (minute < 45, 2), else_=3)
    ended = (SyncRun.status.in_((COMPLETE, PARTIAL)), SyncRun.kind.in_(kinds))
    rows = (
        select(
            func.min(at, type_=at.type),
            func.max(at, type_=at.type),
            func.sum(case((_FROM_THE_BEGINNING, 0), else_=_CAME)),
            func.max(case((SyncRun.status == COMPLETE, 1), else_=0)),
            func.max(case((_FROM_THE_BEGINNING, 1), else_=0)),
        )
        .where(SyncRun.feed == feed, at >= begun, *ended)
        .group_by(func.date(at), extract("hour", at), quarter)
    )
    found = [
        _Quarter(first, last, int(came), bool(heard), bool(whole))
        for first, last, came, heard, whole in session.execute(rows)
    ]
    return iter(sorted(found, key=lambda one: one.first))


def _across_midnight(heard: Iterable[_Quarter], allowed: timedelta, zone: tzinfo) -> Iterator[date]:
    """The days that a standstill touches: what came after it may be what is missing before it."""
    for before, after in pairwise(heard):
        first, last = _day(before.last, zone), _day(after.first, zone)
        if after.first - before.last > allowed and first != last:
            yield from (first + timedelta(days=n) for n in range((last - first).days + 1))
