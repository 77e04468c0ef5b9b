"""Cut-offs: instants by which work must be done whatever its target says, such as a close or a payroll run.

Local times in a calendar's zone: single dates, the n-th business day of every month, or what an exception says. A
local time that the clocks skip means the moment they resume at; one that they repeat, its first passing. Must not know
how cut-offs are written or stored.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from .clock import BusinessCalendar

_MONTHS_AHEAD = 24
"""Months without any business day after which a monthly cut-off is called over."""


class MonthlyLike(Protocol):
    """The n-th business day of every month: 1 is the first, -1 the last; `at` is `HH:MM`."""

    @property
    def business_day(self) -> int: ...
    @property
    def at(self) -> str: ...


class CutoffLike(Protocol):
    """A cut-off as it is declared. Empty conditions fit everything."""

    @property
    def code(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def dates(self) -> Sequence[datetime]: ...
    @property
    def monthly(self) -> MonthlyLike | None: ...
    @property
    def by_fact(self) -> str | None: ...
    @property
    def at(self) -> str: ...
    @property
    def closes(self) -> str: ...
    @property
    def starts(self) -> date | None: ...
    @property
    def category(self) -> Sequence[str]: ...
    @property
    def entity(self) -> Sequence[str]: ...
    @property
    def queue(self) -> Sequence[str]: ...
    @property
    def fact(self) -> Mapping[str, Sequence[str]]: ...


@dataclass(frozen=True, slots=True)
class CutoffAt:
    """One instant (UTC) of a cut-off."""

    code: str
    title: str
    at: datetime


def fits(cutoff: CutoffLike, category: str, entity_path: Collection[str], queue: str | None) -> bool:
    """Every condition that is given holds, but for those on facts; `entity_path` is the entity and all above it."""
    return (
        (not cutoff.category or category in cutoff.category)
        and (not cutoff.entity or any(entity in entity_path for entity in cutoff.entity))
        and (not cutoff.queue or queue in cutoff.queue)
    )


class Schedule:
    """The instants of one cut-off under its calendar; each month is worked out once."""

    def __init__(self, cutoff: CutoffLike, calendar: BusinessCalendar) -> None:
        self.code, self.title, self.fact = cutoff.code, cutoff.title, cutoff.fact
        self.by_fact = cutoff.by_fact
        self._cutoff, self._calendar = cutoff, calendar
        self._dates = sorted(
            self._instant(at.date(), at.time()) for at in cutoff.dates if self._begun(at.date())
        )
        self._months: dict[int, datetime | None] = {}

    def concerns(self, said: Mapping[str, str]) -> bool:
        """Whether its conditions on facts all hold for what an exception says; none does without its fact."""
        return all(said.get(name) in values for name, values in self.fact.items())

    @property
    def asks(self) -> bool:
        """Whether what an exception says decides whether it concerns it, or when it is."""
        return bool(self.fact) or self.by_fact is not None

    def of(self, said: Mapping[str, str]) -> Schedule:
        """The instants for an exception that says this: where facts name the day, that one, or none if it is no day."""
        if self.by_fact is None:
            return self
        found = copy.copy(self)
        told = self._told(said.get(self.by_fact, ""))
        found._dates = [] if told is None else [told]
        return found

    def _told(self, text: str) -> datetime | None:
        """A day is over at the cut-off's hour; an instant without a zone is local."""
        try:
            if len(text) == len("2026-11-30"):
                day, at = date.fromisoformat(text), time.fromisoformat(self._cutoff.at)
            else:
                told = datetime.fromisoformat(text)
                if told.tzinfo is not None:
                    return told.astimezone(UTC) if self._begun(told.date()) else None
                day, at = told.date(), told.time()
        except ValueError:
            return None
        return self._instant(day, at) if self._begun(day) else None

    def after(self, at: datetime) -> datetime | None:
        """The first instant later than `at`; None where there is none."""
        following = bisect_right(self._dates, at)
        found = [self._dates[following]] if following < len(self._dates) else []
        month = self._next_month(at)
        return min([*found, month] if month else found, default=None)

    def closed_through(self, at: datetime) -> datetime | None:
        """Until when documents belong to what the latest cut-off closes whose day has begun; None before the first.

        It never goes back while time passes. On the day itself it may lie ahead, up to the cut-off's hour.
        """
        day = at.astimezone(self._calendar.zone).date()
        tomorrow = self._instant(day + timedelta(days=1), time())
        found = self._dates[: bisect_left(self._dates, tomorrow)][-1:]
        month = day.year * 12 + day.month - 1
        back = map(self._in_month, range(month, max(month - _MONTHS_AHEAD, 11), -1))
        found += [each for each in back if each is not None and each < tomorrow][:1]
        latest = max(found, default=None)
        if latest is None or self._cutoff.closes == "to_date":
            return latest
        first = latest.astimezone(self._calendar.zone).date().replace(day=1)
        return self._instant(first, time()) - timedelta(microseconds=1)

    def _next_month(self, at: datetime) -> datetime | None:
        """Months are searched from the one before: a zone far from UTC may still be in it."""
        if self._cutoff.monthly is None:
            return None
        day = max(at.date(), self._cutoff.starts or date.min)
        first = day.year * 12 + day.month - 2
        candidates = map(self._in_month, range(max(first, 12), first + _MONTHS_AHEAD))
        return next((found for found in candidates if found is not None and found > at), None)

    def _in_month(self, month: int) -> datetime | None:
        if month not in self._months:
            self._months[month] = self._worked_out(month)
        return self._months[month]

    def _worked_out(self, month: int) -> datetime | None:
        """None where the month has no business day, or lies before the cut-off starts.

        A month with fewer business days than asked for has its cut-off on the last (or first) that it has.
        """
        monthly = self._cutoff.monthly
        first = date(month // 12, month % 12 + 1, 1)
        days = (first + timedelta(n) for n in range(31))
        open_days = [d for d in days if d.month == first.month and self._calendar.is_working_day(d)]
        if monthly is None or not open_days:
            return None
        number = (
            monthly.business_day - 1 if monthly.business_day > 0 else len(open_days) + monthly.business_day
        )
        day = open_days[max(0, min(number, len(open_days) - 1))]
        return self._instant(day, time.fromisoformat(monthly.at)) if self._begun(day) else None

    def _begun(self, day: date) -> bool:
        return self._cutoff.starts is None or day >= self._cutoff.starts

    def _instant(self, day: date, at: time) -> datetime:
        """A local time in UTC. Where the clocks skip it, two readings differ: the later is when they resume."""
        local = datetime.combine(day, at.replace(tzinfo=None), self._calendar.zone)
        found = local.astimezone(UTC)
        back = found.astimezone(self._calendar.zone).replace(tzinfo=None)
        if back == local.replace(tzinfo=None):
            return found
        return _resumes(local, found)


def _resumes(local: datetime, found: datetime) -> datetime:
    """The instant at which the clocks jump over `local`, to the second."""
    before = local.utcoffset()
    low, high = found - timedelta(hours=30), found
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(local.tzinfo).utcoffset() == before else (low, middle)
    return high


def next_cutoff(
    schedules: Iterable[Schedule], opened_at: datetime, stopped: Sequence[tuple[datetime, datetime]] = ()
) -> CutoffAt | None:
    """The first cut-off after `opened_at`, not counting those that passed while the clock was `stopped`.

    It stays the one of its cycle: when it has passed, the one a month later changes nothing.
    """
    nearest: CutoffAt | None = None
    for schedule in schedules:
        at = schedule.after(opened_at)
        while at is not None and any(first <= at < last for first, last in stopped):
            at = schedule.after(at)
        if at is not None and (nearest is None or at < nearest.at):
            nearest = CutoffAt(schedule.code, schedule.title, at)
    return nearest
