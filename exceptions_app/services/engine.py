"""What a database connection needs before anything is written through it. Knows no table.

SQLite: write-ahead log, foreign keys, and every transaction `BEGIN IMMEDIATE`, because a read that turns
into a write fails at once with BUSY_SNAPSHOT whatever `busy_timeout` says. A transaction that only reads
says so with `reading` and takes no lock.

PostgreSQL: a transaction that only reads sees one state throughout, as on SQLite: what belongs together, such as which
runs are unfinished and up to when a feed is read, is never of two instants. Statements are prepared once per
connection and planned for their values each time; a plan for any value would take the way of common values for rare
ones. psycopg forgets what is prepared at a ROLLBACK: what only read ends with `done_reading`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session

BUSY_TIMEOUT_MS = 30_000
TRUSTED_SECONDS = 5.0
"""A connection that was used less long ago is not asked whether it still holds."""
_READING = "tieout_reading"
_READ_ONLY = "postgresql_readonly"
_IDLE_SINCE = "tieout idle since"
_ONLY_READS = "tieout_only_reads"
_View = TypeVar("_View", bound=Callable[..., Any])


def prepare_engine(engine: Engine) -> Engine:
    """Attach what the dialect needs; to be called once per engine, before its first connection."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _on_postgres_connect)
        event.listen(engine, "checkin", _on_checkin)
        event.listen(engine, "checkout", partial(_on_checkout, engine))
    return engine


def reading(session: Session, *, strictly: bool = False) -> Session:
    """Declare that the transaction about to start only reads, and sees everything as it is at its first statement.
    Without effect once it has started. `strictly`: PostgreSQL refuses what writes.
    """
    if not session.in_transaction():
        options: dict[str, Any] = {_READING: True}
        if session.get_bind().dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", _READ_ONLY: strictly}
        session.connection(execution_options=options)
    return session


def only_reads(view: _View) -> _View:
    """Declare that a view changes nothing though it is asked with POST."""
    setattr(view, _ONLY_READS, True)
    return view


def is_only_reading(view: Callable[..., Any] | None) -> bool:
    """Whether a view has been declared so."""
    return getattr(view, _ONLY_READS, False)


def done_reading(session: Session) -> None:
    """End a transaction that strictly read; what the session holds stays. Any other transaction is left as it is."""
    if not (session.in_transaction() and session.is_active):
        return
    connection = session.connection()
    transaction = connection.get_transaction()
    strictly = connection.get_execution_options().get(_READ_ONLY, False)
    if strictly and transaction is not None and connection.dialect.name == "postgresql":
        transaction.commit()


def _on_postgres_connect(connection: Any, _record: Any) -> None:
    connection.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()


def _on_checkin(_connection: Any, record: Any) -> None:
    record.info[_IDLE_SINCE] = time.monotonic()


def _on_checkout(engine: Engine, connection: Any, record: Any, _proxy: Any) -> None:
    """Raises what makes the pool connect anew, where the server has hung up meanwhile."""
    since = record.info.get(_IDLE_SINCE)
    if since is None or time.monotonic() - since < TRUSTED_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError("the server has closed the connection") from error


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "cache_size = -32000",
        "temp_store = MEMORY",  # triggers make SQLite keep copies of pages, else in a file
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
