"""What differs between databases: how a session is made read only and limited, and what their refusals mean."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ..base import TransportError
from ..exact_json import parse

_SQLITE_STEPS = 10_000
"""Instructions between two looks at the clock."""
_MAY_NOT = ("permission denied", "command denied", "access denied for user", "not authorized",
            "insufficient privileges", "permission was denied")  # fmt: skip
_NEVER = ("no such", "does not exist", "doesn't exist", "syntax", "unknown column", "unknown database")


def open_engine(url: str, timeout: float) -> Engine:
    """An engine that keeps no connection. `timeout` for connecting, in seconds. Raises TransportError, permanent
    where the address is none.
    """
    message = "not a database address that can be opened (is its driver installed?)"
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        file = parsed.database if backend == "sqlite" else None
        if file and not Path(file).exists():  # SQLite would make an empty one
            raise TransportError(f"there is no file {file}", permanent=False, where="connection.url")
        limits = (
            {"connect_timeout": max(1, int(timeout))} if backend in ("postgresql", "mysql", "mariadb") else {}
        )
        exact: dict[str, Any] = {"json_deserializer": _json} if backend == "postgresql" else {}
        return create_engine(parsed, poolclass=NullPool, connect_args=limits, **exact)
    except (NoSuchModuleError, ImportError) as error:
        missing = f"{message}: {error}"
        raise TransportError(missing, permanent=True, where="connection.url") from None
    except (ArgumentError, ValueError):
        raise TransportError(message, permanent=True, where="connection.url") from None


def _json(text: str | bytes) -> Any:
    """What a column of JSON holds, its numbers exact."""
    return parse(text).value


def read_only(connection: Connection, timeout: float, zone: str = "UTC") -> None:
    """Tell the database that nothing will be written, how long a statement may take, in seconds, and, where it compares
    times with and without a zone (PostgreSQL), in which zone the latter are.
    """
    driver: Any = connection.connection.dbapi_connection
    match connection.dialect.name:
        case "postgresql":
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
            connection.execute(text(f"SET LOCAL statement_timeout = {int(timeout * 1000)}"))
        case "sqlite":
            connection.execute(text("PRAGMA query_only = ON"))
            ends = time.monotonic() + timeout
            driver.set_progress_handler(lambda: time.monotonic() > ends, _SQLITE_STEPS)
        case "mysql" | "mariadb":
            connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
            connection.execute(text("SET time_zone = '+00:00'"))
            if getattr(connection.dialect, "is_mariadb", False):
                connection.execute(text(f"SET SESSION max_statement_time = {timeout:.3f}"))
            else:
                connection.execute(text(f"SET SESSION max_execution_time = {int(timeout * 1000)}"))
            connection.rollback()  # read only from the next transaction on
        case "mssql" if hasattr(driver, "timeout"):
            driver.timeout = max(1, int(timeout))
        case "oracle" if hasattr(driver, "call_timeout"):
            driver.call_timeout = int(timeout * 1000)
        case _:
            pass


def refusal(error: SQLAlchemyError, where: str) -> TransportError:
    """The database's own words, without our statement and its parameters, and what to change."""
    words = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())[:300]
    said = words.lower()
    if isinstance(error, OperationalError) and _unknown_user(said):
        message = f"refuses the user or the password of connection.url: {words}"
        return TransportError(message, permanent=True, where=where)
    if any(each in said for each in _MAY_NOT):
        message = f"the user may not read it: {words}; grant it SELECT"
        return TransportError(message, permanent=True, where=where)
    passing = isinstance(error, OperationalError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
    never = any(each in said for each in _NEVER)
    return TransportError(words, permanent=never or not passing, where=where, answered=never)


def _unknown_user(said: str) -> bool:
    if "role " in said and "does not exist" in said:
        return True
    plain = (
        "password authentication failed",
        "login failed",
        "invalid username/password",
        "no password supplied",
    )
    return any(each in said for each in plain) or ("access denied" in said and "using password" in said)
