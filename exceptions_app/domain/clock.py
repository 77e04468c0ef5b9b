"""Business time: how long an office was open between two instants, and when a span of open time is used up.

Written here because the libraries for it fail on daylight saving, on offices that never close, or on
zoneinfo. Open time is real elapsed time at which the local wall clock stood inside opening hours: an hour
that the clocks repeat counts twice, one that they skip not at all. Intervals are half-open; a span that ends
exactly at closing time is due at closing time. Must not know of queues, exceptions or configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
_WIDEST_OFFSET = timedelta(hours=27)
_HORIZON = 4000
"""Days searched for an open hour before the calendar is called closed for good."""

Interval = tuple[datetime, datetime]


class SpanLike(Protocol):
    """A span as people write it: an amount of business days, business hours, hours, days or minutes."""

    @property
    def amount(self) -> int: ...
    @property
    def unit(self) -> str: ...


@dataclass(frozen=True)
class BusinessCalendar:
    """Local weekly opening hours (Monday first), less holidays, plus extra working days.

    A closing time of 00:00 is midnight at the end of that day. An extra working day without hours of its own
    has those of the longest day. `hours_per_day` is what one business day means.
    """

    code: str
    zone: ZoneInfo
    weekly: tuple[tuple[tuple[time, time], ...], ...]
    holidays: frozenset[date] = frozenset()
    extra_days: frozenset[date] = frozenset()
    always_open: bool = False
    hours_per_day: timedelta = timedelta(hours=8)
    _open: dict[date, tuple[Interval, ...]] = field(
        default_factory=dict, compare=False, repr=False, init=False
    )

    _through: dict[date, timedelta] = field(default_factory=dict, compare=False, repr=False, init=False)

    def __post_init__(self) -> None:
        if self.always_open:
            return
        if len(self.weekly) != 7 or not any(self.weekly):
            raise ValueError(f"calendar {self.code}: expected seven days of opening hours, one of them open")
        if self.hours_per_day <= timedelta(0):
            raise ValueError(
                f"calendar {self.code}: a business day must have hours, found {self.hours_per_day}"
            )

    def hours_on(self, day: date) -> tuple[tuple[time, time], ...]:
        """Local opening hours of a date."""
        if day in self.extra_days:
            return self.weekly[day.weekday()] or max(self.weekly, key=_length)
        return () if day in self.holidays else self.weekly[day.weekday()]

    def open_on(self, day: date) -> tuple[Interval, ...]:
        """The intervals of UTC during which the local clock stood inside the hours of that date, in order."""
        known = self._open.get(day)
        if known is None:
            known = self._open[day] = tuple(self._intervals(day))
        return known

    def open_through(self, day: date) -> timedelta:
        """Open time up to the end of a date, counted from a fixed but arbitrary date: only differences mean
        something. Asked once, a stretch of dates is never added up again."""
        sums = self._through
        if not sums:
            sums[day] = timedelta(0)
        if day not in sums:
            first, last = next(iter(sums)), next(reversed(sums))
            if day > last:
                while last < day:
                    sums[last + DAY] = sums[last] + self._length_of(last + DAY)
                    last += DAY
            else:
                earlier = {}
                total = sums[first]
                while first > day:
                    total -= self._length_of(first)
                    first -= DAY
                    earlier[first] = total
                known = dict(reversed(earlier.items())) | sums
                sums.clear()
                sums.update(known)
        return sums[day]

    def _length_of(self, day: date) -> timedelta:
        return sum((last - first for first, last in self.open_on(day)), timedelta(0))

    def _intervals(self, day: date) -> Iterator[Interval]:
        hours = self.hours_on(day)
        if not hours:
            return
        midnight = datetime.combine(day, time(), UTC)
        for begin, end, offset in _offsets(
            self.zone, midnight - _WIDEST_OFFSET, midnight + DAY + _WIDEST_OFFSET
        ):
            for opens, closes in hours:
                first = max(begin, midnight + _since_midnight(opens) - offset)
                last = min(end, midnight + (_since_midnight(closes) or DAY) - offset)
                if first < last:
                    yield first, last


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)


def _length(hours: tuple[tuple[time, time], ...]) -> timedelta:
    return sum(((_since_midnight(b) or DAY) - _since_midnight(a) for a, b in hours), timedelta(0))


def longest_day(weekly: tuple[tuple[tuple[time, time], ...], ...]) -> timedelta:
    """The open time of the week's longest day: the usual meaning of one business day."""
    return max(map(_length, weekly), default=timedelta(0))


