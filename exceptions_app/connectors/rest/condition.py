"""The watermark of a feed as the source writes and reads it: its place, its template, its encoding.

Knows no HTTP. Marks are aware UTC times, dates or numbers.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ..base import Again, FeedContentError
from ..exact_json import find
from ..marks import Mark, Marks, before, first_local
from .options import RestWatermark

_FROM_MILLISECONDS = Decimal(100_000_000_000)
"""A number from here on counts milliseconds: as seconds it would be the year 5138."""


class Condition:
    """Where the next read begins, how that is said, and how far the rows go."""

    def __init__(self, options: RestWatermark) -> None:
        self.options = options
        self._zone = ZoneInfo(options.zone)
        self._marks = Marks(options.format, options.overlap, self._zone)

    def since(self, watermark: str | None) -> Mark | None:
        """Where to begin; None: at the beginning."""
        kept = _only_since(watermark)
        if kept is None and self.options.initial is not None:
            return self._read(self.options.initial, "watermark.initial")
        return self._marks.since(kept, None)

    def again(self, again: Again) -> tuple[Mark | None, Mark | None]:
        """From where to where something is read a second time."""
        kept = replace(again, before=_only_since(again.before), after=_only_since(again.after))
        since, until = self._marks.again(kept, None)
        if again.since is None and kept.before is None:
            since = self.since(None)
        return since, until

    def until(self, rows: Sequence[Any], end: Mark | None) -> list[Any]:
        """The rows that changed before the end; one that does not say when is kept."""
        if end is None:
            return list(rows)
        return [row for row in rows if (mark := self._mark_of(row)) is None or before(mark, end)]

    def _mark_of(self, row: Any) -> Mark | None:
        try:
            return self._read(find(row, self.options.field), "") if isinstance(row, dict) else None
        except FeedContentError:
            return None

    def kept(self, watermark: str | None) -> Mark | None:
        return self._marks.kept(_only_since(watermark))

    def said(self, since: Mark) -> str:
        """The condition as the source wants it."""
        text = self.options.template.replace("{watermark}", self._written(since))
        match self.options.encode:
            case "base64":
                return b64encode(text.encode()).decode()
            case "base64url":
                return urlsafe_b64encode(text.encode()).decode().rstrip("=")
            case "none":
                return text

    def in_body(self, since: Mark) -> str | int:
        """The same as a value of a body: a bare number stays one."""
        said = self.said(since)
        number = self.options.format == "number" or self.options.written in ("epoch", "epoch_ms")
        bare = self.options.template == "{watermark}" and self.options.encode == "none"
        return int(said) if number and bare else said

    def highest(self, marks: Iterable[Mark], before: Mark | None, started: datetime) -> Mark | None:
        return self._marks.highest(marks, before, started)

    def watermark(self, mark: Mark | None) -> str | None:
        return self._marks.watermark(mark)

    def marks_in(self, rows: Sequence[Any], where: str) -> list[Mark]:
        """The marks of a page's rows. One without counts for nothing; a page of them is refused."""
        found: list[Mark] = []
        error: FeedContentError | None = None
        for number, row in enumerate(rows, 1):
            value = find(row, self.options.field) if isinstance(row, dict) else None
            try:
                found.append(self._read(value, ""))
            except FeedContentError as unusable:
                place = f"{where} row {number} {self.options.field}"
                error = error or FeedContentError(unusable.message, place, unusable.expected)
        if error and not found:
            raise FeedContentError(
                f"no row says when it changed ({error.message})", error.where, error.expected
            )
        return found

    def _written(self, since: Mark) -> str:
        how = self.options.written
        if how == "iso" or isinstance(since, int):
            return self._marks.write(since)
        moment = (
            since if isinstance(since, datetime) else datetime(since.year, since.month, since.day, tzinfo=UTC)
        )
        if how in ("epoch", "epoch_ms"):
            unit = timedelta(seconds=1) if how == "epoch" else timedelta(milliseconds=1)
            return str((moment - datetime(1970, 1, 1, tzinfo=UTC)) // unit)
        if not isinstance(since, datetime):
            return moment.strftime(how)
        named = "%z" in how or "%Z" in how
        return (moment.astimezone(self._zone) if named else first_local(moment, self._zone)).strftime(how)

    def _read(self, value: Any, where: str) -> Mark:
        if self.options.format != "number":
            value = self._moment(value)
        return self._marks.read(value, where)

    def _moment(self, value: Any) -> Any:
        """A time that is written in another way than ISO 8601 with its zone; else the value as it is."""
        if isinstance(value, str) and value.startswith("/Date("):
            value = _milliseconds(value)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            number = Decimal(value)
            seconds = number / 1000 if abs(number) >= _FROM_MILLISECONDS else number
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))
            return moment if self.options.format == "timestamp" else moment.date()
        return self._local(value) if isinstance(value, str) else value

    def _local(self, text: str) -> Any:
        """A time in the feed's own zone or pattern; what is none stays as it is, and is refused."""
        if self.options.format == "date" and "%" not in self.options.written:
            return text
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            try:
                moment = datetime.strptime(text, self.options.written)  # noqa: DTZ007 - the zone follows
            except ValueError:
                return text
        if self.options.format == "date":
            return moment.date()
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)


def _milliseconds(text: str) -> int | str:
    """`/Date(1700000000000+0000)/`, as OData 2 writes it."""
    digits = text.removeprefix("/Date(").partition(")")[0]
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
    digits = digits.partition("+")[0].partition("-")[0]
    return sign * int(digits) if digits.isdigit() else text


def _only_since(watermark: str | None) -> str | None:
    """The part of a watermark that is a mark: it may also only remember how an answer was known."""
    if watermark is None:
        return None
    since = json.loads(watermark).get("since")
    return None if since is None else json.dumps({"since": since})
