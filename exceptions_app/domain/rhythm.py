"""A feed's own rhythm: how long it usually brings nothing at this time of the week, learned from when it did.

Time on closed days (weekends, holidays) is not counted, neither in learning nor in judging: `business_between` of a
calendar whose open days are whole days says how much of a gap counts. Gaps are compared with those that began in the
same part of the same weekday; where too few are known, with those of the same part of any day, and last with all.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from .clock import business_between
from .opening_hours import BusinessCalendar

PART_OF_DAY = 4
"""Hours: gaps that began in the same four hours of a day are alike."""
ENOUGH = 20
"""Gaps that must be known before anything is said, and of a kind for that kind to be judged by itself a fifth."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a feed. `deliveries`: when it brought something, oldest first. `breaks`: instants before which
    nothing was heard for other reasons (an outage, a pause, nobody asking): no gap across one is learned or judged.
    """

    deliveries: Sequence[datetime]
    breaks: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """Since when nothing came, how much of that counts, and what is usual at this time of the week."""

    since: datetime
    lasted: timedelta
    usual: timedelta


def silence(
    watched: Watched,
    now: datetime,
    calendar: BusinessCalendar,
    *,
    quantile: float,
    times: float,
    at_least: timedelta,
) -> Silence | None:
    """Whether a feed has been silent for more than `times` the `quantile` of its gaps, and for `at_least`; None where
    it has not, or too little is known.
    """
    if not watched.deliveries:
        return None
    last = watched.deliveries[-1]
    since = max([last, *(at for at in watched.breaks if at > last)])
    lasted = business_between(since, now, calendar)
    if lasted <= at_least:
        return None
    gaps = _gaps(watched, calendar)
    usual = _usual(gaps, last, calendar, quantile)
    if usual is None or lasted <= max(usual * times, at_least):
        return None
    return Silence(since, lasted, usual)


def _gaps(watched: Watched, calendar: BusinessCalendar) -> list[tuple[datetime, timedelta]]:
    """When each gap began, and how much of it counts."""
    breaks, found, place = sorted(watched.breaks), [], 0
    for begun, ended in zip(watched.deliveries, watched.deliveries[1:], strict=False):
        while place < len(breaks) and breaks[place] <= begun:
            place += 1
        if place == len(breaks) or breaks[place] > ended:
            found.append((begun, business_between(begun, ended, calendar)))
    return found


def _usual(
    gaps: Sequence[tuple[datetime, timedelta]], last: datetime, calendar: BusinessCalendar, quantile: float
) -> timedelta | None:
    """The quantile of the gaps that are most like one that began at `last`."""
    if len(gaps) < ENOUGH:
        return None
    for kind, least in ((_of_the_week, ENOUGH // 5), (_of_the_day, ENOUGH // 5), (None, ENOUGH)):
        alike = [gap for begun, gap in gaps if kind is None or kind(begun, calendar) == kind(last, calendar)]
        if len(alike) >= least:
            return sorted(alike)[ceil(quantile * len(alike)) - 1]
    return None


def _of_the_day(at: datetime, calendar: BusinessCalendar) -> Hashable:
    return at.astimezone(calendar.zone).hour // PART_OF_DAY


def _of_the_week(at: datetime, calendar: BusinessCalendar) -> Hashable:
    return at.astimezone(calendar.zone).weekday(), _of_the_day(at, calendar)
