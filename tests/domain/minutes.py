"""The oracle of the clock: every minute, asked one by one of the wall clock. Knows nothing of the code it judges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

Range = tuple[int, int]
"""Minutes since midnight; an end that is not after the begin lies on the next date."""


@dataclass(frozen=True)
class Office:
    """A calendar as a person would draw it."""

    zone: str
    weekly: tuple[tuple[Range, ...], ...]
    holidays: frozenset[date] = frozenset()
    extra: frozenset[date] = frozenset()
    breaks: tuple[Range, ...] = ()
    shifts: Mapping[date, tuple[Range, ...]] = field(default_factory=dict)
    _known: dict[datetime, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_open(self, at: datetime) -> bool:
        """Whether this minute is open; asked of the wall clock once."""
        known = self._known.get(at)
        if known is None:
            known = self._known[at] = self._asked(at)
        return known

    def _asked(self, at: datetime) -> bool:
        wall = at.astimezone(ZoneInfo(self.zone))
        minute, today = wall.hour * 60 + wall.minute, wall.date()
        return self._during(today, minute, minute) or self._during(today - DAY, minute + 1440, minute)

    def _during(self, begun_on: date, minute: int, of_day: int) -> bool:
        if not any(a <= minute < (b if b > a else b + 1440) for a, b in self._hours(begun_on)):
            return False
        if begun_on in self.shifts:
            return True
        return not any(a <= of_day < b if b > a else of_day >= a or of_day < b for a, b in self.breaks)

    def _hours(self, day: date) -> tuple[Range, ...]:
        if day in self.shifts:
            return self.shifts[day]
        usual = self.weekly[day.weekday()]
        if day in self.extra:
            return usual or max(self.weekly, key=lambda hours: sum((b - a) % 1440 or 1440 for a, b in hours))
        return () if day in self.holidays else usual


def minutes(begin: datetime, end: datetime) -> Iterator[datetime]:
    """Every minute of [begin, end)."""
    for number in range(int((end - begin) / MINUTE)):
        yield begin + number * MINUTE


def counted(
    office: Office, begin: datetime, end: datetime, pauses: Iterable[tuple[datetime, datetime]] = ()
) -> int:
    """The open minutes of [begin, end) that lie in no pause."""
    still = list(pauses)
    opened = filter(office.is_open, minutes(begin, end))
    return sum(not any(first <= at < last for first, last in still) for at in opened)


def due(
    office: Office,
    begin: datetime,
    target: int,
    pauses: Iterable[tuple[datetime, datetime]] = (),
    limit: int = 30_000,
) -> datetime | None:
    """When `target` open minutes outside every pause have passed; None where they have not after `limit` minutes."""
    still, left = list(pauses), target
    for at in minutes(begin, begin + limit * MINUTE):
        if not left:
            return at
        left -= office.is_open(at) and not any(first <= at < last for first, last in still)
    return None


ZONES = (
    "America/New_York", "America/Chicago", "America/Phoenix", "America/St_Johns", "Europe/London", "Europe/Berlin",
    "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Pacific/Chatham", "UTC",
)  # fmt: skip

EVES = (
    (2026, 3, 6), (2026, 3, 27), (2026, 4, 3), (2026, 9, 25), (2026, 10, 2), (2026, 10, 23), (2026, 10, 30),
    (2026, 12, 30), (2011, 12, 28), (2018, 2, 16), (2018, 11, 2), (2010, 11, 5), (2010, 3, 12), (2026, 6, 10),
)  # fmt: skip
"""Days before some zone changes its clocks (Apia skips a day, St. John's changes a minute after midnight), and a year's
end.
"""


@st.composite
def hours_of_a_day(draw: st.DrawFn, *, crossing: bool = True) -> tuple[Range, ...]:
    """Up to two ranges apart, in quarters of an hour; the last may run into the next date."""
    marks = sorted(draw(st.sets(st.integers(0, 95), max_size=4)))
    found = [(a * 15, b * 15) for a, b in zip(marks[::2], marks[1::2], strict=False)]
    if crossing and found and draw(st.booleans()):
        found[-1] = (found[-1][0], draw(st.integers(0, found[0][0] // 15)) * 15)
    return tuple(found)


@st.composite
def offices(draw: st.DrawFn, near: date) -> Office:
    """Any office, with special days around `near`."""
    weekly = [draw(hours_of_a_day()) for _ in range(7)]
    if not any(weekly):
        weekly[draw(st.integers(0, 6))] = ((1320, 360),)
    days = st.dates(near - 3 * DAY, near + 25 * DAY)
    return Office(
        draw(st.sampled_from(ZONES)), tuple(weekly), draw(st.frozensets(days, max_size=4)),
        draw(st.frozensets(days, max_size=3)), draw(hours_of_a_day())[:1],
        draw(st.dictionaries(days, hours_of_a_day(), max_size=4)),
    )  # fmt: skip


@st.composite
def starts(draw: st.DrawFn) -> datetime:
    """A minute within five days of one on which something happens."""
    eve = datetime(*draw(st.sampled_from(EVES)), tzinfo=UTC)
    return eve + draw(st.integers(0, 5 * 1440)) * MINUTE
