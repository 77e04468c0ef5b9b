"""The service-level clock: when an exception is due, at which stage it is, and how old it is.

Deadlines are computed when something changes and stored, so that the sweep asks only for what is due. Must
not know where targets and calendars come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .clock import (
    BusinessCalendar,
    SpanLike,
    add_business,
    business_between,
    business_days_before,
    is_business,
    length,
)
from .lifecycle import Status


class Stage(StrEnum):
    ON_TRACK = "on_track"
    DUE_SOON = "due_soon"
    BREACHED = "breached"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Due:
    """The instants at which the clock says something: at 75 % of the target, and at its end."""

    due_at: datetime
    due_soon_at: datetime


def due_times(
    opened_at: datetime, target: SpanLike, calendar: BusinessCalendar, paused: timedelta = timedelta(0)
) -> Due:
    """Deadlines of a clock started at `opened_at`. `paused` is time on hold, measured by `paused_between`."""
    whole = length(target, calendar)
    return Due(
        due_at=_after(opened_at, whole + paused, target, calendar),
        due_soon_at=_after(opened_at, whole * 3 / 4 + paused, target, calendar),
    )


def _after(start: datetime, span: timedelta, target: SpanLike, calendar: BusinessCalendar) -> datetime:
    return add_business(start, span, calendar) if is_business(target) else start + span


def paused_between(
    held_at: datetime, until: datetime, target: SpanLike, calendar: BusinessCalendar
) -> timedelta:
    """How much of the clock's own time a hold took: business time, or wall-clock time for such a target."""
    return business_between(held_at, until, calendar) if is_business(target) else until - held_at


def stage(
    now: datetime, due_at: datetime | None, due_soon_at: datetime | None, on_hold: bool, status: str
) -> Stage:
    """Where the clock stands. It stops for whatever is not open, and pauses on hold; a deadline is past at
    its very instant."""
    if status != Status.OPEN or due_at is None:
        return Stage.STOPPED
    if on_hold:
        return Stage.PAUSED
    if now >= due_at:
        return Stage.BREACHED
    if due_soon_at is not None and now >= due_soon_at:
        return Stage.DUE_SOON
    return Stage.ON_TRACK


def next_sla_at(
    now: datetime,
    due_at: datetime | None,
    due_soon_at: datetime | None,
    on_hold: bool,
    status: str,
    *,
    hold_until: datetime | None = None,
) -> datetime | None:
    """The next instant at which the sweep has something to do; None where a person or the data must act."""
    if status != Status.OPEN:
        return None
    if on_hold:
        return hold_until
    return min((at for at in (due_soon_at, due_at) if at is not None and at > now), default=None)


@dataclass(frozen=True, slots=True)
class AgingBucket:
    """Business days since opening, half-open: `low` counts in, `high` does not (None: no end)."""

    code: str
    label: str
    low: int
    high: int | None


AGING = (
    AgingBucket("0-1", "under 1 day", 0, 1),
    AgingBucket("1-3", "1 to 3 days", 1, 3),
    AgingBucket("3-5", "3 to 5 days", 3, 5),
    AgingBucket("5-10", "5 to 10 days", 5, 10),
    AgingBucket("10+", "10 days and more", 10, None),
)


def aging_bucket(opened_at: datetime, now: datetime, calendar: BusinessCalendar) -> AgingBucket:
    """The bucket of an exception opened at `opened_at`, in business days of its calendar."""
    age = business_between(opened_at, now, calendar)
    return next(b for b in reversed(AGING) if age >= b.low * calendar.hours_per_day or b.low == 0)


def aging_edges(now: datetime, calendar: BusinessCalendar) -> list[datetime]:
    """For queries: what was opened after edge 0 is in bucket 0, else after edge 1 in bucket 1, and so on."""
    return [business_days_before(now, bucket.high, calendar) for bucket in AGING if bucket.high is not None]
