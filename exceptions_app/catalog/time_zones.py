"""The time zones that both Python, which keeps clocks, and the engine, which reads records, know."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from exceptions_app.duck import closing_session


@cache
def time_zones() -> frozenset[str]:
    """Names such as America/Chicago. A machine may know more, which would stop a mapping when it runs."""
    with closing_session() as con:
        known = {name for (name,) in con.execute("SELECT name FROM pg_timezone_names()").fetchall()}
    return frozenset(known & available_timezones() | {"UTC"})
