"""Lands rows of one part of one run as changes: all of them or none, and once, however often it is tried.

The commit carries the transaction (feed → run and part), and the table it is checked on is the table it is
written to: of two writers of the same part one loses. Knows nothing of mapping; rows come typed.
"""

from __future__ import annotations

from typing import Any

from arro3.core import RecordBatchReader, Table
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from exceptions_app.duck import closing_session, literal, quoted, scalar

from .errors import StaleRunError
from .layout import CHANGES, Layout
from .table import ensure_table, stored_columns

PARTS = 1 << 20
"""Parts of one run; with the run it makes the feed's transaction number, which only grows."""

_TRIES = 8


def land(uri: str, layout: Layout, feed: str, run_id: int, part: int, rows: Any) -> int:
    """The number of rows landed; 0 when this part of the run had landed before.

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


def _commit(con: DuckDBPyConnection, uri: str, layout: Layout, feed: str, run_id: int, part: int) -> bool:
    for attempt in range(_TRIES):
        try:
            return _append(con, ensure_table(uri, layout), feed, run_id, part)
        except CommitFailedError:
            if attempt == _TRIES - 1:
                raise
    return False


def _append(con: DuckDBPyConnection, table: DeltaTable, feed: str, run_id: int, part: int) -> bool:
    if has_landed(table, feed, run_id, part):
        return False
    transaction = Transaction(feed, run_id * PARTS + part)
    write_deltalake(
        table,
        con.sql(_changes_sql(con, stored_columns(table), feed, run_id, part)),
        mode="append",
        commit_properties=CommitProperties(app_transactions=[transaction]),
    )
    return True


def _changes_sql(con: DuckDBPyConnection, stored: dict[str, str], feed: str, run_id: int, part: int) -> str:
    given = {name for (name, *_) in con.execute("DESCRIBE landing").fetchall()}
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
    return f"SELECT {columns} FROM landing ORDER BY _row"
