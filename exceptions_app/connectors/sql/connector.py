"""Reads a feed from a database: read only, in the order of its watermark, a page at a time.

Any database that SQLAlchemy speaks to. Nothing is ever written: the session is read only where it can be
told so, and is always rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnClause,
    Engine,
    FromClause,
    Select,
    bindparam,
    literal_column,
    select,
    text,
)
from sqlalchemy import column as named
from sqlalchemy import table as named_table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.domain.instant import utc_now

from ..base import Again, CannotReadAgainError, FeedContentError, Page, RawRow
from ..exact_json import nested
from ..marks import Mark, Marks, first_local, last_local
from ..references import reveal
from .dialects import open_engine, read_only, refusal
from .options import SqlConnection, SqlRead


class SqlConnector:
    """One feed from a database. A snapshot feed always reads everything, whatever its watermark says."""

    def __init__(
        self, engine: Engine, read: SqlRead, *, label: str, timeout: float, snapshot: bool = False
    ) -> None:
        self._engine = engine
        self._read = read
        self._label = label
        self._timeout = timeout
        self._condition = None if snapshot else read.watermark
        self._zone = read.watermark.zone if read.watermark else "UTC"
        self.bytes_read = 0
        """Of the values as text: what its driver reads on the wire no database tells."""

    @classmethod
    def of(cls, system: System, feed: Feed) -> SqlConnector:
        connection = SqlConnection.model_validate(system.connection)
        read = SqlRead.model_validate(feed.read)
        label = f"{system.code} {read.table or 'query'}"
        timeout = connection.timeout.total_seconds()
        engine = open_engine(reveal(connection.url, "connection.url"), timeout)
        return cls(engine, read, label=label, timeout=timeout, snapshot=feed.mode == "snapshot")

    def read(self, watermark: str | None) -> Iterator[Page]:
        started = utc_now()
        statement: Select[Any] = select(literal_column("*")).select_from(self._source())
        condition = self._condition
        if condition is None:
            for _, rows in self._pages(statement):
                yield Page(rows, watermark=None)
            return
        marks = Marks(condition.format, condition.overlap, ZoneInfo(self._zone))
        since, highest = marks.since(watermark, condition.initial), marks.kept(watermark)
        if watermark is not None and isinstance(since, int):
            since -= condition.step_back
        mark: ColumnClause[Any] = named(condition.column)
        if since is not None:
            statement = statement.where(mark >= self._parameter(since))
        for number, rows in self._pages(statement.order_by(mark)):
            seen = self._marks_in(rows, condition.column, marks, number)
            highest = marks.highest(seen, highest, started - condition.lag)
            yield Page(rows, watermark=marks.watermark(highest))

    def read_again(self, again: Again) -> Iterator[Page]:
        condition = self._condition
        if condition is None:
            raise CannotReadAgainError("it reads everything every time: read it now")
        marks = Marks(condition.format, condition.overlap, ZoneInfo(self._zone))
        mark: ColumnClause[Any] = named(condition.column)
        since, until = marks.again(again, condition.initial)
        if again.since is None and again.before is not None and isinstance(since, int):
            since -= condition.step_back
        statement: Select[Any] = select(literal_column("*")).select_from(self._source())
        if since is not None:
            statement = statement.where(mark >= self._parameter(since))
        if until is not None:
            statement = statement.where(mark < self._end(until))
        return (Page(rows) for _, rows in self._pages(statement.order_by(mark)))

    def all_keys(self) -> Iterator[RawRow] | None:
        if not self._read.keys:
            return None
        columns: list[ColumnClause[Any]] = [named(key) for key in self._read.keys]
        statement = select(*columns).select_from(self._source()).distinct()
        return (row for _, rows in self._pages(statement) for row in rows)

    def read_one(self, key: Mapping[str, str]) -> list[RawRow] | None:
        if not self._read.one or not set(self._read.one) <= set(key):
            return None
        statement: Select[Any] = select(literal_column("*")).select_from(self._source())
        for column, source in self._read.one.items():
            # untyped: the database reads the text as its column's type, a number or a text
            statement = statement.where(named(source) == bindparam(None, key[column], type_=NullType()))
        return [row for _, rows in self._pages(statement) for row in rows]

    def read_through(self, began: datetime) -> datetime | None:
        return began

    def acknowledge(self) -> None:
        """Nothing is consumed by reading."""

    def close(self) -> None:
        self._engine.dispose()

    def _source(self) -> FromClause:
        if self._read.query:
            return text(self._read.query.rstrip().rstrip(";")).columns().subquery("source")
        schema, _, name = (self._read.table or "").rpartition(".")
        return named_table(name, schema=schema or None)

    def _parameter(self, mark: Mark) -> Any:
        """A time as the database writes it. SQLite keeps times as text: compared as text, in the form that its rows
        most often have.
        """
        sqlite = self._engine.dialect.name == "sqlite"
        if isinstance(mark, datetime):
            moment = mark if self._zone == "UTC" else first_local(mark, ZoneInfo(self._zone))
            return moment.strftime("%Y-%m-%d %H:%M:%S") if sqlite else moment
        return mark.isoformat() if sqlite and isinstance(mark, date) else mark

    def _end(self, mark: Mark) -> Any:
        """The same for an end, which may lie a microsecond after the last row that is meant."""
        if not isinstance(mark, datetime):
            return self._parameter(mark)
        moment = mark if self._zone == "UTC" else last_local(mark, ZoneInfo(self._zone))
        if self._engine.dialect.name != "sqlite":
            return moment
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f" if moment.microsecond else "%Y-%m-%d %H:%M:%S")

    def _pages(self, statement: Select[Any]) -> Iterator[tuple[int, list[RawRow]]]:
        """Pages of rows, numbered, at least one. Raises TransportError with the database's words."""
        number, position = 1, 0
        try:
            with self._engine.connect() as connection:
                read_only(connection, self._timeout, self._zone)
                options = {"stream_results": True, "yield_per": self._read.page_size}
                result = connection.execute(statement, execution_options=options)
                names = list(result.keys())
                for part in result.partitions(self._read.page_size):
                    rows = [
                        RawRow(f"{self._label} row {position + offset}", _values(names, values))
                        for offset, values in enumerate(part, 1)
                    ]
                    self.bytes_read += _size(rows)
                    yield number, rows
                    number, position = number + 1, position + len(rows)
                if number == 1:
                    yield 1, []
        except SQLAlchemyError as error:
            raise refusal(error, f"{self._label} page {number}") from error

    def _marks_in(self, rows: list[RawRow], column: str, marks: Marks, number: int) -> list[Mark]:
        found = []
        for row in rows:
            if column not in row.values:
                where, known = f"{self._label} page {number}", ", ".join(row.values)
                raise FeedContentError(f"no column {column!r}, only {known}", where, "the watermark's column")
            if row.values[column] is not None:
                found.append(marks.read(row.values[column], f"{row.position} {column}"))
        return found


def _values(names: list[str], values: Any) -> dict[str, Any]:
    return {name: _exact(value) for name, value in zip(names, values, strict=True)}


def _size(rows: list[RawRow]) -> int:
    """Bytes of the values as text; none of NULL."""
    values = [value for row in rows for value in row.values.values() if value is not None]
    texts = [value if type(value) is str else str(value) for value in values]
    return len("".join(texts).encode("utf-8", "replace"))


def _exact(value: Any) -> Any:
    """Text, int, Decimal, bool or None: a binary fraction is a short decimal text, of the 15 digits that it holds. A
    column of JSON, and a list of values, is JSON text.
    """
    if value is None or isinstance(value, str | bool | int | Decimal):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float):
        short = format(value, ".15g")
        return repr(value) if float(short) == value else short
    if isinstance(value, timedelta):
        return str(int(value.total_seconds()))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return nested(_inside(value)) if isinstance(value, list | dict) else str(value)


def _inside(value: Any) -> Any:
    if isinstance(value, list):
        return [_inside(item) for item in value]
    return {name: _inside(item) for name, item in value.items()} if isinstance(value, dict) else _exact(value)
