"""When an office is open: weekly hours less breaks and holidays, shifts that replace a date, in a time zone.

Kept as stretches of real time with running sums, so that any question is two searches. Open time is real
elapsed time at which the local wall clock stood inside the hours: an hour that the clocks repeat counts twice,
one (or a whole day) that they skip not at all. Must not know of targets, holds or configuration.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Hours = tuple[time, time]
"""Opening and closing, local; a closing time that is not after the opening lies on the next date."""

DAY = 86_400_000_000
"""Microseconds: all sums are whole ones, so nothing is ever rounded."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_FIRST_DATE = date(1970, 1, 1).toordinal()
_BLOCK = 256 * DAY
_ANCHOR = 80
"""The block in which sums start: an arbitrary one near today (2026)."""

_SHUT = 16
"""Blocks in a row without an open hour (eleven years) after which a calendar is called closed for good."""

Stretch = tuple[int, int]


def micros(at: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (at - _EPOCH) // _MICROSECOND


def instant(micros: int) -> datetime:
    """The inverse of `micros`, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True, slots=True)
class _Block:
    """The open stretches of 256 days, with the open time of the block up to each one's end."""

    starts: list[int]
    ends: list[int]
    sums: list[int]

    @property
    def total(self) -> int:
        return self.sums[-1] if self.sums else 0


@dataclass(frozen=True, eq=False)
class BusinessCalendar:
    """Local weekly opening hours (Monday first). Raises ValueError for a week that never opens.

    A date in `shifts` has those hours and no others: no weekly hours, holiday or break touches it. `holidays`
    are closed, by name; `extra_days` are open although they would be closed, and one without hours of its own has
    those of the longest day. `breaks` are taken out of all hours but shifts. Hours across midnight belong to the
    date on which they begin. `hours_per_day` is what one business day means.
    """

    code: str
    zone: ZoneInfo
    weekly: tuple[tuple[Hours, ...], ...]
    holidays: Mapping[date, str] = field(default_factory=dict)
    extra_days: frozenset[date] = frozenset()
    always_open: bool = False
    hours_per_day: timedelta = timedelta(hours=8)
    breaks: tuple[Hours, ...] = ()
    shifts: Mapping[date, tuple[Hours, ...]] = field(default_factory=dict)
    _blocks: dict[int, _Block] = field(default_factory=dict, repr=False, init=False)
    _before: dict[int, int] = field(default_factory=lambda: {_ANCHOR: 0}, repr=False, init=False)

    def __post_init__(self) -> None:
        if self.always_open:
            return
        if len(self.weekly) != 7 or not any(self.weekly):
            raise ValueError(f"calendar {self.code}: expected seven days of opening hours, one of them open")
        if self.hours_per_day <= timedelta(0):
            raise ValueError(
                f"calendar {self.code}: a business day must have hours, found {self.hours_per_day}"
            )

    # -- dates

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """The local hours that begin on a date, before breaks are taken out."""
        if day in self.shifts:
            return self.shifts[day]
        if day in self.extra_days:
            return self.weekly[day.weekday()] or max(self.weekly, key=longest)
        return () if day in self.holidays else self.weekly[day.weekday()]

    def is_working_day(self, day: date) -> bool:
        """Whether any hours begin on that date."""
        return self.always_open or bool(self.hours_on(day))

    def days_off(self, first: date, last: date) -> list[tuple[date, str]]:
        """The dates from `first` to `last` that would be open in an ordinary week and are not, with the holiday's
        name; an empty name for a date that a shift closes.
        """
        if self.always_open:
            return []
        days = (first + timedelta(n) for n in range((last - first).days + 1))
        shut = (day for day in days if self.weekly[day.weekday()] and not self.hours_on(day))
        return [(day, "" if day in self.shifts else self.holidays.get(day, "")) for day in shut]

    # -- open time

    def open_before(self, at: int) -> int:
        """Open microseconds from a fixed but arbitrary instant up to `at`: only differences mean something."""
        number = at // _BLOCK
        block = self._block(number)
        last = bisect_right(block.starts, at) - 1
        if last < 0:
            return self._sum_before(number)
        return self._sum_before(number) + block.sums[last] - max(0, block.ends[last] - at)

    def first_at(self, total: int, start: int) -> int:
        """The earliest instant from `start` on at which `open_before` is `total`, which lies after `start`.

        Raises ValueError where the calendar does not open any more.
        """
        number = start // _BLOCK
        shut = 0
        while self._sum_before(number + 1) < total:
            shut = shut + 1 if not self._block(number).total else 0
            number += 1
            if shut > _SHUT:
                raise ValueError(f"calendar {self.code}: no opening hours for years after {instant(start)}")
        block, left = self._block(number), total - self._sum_before(number)
        found = bisect_left(block.sums, left)
        return block.ends[found] - (block.sums[found] - left)

    def last_at(self, total: int, end: int) -> int:
        """The latest instant up to `end` at which `open_before` is `total`, which lies before `end`.

        Raises ValueError where the calendar was not open before.
        """
        number = end // _BLOCK
        shut = 0
        while self._sum_before(number) > total:
            number -= 1
            shut = shut + 1 if not self._block(number).total else 0
            if shut > _SHUT:
                raise ValueError(f"calendar {self.code}: no opening hours for years before {instant(end)}")
        block, left = self._block(number), total - self._sum_before(number)
        found = bisect_right(block.sums, left)
        return block.ends[found] - (block.sums[found] - left)

    def is_open_at(self, at: int) -> bool:
        """Whether open time passes at that instant."""
        block = self._block(at // _BLOCK)
        last = bisect_right(block.starts, at) - 1
        return last >= 0 and at < block.ends[last]

    # Threads share calendars. What they keep here is the same whoever works it out, so none waits for another.

    def _sum_before(self, number: int) -> int:
        known = self._before
        if number in known:
            return known[number]
        step = 1 if number > _ANCHOR else -1
        at = number
        while at not in known:
            at -= step
        while at != number:
            passed = self._block(at).total if step > 0 else -self._block(at - 1).total
            known[at + step] = known[at] + passed
            at += step
        return known[number]

    def _block(self, number: int) -> _Block:
        known = self._blocks.get(number)
        if known is None:
            known = self._blocks[number] = self._built(number * _BLOCK, (number + 1) * _BLOCK)
        return known

    def _built(self, begin: int, end: int) -> _Block:
        block, total = _Block([], [], []), 0
        for first, last, offset in _offsets(self.zone, begin, end):
            for opens, closes in self._wall_clock(first + offset, last + offset):
                start, stop = max(first, opens - offset), min(last, closes - offset)
                if start < stop:
                    total += stop - start
                    block.starts.append(start)
                    block.ends.append(stop)
                    block.sums.append(total)
        return block

    def _wall_clock(self, begin: int, end: int) -> list[Stretch]:
        """Open stretches of the local wall clock that touch [begin, end), in order and apart."""
        dates = range(begin // DAY - 1, end // DAY + 1)
        return _joined(sorted(stretch for number in dates for stretch in self._on(number)))

    def _on(self, number: int) -> Iterator[Stretch]:
        day = date.fromordinal(number + _FIRST_DATE)
        hours = [_stretch(number * DAY, each) for each in self.hours_on(day)]
        if day in self.shifts or not self.breaks:
            return iter(hours)
        near = [_stretch((number + n) * DAY, each) for n in (-1, 0, 1) for each in self.breaks]
        return _without(hours, sorted(near))


def longest(hours: Iterable[Hours]) -> timedelta:
    """How long a day's hours are together."""
    return timedelta(microseconds=sum(last - first for first, last in (_stretch(0, each) for each in hours)))


def longest_day(weekly: Iterable[tuple[Hours, ...]], breaks: tuple[Hours, ...] = ()) -> timedelta:
    """The open time of the week's longest day, breaks taken out: the usual meaning of one business day."""
    off = sorted(_stretch(n * DAY, each) for n in (-1, 0, 1) for each in breaks)
    lengths = (
        sum(last - first for first, last in _without([_stretch(0, each) for each in day], off))
        for day in weekly
    )
    return timedelta(microseconds=max(lengths, default=0))


def _stretch(midnight: int, hours: Hours) -> Stretch:
    opens, closes = _since_midnight(hours[0]), _since_midnight(hours[1])
    return midnight + opens, midnight + closes + (DAY if closes <= opens else 0)


def _since_midnight(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * _SECOND


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Sorted stretches, with those that overlap or touch made one."""
    found: list[Stretch] = []
    for first, last in stretches:
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def _without(stretches: Iterable[Stretch], taken_out: list[Stretch]) -> Iterator[Stretch]:
    for begin, end in stretches:
        at = begin
        for first, last in taken_out:
            if first < end and last > at:
                if at < first:
                    yield at, first
                at = last
        if at < end:
            yield at, end


def _offsets(zone: ZoneInfo, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Stretches of constant distance to UTC, found day by day: no zone changes its clocks twice within one."""
    first, offset = begin, _offset(zone, begin)
    for day in range(begin + DAY, end + DAY, DAY):
        after = _offset(zone, min(day, end))
        if after != offset:
            low, high = day - DAY, min(day, end)
            while high - low > _SECOND:
                middle = low + (high - low) // 2 // _SECOND * _SECOND
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            yield first, high, offset
            first, offset = high, after
    if first < end:
        yield first, end, offset


def _offset(zone: ZoneInfo, at: int) -> int:
    return (instant(at).astimezone(zone).utcoffset() or timedelta(0)) // _MICROSECOND
