"""How far a feed has been read, as a moment, a day or a number that grows with every change.

A mark never passes the start of the read: a row that claims to be from next year hides no changes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal

from exceptions_app.domain.instant import iso

from .base import Again, CannotReadAgainError, FeedContentError

Format = Literal["timestamp", "date", "number"]
Mark = datetime | date | int
_EXPECTED: dict[Format, str] = {
    "timestamp": "a time such as 2026-11-22T16:30:00Z",
    "date": "a date such as 2026-11-22",
    "number": "a whole number",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Reads, compares and writes marks of one format. `zone`: of times that name none, and of days; of an hour that
    comes twice in autumn the first passing is meant.
    """

    format: Format
    overlap: timedelta
    zone: tzinfo = UTC

    def since(self, watermark: str | None, initial: str | None) -> Mark | None:
        """Where to begin: the watermark less the overlap, else `initial`, else None (everything)."""
        if watermark is None:
            return None if initial is None else self.read(initial, "watermark.initial")
        kept = self.kept(watermark)
        if isinstance(kept, datetime):
            return kept - self.overlap
        if isinstance(kept, date):
            return kept - timedelta(days=math.ceil(self.overlap / timedelta(days=1)))
        return kept

    def again(self, again: Again, initial: str | None) -> tuple[Mark | None, Mark | None]:
        """From which mark to which (the second is no longer meant): None is from the beginning, or without an end."""
        if again.file:
            raise CannotReadAgainError("this source has no files: name a run, or from when to when")
        if again.since is None:
            after = self.kept(again.after)
            return self.since(again.before, initial), None if after is None else _past(after)
        if self.format == "number":
            said = (
                "its watermark is a number, not a time: replay a run instead, or read it from its beginning"
            )
            raise CannotReadAgainError(said)
        ends = [again.since, again.until]
        if self.format == "date":
            days = [None if at is None else at.astimezone(self.zone).date() for at in ends]
            return days[0], days[1]
        return ends[0], ends[1]

    def kept(self, watermark: str | None) -> Mark | None:
        """The mark that a watermark holds."""
        return None if watermark is None else self.read(json.loads(watermark)["since"], "watermark")

    def read(self, value: Any, where: str) -> Mark:
        """A mark as a source writes it. Raises FeedContentError naming where it stands."""
        try:
            return self._read(value)
        except (ValueError, TypeError):
            raise FeedContentError(f"{value!r} cannot be ordered", where, _EXPECTED[self.format]) from None

    def highest(self, marks: Iterable[Mark], before: Mark | None, started: datetime) -> Mark | None:
        """The highest mark read, never past `started` and never behind `before`."""
        today = started.astimezone(self.zone).date()
        limit: Mark | None = {"timestamp": started, "date": today, "number": None}[self.format]
        highest = before
        for mark in marks:
            bounded = mark if limit is None else min(mark, limit)
            highest = bounded if highest is None else max(highest, bounded)
        return highest

    def write(self, mark: Mark) -> str:
        return iso(mark) if isinstance(mark, datetime) else str(mark)

    def watermark(self, mark: Mark | None) -> str | None:
        return None if mark is None else json.dumps({"since": self.write(mark)})

    def _read(self, value: Any) -> Mark:
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=self.zone)).astimezone(UTC)
        if self.format == "timestamp":
            return self._read(datetime.fromisoformat(value))
        if self.format == "date":
            return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
        number = Decimal(str(value))
        if number != int(number):
            raise ValueError(value)
        return int(number)


def first_local(moment: datetime, zone: tzinfo) -> datetime:
    """The earliest local time that can stand at what changed from `moment` on: where the hour comes twice, what changed
    in its second passing may bear a time before it.
    """
    local = moment.astimezone(zone)
    return (local - _repeated(local)).replace(tzinfo=None)


def last_local(moment: datetime, zone: tzinfo) -> datetime:
    """The latest local time that can stand at what changed until `moment`."""
    local = moment.astimezone(zone)
    return (local + _repeated(local)).replace(tzinfo=None)


def _repeated(local: datetime) -> timedelta:
    """How much of the clock comes twice at this time; zero where none does."""
    before, after = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return max((before or timedelta(0)) - (after or timedelta(0)), timedelta(0))


def _past(mark: Mark) -> Mark:
    """The first mark after it."""
    if isinstance(mark, datetime):
        return mark + timedelta(microseconds=1)
    return mark + timedelta(days=1) if isinstance(mark, date) else mark + 1


def before(mark: Mark, end: Mark) -> bool:
    """Whether it comes before the end; both are of one format."""
    return bool(mark < end)  # type: ignore[operator]
