"""What a database connection needs before anything is written through it. Knows no table.

SQLite: write-ahead log, foreign keys, and every transaction `BEGIN IMMEDIATE`, because a read that turns
into a write fails at once with BUSY_SNAPSHOT whatever `busy_timeout` says. A transaction that only reads
says so with `reading` and takes no lock.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

BUSY_TIMEOUT_MS = 30_000
_READING = "tieout_reading"


def prepare_engine(engine: Engine) -> Engine:
    """Attach what the dialect needs; to be called once per engine, before its first connection."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def reading(session: Session) -> Session:
    """Declare that the transaction about to start only reads. Without effect once it has started."""
    if not session.in_transaction():
        session.connection(execution_options={_READING: True})
    return session


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
