"""A DuckDB session: in memory, with limits, in UTC, without extensions from the network.

Knows nothing of records or checks; those who use a session bring their own SQL.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

_sessions = count(1)
_idle: dict[tuple[str, int], list[DuckDBPyConnection]] = defaultdict(list)
_idling = Lock()
_MOST_IDLE = 4


def session(memory: str = "1GB", threads: int = 2) -> DuckDBPyConnection:
    """A fresh session with a memory limit (`2GB`); what does not fit spills to the machine's temporary
    directory.

    Times are UTC whatever the machine's zone is. Extensions are neither downloaded nor loaded by themselves:
    closed networks behave as open ones do. The caller closes it.
    """
    spill = Path(tempfile.gettempdir()) / f"tieout-duck-{os.getpid()}-{next(_sessions)}"
    con = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # Global, so that the session's further connections have it too.
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    # DuckDB 2.0 refuses `f AND 'x' = NULLIF(COALESCE(s, ''), '')` where both columns hold nothing but NULL: this
    # optimizer makes a node that the next cannot bind. Without it comparisons take as long (bench/three_way.py).
    con.execute("SET disabled_optimizers = 'statistics_propagation'")
    return con


def connections(con: DuckDBPyConnection, most: int) -> list[DuckDBPyConnection]:
    """A session's connection and further ones to it, one per thread that it may use, at most `most` in all.

    They share tables, limits and threads; temporary tables and views are each one's own. The caller closes the
    further ones; closing the session does too.
    """
    return [con, *(con.cursor() for _ in range(1, min(threads_of(con), most)))]


def threads_of(con: DuckDBPyConnection) -> int:
    """How many threads a session may use."""
    return int(scalar(con, "SELECT current_setting('threads')"))


def thread_sharing(con: DuckDBPyConnection) -> Callable[[int], None]:
    """What to tell how many threads run statements of the session, so that the engine adds only as many as are left.

    Else it would add all but one of its own to each. It can be told while statements run; 0 is as 1.
    """
    own = con.cursor()

    def share(callers: int) -> None:
        own.execute(f"SET external_threads = {max(1, callers)}")

    return share


@contextmanager
def closing_session(memory: str = "1GB", threads: int = 2) -> Iterator[DuckDBPyConnection]:
    """`session` for a with statement. What is made in it is gone afterwards.

    An engine takes a hundredth of a second to start, more than most feeds take to map: one that is left as it was
    found, without an error and with nothing on the disk, serves again.
    """
    engine = _idle_engine(memory, threads) or session(memory, threads)
    con, as_found = engine.cursor(), False
    try:
        yield con
        as_found = not scalar(engine, "SELECT count(*) FROM duckdb_tables() WHERE NOT temporary")
        as_found = as_found and not Path(scalar(engine, "SELECT current_setting('temp_directory')")).exists()
    finally:
        con.close()  # its temporary tables and views go with it
        if not (as_found and _keep_idle(memory, threads, engine)):
            engine.close()


def _idle_engine(memory: str, threads: int) -> DuckDBPyConnection | None:
    with _idling:
        return _idle[memory, threads].pop() if _idle[memory, threads] else None


def _keep_idle(memory: str, threads: int, engine: DuckDBPyConnection) -> bool:
    with _idling:
        kept = len(_idle[memory, threads]) < _MOST_IDLE
        if kept:
            _idle[memory, threads].append(engine)
        return kept


def _forget_idle() -> None:
    """A child has none of its parent's threads: engines that it inherits are neither used nor closed."""
    global _idling, _idle  # the lock may have been held, too
    _inherited.append(_idle)
    _idling, _idle = Lock(), defaultdict(list)


_inherited: list[Any] = []
os.register_at_fork(after_in_child=_forget_idle)


def quoted(identifier: str) -> str:
    """An identifier as SQL: always in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str | int | bool | datetime | None) -> str:
    """A value as SQL. Times must be aware; they are written in UTC."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"a naive time has no instant: {value!r}")
            return f"TIMESTAMPTZ '{value.astimezone(UTC).isoformat(sep=' ')}'"
        case str():
            return "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[str | int]) -> str:
    """A comma-separated list of literals, for IN and for lists of files."""
    return ", ".join(literal(value) for value in values)


def scalar(con: DuckDBPyConnection, sql: str) -> Any:
    """The single value of a query of one row and one column; None where there is no row.

    Reads the result to its end: one left open blocks the session's next statement.
    """
    rows = con.execute(sql).fetchall()
    return rows[0][0] if rows else None
