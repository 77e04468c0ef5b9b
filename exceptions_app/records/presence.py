"""Absence proven: keys that a feed knew and its last complete read no longer named become tombstones."""

from __future__ import annotations

from datetime import datetime

from duckdb import DuckDBPyConnection

from exceptions_app.duck import literal, literals, quoted, scalar

from .errors import EmptySnapshotError
from .layout import Layout

_SUSPICIOUS = 50
"""From this many known records on, a read without a single key is taken for an outage."""


def vanished_sql(
    layout: Layout,
    current: str,
    seen_table: str,
    feed: str,
    system: str,
    others: list[str],
    fetched_at: datetime,
) -> str:
    """Tombstones for what this feed knew and no longer names.

    A row belongs to the feed that landed it last; the rows of a feed that has left the configuration belong
    to every feed that reads the same system (`others` are the ones still there).
    """
    key = ", ".join(map(quoted, layout.identity))
    same = " AND ".join(f"k.{quoted(c)} = s.{quoted(c)}" for c in layout.identity if c != "source_system")
    unclaimed = f"_feed NOT IN ({literals(others)})" if others else "true"
    at = literal(fetched_at)
    mine = f"source_system = {literal(system)} AND (_feed = {literal(feed)} OR {unclaimed})"
    known = f"SELECT * FROM ({current}) WHERE {mine}"
    return (
        f"SELECT {key}, source_id, {at} AS source_time, {at} AS fetched_at, true AS _deleted "
        f"FROM ({known}) k ANTI JOIN {quoted(seen_table)} s ON {same}"
    )


def refuse_empty_snapshot(con: DuckDBPyConnection, vanished: str, seen_table: str, feed: str) -> None:
    """Raises `EmptySnapshotError` where nothing was seen and many records are known."""
    if not scalar(con, f"SELECT count(*) FROM {quoted(seen_table)}"):
        known = int(scalar(con, f"SELECT count(*) FROM ({vanished})"))
        if known >= _SUSPICIOUS:
            raise EmptySnapshotError(feed, known)
