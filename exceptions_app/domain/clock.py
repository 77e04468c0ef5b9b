"""Business time: how long an office was open between two instants, and when a span of open time is used up.

Written here because the libraries for it fail on daylight saving, on offices that never close, or on
zoneinfo. Opening hours are `opening_hours`'s. Intervals are half-open: a span that ends exactly at closing time
is due at closing time; one that starts exactly at closing time starts at the next opening. Must not know of
queues, exceptions or configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from .opening_hours import BusinessCalendar, Hours, instant, longest_day, micros

__all__ = [
    "BusinessCalendar", "Hours", "SpanLike", "add_business", "add_each", "add_span", "business_before",
    "business_between", "business_days_before", "is_business", "is_open", "length", "longest_day", "span_before",
]  # fmt: skip

_MICROSECOND = timedelta(microseconds=1)


class SpanLike(Protocol):
    """A span as people write it: an amount of business days, business hours, hours, days or minutes."""

    @property
    def amount(self) -> int: ...
    @property
    def unit(self) -> str: ...


def is_open(at: datetime, cal: BusinessCalendar) -> bool:
    """Whether business time passes at this instant; closing time itself is closed."""
    return cal.always_open or cal.is_open_at(micros(at))


def business_between(a: datetime, b: datetime, cal: BusinessCalendar) -> timedelta:
    """Open time in [a, b); negative when `b` is before `a`."""
    if cal.always_open:
        return b - a
    return timedelta(microseconds=cal.open_before(micros(b)) - cal.open_before(micros(a)))


def add_business(start: datetime, span: timedelta, cal: BusinessCalendar) -> datetime:
    """The earliest instant by which `span` of open time has passed since `start` (UTC). `start` itself for
    none.
    """
    if span < timedelta(0):
        raise ValueError(f"a span of business time cannot be negative: {span}")
    if cal.always_open or not span:
        return start.astimezone(UTC) + span
    begin = micros(start)
    return instant(cal.first_at(cal.open_before(begin) + span // _MICROSECOND, begin))


def add_each(start: datetime, spans: Sequence[timedelta], cal: BusinessCalendar) -> list[datetime]:
    """`add_business` for several spans from one start: the start is looked up once."""
    if cal.always_open:
        return [start.astimezone(UTC) + span for span in spans]
    begin = micros(start)
    before = cal.open_before(begin)
    return [
        instant(cal.first_at(before + span // _MICROSECOND, begin)) if span else instant(begin)
        for span in spans
    ]


def business_before(end: datetime, span: timedelta, cal: BusinessCalendar) -> datetime:
    """The latest instant `t` with `add_business(t, span) <= end`."""
    if cal.always_open or not span:
        return end.astimezone(UTC) - span
    last = micros(end)
    return instant(cal.last_at(cal.open_before(last) - span // _MICROSECOND, last))


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
