"""Lands rows of one part of one run as changes: all of them or none, and once, however often it is tried.

The commit carries the transaction (feed → run and part), and the table it is checked on is the table it is
written to: of two writers of the same part one loses. Knows nothing of mapping; rows come typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arro3.core import RecordBatchReader, Table
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from exceptions_app.duck import closing_session, literal, quoted, scalar

from .errors import StaleRunError
from .layout import CHANGES, Layout
from .table import WRITING, ensure_table, stored_columns

PARTS = 1 << 20
"""Parts of one run; with the run it makes the feed's transaction number, which only grows."""

_TRIES = 8


Target = tuple[str, Layout]
"""Where a table lies, and its columns."""


def land(
    uri: str,
    layout: Layout,
    feed: str,
    run_id: int,
    part: int,
    rows: Any,
    versions: Sequence[Target] = (),
) -> int:
    """The number of rows landed; 0 when this part of the run had landed before.

    `versions` keep what these rows say beside: not their deletion, nor what has no key there. They land first, so
    that what was landed before has been kept.

    `rows` is anything Arrow can stream (a DuckDB relation, a table), with the columns of a record of this
    type; columns that are missing are NULL, `_deleted` marks tombstones, and the order of the rows is kept.
    Raises `StaleRunError` when a newer run of the feed has landed rows.
    """
    if not 0 <= part < PARTS:
        raise ValueError(f"feed {feed}, run {run_id}: part {part} is outside 0 to {PARTS - 1}")
    if isinstance(rows, Table) and not rows.num_rows:
        return 0
    with closing_session() as con:
        count = _take_in(con, rows)
        for place, kept in versions if count else ():
            if scalar(con, f"SELECT count(*) FROM landing WHERE {_is_version(con, kept)}"):
                _commit(con, place, kept, feed, run_id, part, _is_version(con, kept))
        return count if count and _commit(con, uri, layout, feed, run_id, part) else 0


def has_landed(table: DeltaTable, feed: str, run_id: int, part: int) -> bool:
    """Whether this part is in the table. Raises `StaleRunError` when a newer run of the feed is."""
    newest = table.transaction_version(feed)
    if newest is None or newest < run_id * PARTS + part:
        return False
    if newest // PARTS > run_id:
        raise StaleRunError(feed, run_id, newest // PARTS)
    return True


def _take_in(con: DuckDBPyConnection, rows: Any) -> int:
    stream = RecordBatchReader.from_arrow(rows) if isinstance(rows, DuckDBPyRelation) else rows
    con.register("incoming", stream)
    con.execute("CREATE TEMP TABLE landing AS SELECT *, row_number() OVER () AS _row FROM incoming")
    con.unregister("incoming")
    return int(scalar(con, "SELECT count(*) FROM landing"))


def _given(con: DuckDBPyConnection) -> set[str]:
    return {name for (name, *_) in con.execute("DESCRIBE landing").fetchall()}


def _is_version(con: DuckDBPyConnection, layout: Layout) -> str:
    """SQL: whether a landing row is a version that can be told from others."""
    given, key = _given(con), layout.record_type.key
    if not given.issuperset(key):
        return "FALSE"
    there = [f"{quoted(name)} IS NOT NULL" for name in key]
    return " AND ".join([*there, *(["NOT coalesce(_deleted, false)"] if "_deleted" in given else [])])


def _commit(
    con: DuckDBPyConnection, uri: str, layout: Layout, feed: str, run_id: int, part: int, where: str = "TRUE"
) -> bool:
    for attempt in range(_TRIES):
        try:
            return _append(con, ensure_table(uri, layout), feed, run_id, part, where)
        except CommitFailedError:
            if attempt == _TRIES - 1:
                raise
    return False


def _append(
    con: DuckDBPyConnection, table: DeltaTable, feed: str, run_id: int, part: int, where: str
) -> bool:
    if has_landed(table, feed, run_id, part):
        return False
    transaction = Transaction(feed, run_id * PARTS + part)
    write_deltalake(
        table,
        con.sql(_changes_sql(con, stored_columns(table), feed, run_id, part, where)),
        mode="append",
        writer_properties=WRITING,
        commit_properties=CommitProperties(app_transactions=[transaction]),
    )
    return True


def _changes_sql(
    con: DuckDBPyConnection, stored: dict[str, str], feed: str, run_id: int, part: int, where: str
) -> str:
    given = _given(con)
    made = {
        "_part": literal(CHANGES),
        "_feed": literal(feed),
        "_seq": f"{part} * (1::BIGINT << 32) + _row",
        "_deleted": "coalesce(_deleted, false)" if "_deleted" in given else "false",
        "run_id": literal(run_id),
    }

    def value(name: str) -> str:
        return made.get(name) or (quoted(name) if name in given else "NULL")

    columns = ", ".join(f"CAST({value(name)} AS {kind}) AS {quoted(name)}" for name, kind in stored.items())
    return f"SELECT {columns} FROM landing WHERE {where} ORDER BY _row"
