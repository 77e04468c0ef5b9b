"""One system's database: a SQLite file, its rows changed by key. Knows nothing of what the rows mean.

Table and column names come from this package's own schemas, never from a request.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Store:
    """A SQLite file shared by the threads of one process; every statement takes its lock."""

    def __init__(self, path: Path, schema: str) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000;"
        )
        self._db.executescript(schema)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query, as dictionaries."""
        with self._lock:
            return [dict(row) for row in self._db.execute(sql, parameters)]

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of a query."""
        return next(iter(self.rows(sql, parameters)), None)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Execute a statement; returns how many rows it changed."""
        with self._lock:
            return self._db.execute(sql, parameters).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside happen together, or not at all; part of one that has begun already."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows that all have the same columns."""
        if rows:
            columns = list(rows[0])
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            with self._lock:
                self._db.executemany(sql, [tuple(row[column] for column in columns) for row in rows])

    def find(self, table: str, key: Mapping[str, Any]) -> list[Row]:
        """The rows of a table whose columns equal `key`, oldest first."""
        return self.rows(f"SELECT * FROM {table} WHERE {_where(key)} ORDER BY id", list(key.values()))

    def alter(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        """Set columns of the rows that equal `key`; returns how many there were."""
        assignments = ", ".join(f"{column} = ?" for column in values)
        return self.run(
            f"UPDATE {table} SET {assignments} WHERE {_where(key)}", [*values.values(), *key.values()]
        )

    def remove(self, table: str, key: Mapping[str, Any]) -> int:
        """Delete the rows that equal `key`; returns how many there were."""
        return self.run(f"DELETE FROM {table} WHERE {_where(key)}", list(key.values()))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _where(key: Mapping[str, Any]) -> str:
    return " AND ".join(f"{column} = ?" for column in key)
