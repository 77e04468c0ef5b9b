"""How many records a feed brings on a day of a kind, learned from its past, and whether a day lies outside of it.

The middle of what is known (median) and its spread (median ratio to it, scaled to a standard deviation of logarithms:
twice as much is as far as half as much) are not moved by a few odd days: a fault that lasted a day does not become what
is usual. What comes again and again is, such as every other Friday that brings a pay run. Days are local ones of a
calendar; those on which it is closed are neither learned nor judged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, exp, floor, log
from statistics import median

from .opening_hours import BusinessCalendar

SAME_WEEKDAY = 4
"""So many days of one weekday must be known for it to be judged by itself; else by all working days, or weekends."""
SPREAD = 3
"""What lies within so many standard deviations is usual, whatever the shares say."""
ODD = 5
"""One in so many days may be odd on either side, and at least one: what others have had is usual, too."""
_SCALED = 1.4826
"""A median distance of 1 is this standard deviation in a normal distribution (Rousseeuw and Croux 1993)."""
_WIDEST = 20.0
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What is far from usual: less than `lower` or more than `upper` percent of it, and `at_least` records away.
    Nothing is said where fewer than `history` days of a kind are known.
    """

    lower: int
    upper: int
    at_least: int
    history: int


@dataclass(frozen=True, slots=True)
class Band:
    """How many are usual, and the least and the most that are not far from it."""

    usual: int
    least: int
    most: int

    def holds(self, count: int) -> bool:
        return self.least <= count <= self.most


@dataclass(frozen=True, slots=True)
class Judged:
    """What can be said of a day: how many came, and how many were to be expected."""

    day: date
    count: int
    band: Band

    @property
    def is_usual(self) -> bool:
        return self.band.holds(self.count)


def band(known: Mapping[date, int], day: date, limits: Limits) -> Band | None:
    """What is expected of a day by the days `known` that are most like it; None where too few are."""
    weekday = [count for other, count in known.items() if other.weekday() == day.weekday()]
    kind = [count for other, count in known.items() if _is_weekend(other) == _is_weekend(day)]
    if len(kind) < limits.history:
        return None
    return _band(weekday if len(weekday) >= SAME_WEEKDAY else kind, limits)


def _is_weekend(day: date) -> bool:
    return day.weekday() >= _SATURDAY


def _band(counts: Sequence[int], limits: Limits) -> Band:
    middle = median(counts)
    apart = median(abs(log((count + 1) / (middle + 1))) for count in counts)
    spread = exp(min(SPREAD * _SCALED * apart, _WIDEST))
    odd = max(1, len(counts) // ODD)
    low, high = sorted(counts)[odd], sorted(counts)[-1 - odd]
    least = min(middle * limits.lower / 100, middle / spread, middle - limits.at_least, low)
    most = max(middle * limits.upper / 100, middle * spread, middle + limits.at_least, high)
    return Band(round(middle), max(0, ceil(least)), floor(most))


def of_delivery(
    known: Mapping[date, int], day: date, count: int, calendar: BusinessCalendar, limits: Limits
) -> Judged | None:
    """What a whole delivery of that day tells beside those of the days before; None where nothing can be said."""
    past = {other: n for other, n in known.items() if other < day and calendar.is_working_day(other)}
    expected = band(past, day, limits) if calendar.is_working_day(day) else None
    return None if expected is None else Judged(day, count, expected)


def of_days(
    totals: Mapping[date, int],
    today: date,
    again: Mapping[date, int],
    calendar: BusinessCalendar,
    limits: Limits,
    unheard: Collection[date] = (),
) -> Judged | None:
    """What the newest day tells of which something can be said, `today` being one that has not ended: it can have
    brought too much already, and no longer too little once it has reached the least.

    `totals`: every day that is known, those without records too. `again`: how many more were read since a day began by
    asking for them again. `unheard`: days that were not heard whole; they are not judged.
    """
    heard = {
        day: count for day, count in totals.items() if day not in unheard and calendar.is_working_day(day)
    }
    ended = {day: count for day, count in heard.items() if day < today}
    so_far = heard.get(today)
    expected = band(ended, today, limits) if so_far is not None else None
    now = None if so_far is None or expected is None else Judged(today, so_far, expected)
    if now is not None and now.count > now.band.most:
        return now
    last = _last(ended, again, limits)
    if last is None or now is None or last.count >= last.band.least:
        return last
    return now if now.count >= max(now.band.least, 1) else last


def _last(ended: Mapping[date, int], again: Mapping[date, int], limits: Limits) -> Judged | None:
    """The newest day that ended, judged by those before it."""
    if not ended:
        return None
    day = max(ended)
    expected = band({other: count for other, count in ended.items() if other < day}, day, limits)
    if expected is None:
        return None
    count = ended[day]
    return Judged(day, count + again.get(day, 0) if count < expected.least else count, expected)
