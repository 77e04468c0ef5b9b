"""Many rows at once: plain tuples on SQLite, COPY on PostgreSQL. Knows no table's meaning.

Measured on 100,000 exceptions with their evidence and trail: several times faster than the ORM or
dictionaries. Ids are reserved first, so that rows that refer to each other can be made before any of them
is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from exceptions_app.extensions import Base
from exceptions_app.models import UtcDateTime

Row = tuple[Any, ...]


def reserve_ids(session: Session, model: type[Base], count: int) -> Sequence[int]:
    """Ids that nobody else will use. On SQLite the transaction already holds the only write lock."""
    table = _table(model)
    if session.get_bind().dialect.name == "postgresql":
        drawn = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
        return sorted(session.scalars(drawn, {"name": table.name, "count": count}))
    last = session.scalar(select(func.max(table.c.id))) or 0
    return range(last + 1, last + 1 + count)


def insert(session: Session, model: type[Base], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Store the rows; values in the order of `columns`, every other column NULL."""
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        _copy(session, _table(model).name, columns, rows)
        return
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {_table(model).name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    session.connection().exec_driver_sql(statement, _for_sqlite(_table(model), columns, rows))


def insert_new(
    session: Session, model: type[Base], columns: Sequence[str], rows: Sequence[Row], unique: str
) -> set[int]:
    """Store the rows that no other transaction has stored meanwhile; the ids that were. `columns[0]` is
    the id.
    """
    known = _existing(session, _table(model), unique, [row[columns.index(unique)] for row in rows])
    place = columns.index(unique)
    wanted = [row for row in rows if row[place] not in known]
    if session.get_bind().dialect.name != "postgresql":
        insert(session, model, columns, wanted)
        return {row[0] for row in wanted}
    name, listed = _table(model).name, ", ".join(columns)
    arriving = f"arriving_{name}"
    like = f"CREATE TEMPORARY TABLE {arriving} ON COMMIT DROP AS SELECT {listed} FROM {name} LIMIT 0"  # noqa: S608
    session.execute(text(like))
    _copy(session, arriving, columns, wanted)
    moved = (
        f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {arriving} "  # noqa: S608
        f"ON CONFLICT ({unique}) DO NOTHING RETURNING id"
    )
    stored = set(session.scalars(text(moved)))
    session.execute(text(f"DROP TABLE {arriving}"))
    return stored


def in_batches(values: Iterable[Any], size: int = 5_000) -> Iterable[list[Any]]:
    """Lists short enough for one `IN (…)` on either database."""
    batch = list(values)
    return (batch[start : start + size] for start in range(0, len(batch), size))


def _existing(session: Session, table: Table, unique: str, values: Sequence[Any]) -> set[Any]:
    column = table.c[unique]
    return {
        found
        for batch in in_batches(values)
        for found in session.scalars(select(column).where(column.in_(batch)))
    }


def _copy(session: Session, name: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
        write = copy.write_row
        for row in rows:
            write(row)


def _for_sqlite(table: Table, columns: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """Times as the text that `UtcDateTime` reads back; each distinct time is written out once."""
    times = [place for place, column in enumerate(columns) if isinstance(table.c[column].type, UtcDateTime)]
    write = _time_writer()
    converted = []
    for row in rows:
        values = list(row)
        for place in times:
            values[place] = write(values[place])
        converted.append(tuple(values))
    return converted


def _time_writer() -> Callable[[datetime | None], str | None]:
    written: dict[datetime | None, str | None] = {None: None}

    def write(at: datetime | None) -> str | None:
        if at not in written and at is not None:
            written[at] = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        return written[at]

    return write


def _table(model: type[Base]) -> Table:
    return cast("Table", model.__table__)
