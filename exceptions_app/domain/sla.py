"""The service-level clock: when an exception is due, at which stage it is, and how old it is.

Deadlines are computed when something changes and stored, so that the sweep asks only for what is due. Must
not know where targets and calendars come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntFlag, StrEnum

from .clock import (
    BusinessCalendar,
    SpanLike,
    add_business,
    add_each,
    business_between,
    is_business,
    length,
)
from .cutoffs import CutoffAt
from .lifecycle import Status


class Stage(StrEnum):
    ON_TRACK = "on_track"
    DUE_SOON = "due_soon"
    BREACHED = "breached"
    PAUSED = "paused"
    STOPPED = "stopped"


class Told(IntFlag):
    """What the sweep has told of an exception in this cycle."""

    NOTHING = 0
    HALF = 1
    DUE_SOON = 2
    BREACHED = 4
    RESPONSE_MISSED = 8


# What is silenced by what was told, as plain numbers: flags cost more than the deadlines that they are about.
_AFTER_BREACH = int(Told.BREACHED)
_AFTER_DUE_SOON = int(Told.BREACHED | Told.DUE_SOON)
_AFTER_HALF = int(Told.BREACHED | Told.DUE_SOON | Told.HALF)
_AFTER_RESPONSE = int(Told.RESPONSE_MISSED)

Stretch = tuple[datetime, datetime]
"""A stretch of wall-clock time in which the clock stood still, half-open."""


@dataclass(frozen=True, slots=True)
class Due:
    """The instants at which the clock says something: at 50 % and 75 % of the time there is, and at its end.

    `cutoff` is the code of the cut-off that ends it, None where the target does.
    """

    half_at: datetime
    due_soon_at: datetime
    due_at: datetime
    response_due_at: datetime | None = None
    cutoff: str | None = None


def due_times(
    opened_at: datetime,
    target: SpanLike,
    calendar: BusinessCalendar,
    pauses: Iterable[Stretch] = (),
    *,
    response: SpanLike | None = None,
    cutoff: CutoffAt | None = None,
) -> Due:
    """Deadlines of a clock started at `opened_at` that stood still during `pauses`, in whatever order they come.

    Due at the earlier of target and cut-off. A cut-off is an instant: no pause moves it, and its 50 % and 75 % are of
    the clock's time from the opening up to it. A pause that begins after a deadline does not move it any more.
    """
    still = joined(pauses)
    whole, business = length(target, calendar), is_business(target)
    reach = _Reach(opened_at, calendar, business, still)
    answer_by = None
    if response is not None:
        answer = reach if is_business(response) == business else replace(reach, business=not business)
        answer_by = answer(length(response, calendar))
    half_at, due_soon_at, due_at = reach.each((whole / 2, whole * 3 / 4, whole))
    if cutoff is None or cutoff.at >= due_at:
        return Due(half_at, due_soon_at, due_at, answer_by)
    straight = replace(reach, pauses=())
    left = max(timedelta(0), straight.between(opened_at, cutoff.at))
    half, soon = straight(left / 2), straight(left * 3 / 4)
    return Due(min(half, cutoff.at), min(soon, cutoff.at), cutoff.at, answer_by, cutoff.code)


@dataclass(frozen=True, slots=True)
class _Reach:
    """When a clock that began at `opened_at` has counted a span of its own time."""

    opened_at: datetime
    calendar: BusinessCalendar
    business: bool
    pauses: Sequence[Stretch]

    def __call__(self, left: timedelta) -> datetime:
        at = self.opened_at
        for first, last in self.pauses:
            if last <= at:
                continue
            counted = self.between(at, max(at, first))
            if left <= counted:
                break
            left, at = left - counted, last
        return add_business(at, left, self.calendar) if self.business else at + left

    def each(self, spans: Sequence[timedelta]) -> list[datetime]:
        """Several spans: most clocks never stood still."""
        if self.business and not self.pauses:
            return add_each(self.opened_at, spans, self.calendar)
        return [self(span) for span in spans]

    def between(self, a: datetime, b: datetime) -> timedelta:
        return business_between(a, b, self.calendar) if self.business else b - a


def joined(pauses: Iterable[Stretch]) -> list[Stretch]:
    """In order, with those that overlap or touch made one: no time is counted twice."""
    found: list[Stretch] = []
    for first, last in sorted(pauses):
        if last <= first:
            continue
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def paused_time(pauses: Iterable[Stretch], target: SpanLike, calendar: BusinessCalendar) -> timedelta:
    """How much of the clock's own time the pauses took: business time, or wall-clock time for such a target. Off
    hours nothing passes that a pause could stop.
    """
    return sum((elapsed(first, last, target, calendar) for first, last in joined(pauses)), timedelta(0))


def elapsed(a: datetime, b: datetime, target: SpanLike, calendar: BusinessCalendar) -> timedelta:
    """The time from `a` to `b` on the clock that the target's unit names."""
    return business_between(a, b, calendar) if is_business(target) else b - a


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


@dataclass(frozen=True, slots=True)
class Telling:
    """What there is to tell of an exception, and what has been told: see `Told`."""

    half_at: datetime | None
    due_soon_at: datetime | None
    due_at: datetime | None
    response_due_at: datetime | None
    """None also where a person has responded."""
    told: int = 0

    def _untold(self) -> Iterator[tuple[Told, datetime]]:
        """The rest of the clock says nothing any more once the breach was told."""
        told = int(self.told)
        if self.due_at is not None and not told & _AFTER_BREACH:
            yield Told.BREACHED, self.due_at
        if self.due_soon_at is not None and not told & _AFTER_DUE_SOON:
            yield Told.DUE_SOON, self.due_soon_at
        if self.half_at is not None and not told & _AFTER_HALF:
            yield Told.HALF, self.half_at
        if self.response_due_at is not None and not told & _AFTER_RESPONSE:
            yield Told.RESPONSE_MISSED, self.response_due_at

    def due(self, now: datetime) -> list[Told]:
        """What is to be told now: of half, due soon and breached the gravest only; a missed response beside it."""
        passed = [what for what, at in self._untold() if at <= now]
        gravest = [what for what in passed if what is not Told.RESPONSE_MISSED][:1]
        return gravest + [what for what in passed if what is Told.RESPONSE_MISSED]

    def next_at(self) -> datetime | None:
        """The earliest instant of what is untold, though it may have passed; None when all is told."""
        return min((at for _, at in self._untold()), default=None)


def next_sla_at(
    telling: Telling,
    on_hold: bool,
    status: str,
    *,
    hold_until: datetime | None = None,
    cutoff_at: datetime | None = None,
) -> datetime | None:
    """The next instant at which the sweep has something to do; None where a person or the data must act.

    It may have passed: then the next sweep tells. `cutoff_at`: a cut-off that will breach it even on hold.
    """
    if status != Status.OPEN:
        return None
    if not on_hold:
        return telling.next_at()
    fixed = None if telling.told & Told.BREACHED else cutoff_at
    return min((at for at in (hold_until, fixed) if at is not None), default=None)


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