def _offsets(
    zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Stretches of constant distance to UTC. At most one change is expected in the few days asked for."""
    before, after = _offset(zone, begin), _offset(zone, end)
    if before == after:
        yield begin, end, before
        return
    low, high = begin, end
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    yield begin, high, before
    yield high, end, after


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _from(start: datetime, cal: BusinessCalendar) -> Iterator[Interval]:
    """Open intervals from `start` on, the first one cut to it; raises ValueError for a calendar that never
    opens.
    """
    day = start.astimezone(cal.zone).date() - DAY
    for _ in range(_HORIZON):
        for first, last in cal.open_on(day):
            if last > start:
                yield max(first, start), last
        day += DAY
    raise ValueError(f"calendar {cal.code}: no opening hours within {_HORIZON} days of {start.isoformat()}")


def _back_from(end: datetime, cal: BusinessCalendar) -> Iterator[Interval]:
    day = end.astimezone(cal.zone).date() + DAY
    for _ in range(_HORIZON):
        for first, last in reversed(cal.open_on(day)):
            if first < end:
                yield first, min(last, end)
        day -= DAY
    raise ValueError(f"calendar {cal.code}: no opening hours within {_HORIZON} days before {end.isoformat()}")


def is_open(at: datetime, cal: BusinessCalendar) -> bool:
    """Whether business time passes at this instant; closing time itself is closed."""
    if cal.always_open:
        return True
    day = at.astimezone(cal.zone).date()
    return any(first <= at < last for first, last in cal.open_on(day))


def business_between(a: datetime, b: datetime, cal: BusinessCalendar) -> timedelta:
    """Open time in [a, b); negative when `b` is before `a`."""
    if b < a:
        return -business_between(b, a, cal)
    if cal.always_open:
        return b - a
    return _open_before(b, cal) - _open_before(a, cal)


def _open_before(at: datetime, cal: BusinessCalendar) -> timedelta:
    """Open time from the calendar's anchor to `at`: whole dates come from a running sum."""
    day = at.astimezone(cal.zone).date()
    total = cal.open_through(day - 2 * DAY)
    for near in (day - DAY, day, day + DAY):
        for first, last in cal.open_on(near):
            if first < at:
                total += min(last, at) - first
    return total


def add_business(start: datetime, span: timedelta, cal: BusinessCalendar) -> datetime:
    """The earliest instant by which `span` of open time has passed since `start` (UTC). `start` itself for
    none.
    """
    if span < timedelta(0):
        raise ValueError(f"a span of business time cannot be negative: {span}")
    start = start.astimezone(UTC)
    if cal.always_open or not span:
        return start + span
    for first, last in _from(start, cal):
        if last - first >= span:
            return first + span
        span -= last - first
    raise AssertionError("unreachable: _from ends by raising")


def business_before(end: datetime, span: timedelta, cal: BusinessCalendar) -> datetime:
    """The latest instant `t` with `add_business(t, span) <= end`."""
    end = end.astimezone(UTC)
    if cal.always_open or not span:
        return end - span
    for first, last in _back_from(end, cal):
        if last - first >= span:
            return last - span
        span -= last - first
    raise AssertionError("unreachable: _back_from ends by raising")


def business_days_before(now: datetime, days: int, cal: BusinessCalendar) -> datetime:
    """The latest instant that lies at least `days` business days before `now`."""
    return business_before(now, days * cal.hours_per_day, cal)


def length(span: SpanLike, cal: BusinessCalendar) -> timedelta:
    """How much time a written span is: open time for business units, wall-clock time for the others."""
    match span.unit:
        case "business days":
            return span.amount * cal.hours_per_day
        case "business hours" | "hours":
            return timedelta(hours=span.amount)
        case "days":
            return timedelta(days=span.amount)
        case "minutes":
            return timedelta(minutes=span.amount)
        case unit:
            raise ValueError(f"unknown unit of time {unit!r}")


def is_business(span: SpanLike) -> bool:
    """Whether a written span runs on the business clock."""
    return span.unit.startswith("business")


def add_span(start: datetime, span: SpanLike, cal: BusinessCalendar) -> datetime:
    """`start` plus a span as people write it, on the clock that its unit names."""
    if is_business(span):
        return add_business(start, length(span, cal), cal)
    return start.astimezone(UTC) + length(span, cal)


def span_before(end: datetime, span: SpanLike, cal: BusinessCalendar) -> datetime:
    """The latest instant `t` with `add_span(t, span) <= end`."""
    if is_business(span):
        return business_before(end, length(span, cal), cal)
    return end.astimezone(UTC) - length(span, cal)
