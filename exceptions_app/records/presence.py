"""Absence proven: keys that a feed knew and its last complete read no longer named become tombstones, and so do
records that a feed of changes brought under another entity.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.schema import Feed
from exceptions_app.duck import literal, literals, quoted, scalar

from .errors import ShrunkenReadError
from .layout import Layout, empty_select
from .reading import files_sql
from .table import Listing

_SUSPICIOUS = 50
"""So many records must be missing before a read is taken for half of one."""


def known_sql(current: str, feed: str, system: str, others: list[str]) -> str:
    """What this feed knew. A row belongs to the feed that landed it last; the rows of a feed that has left the
    configuration belong to every feed that reads the same system (`others` are the ones still there).
    """
    unclaimed = f"_feed NOT IN ({literals(others)})" if others else "true"
    mine = f"source_system = {literal(system)} AND (_feed = {literal(feed)} OR {unclaimed})"
    return f"SELECT * FROM ({current}) WHERE {mine}"


def vanished_sql(layout: Layout, known: str, seen_table: str, fetched_at: datetime) -> str:
    """Tombstones for what a feed knew and no longer names."""
    key = ", ".join(map(quoted, layout.identity))
    same = " AND ".join(f"k.{quoted(c)} = s.{quoted(c)}" for c in layout.identity if c != "source_system")
    at = literal(fetched_at)
    return (
        f"SELECT {key}, source_id, {at} AS source_time, {at} AS fetched_at, true AS _deleted "
        f"FROM ({known}) k ANTI JOIN {quoted(seen_table)} s ON {same}"
    )


def refuse_shrunken(con: DuckDBPyConnection, feed: Feed, vanished: int, known: str, seen_table: str) -> None:
    """Raises `ShrunkenReadError` where so many records vanished that the read was hardly whole. Many new ones make up
    for it: a source may give all its records new keys.
    """
    if vanished < _SUSPICIOUS:
        return
    seen = int(scalar(con, f"SELECT count(*) FROM {quoted(seen_table)}"))
    before = int(scalar(con, f"SELECT count(*) FROM ({known})"))
    if seen * 100 < before * (100 - feed.contract.most_gone):
        raise ShrunkenReadError(feed.code, seen, before, feed.contract.most_gone)


def moved_sql(
    layout: Layout, listing: Listing, runs: Collection[int], run_id: int, fetched_at: datetime
) -> str:
    """Tombstones for records that this run brought and that are current under another entity too.

    A record is the same when its source system, its key and its source's own identifier are: numbers that a
    source gives out per entity differ in the latter. Where the run itself brought both, the last one counts.
    """
    columns = {name: layout.stored[name] for name in (*layout.identity, "source_id")}
    order = {name: layout.stored[name] for name in ("run_id", "_seq", "_deleted")}
    names = ", ".join(map(quoted, columns))
    same = [name for name in columns if name != "entity"]
    whole = ", ".join(map(quoted, same))
    joined = " AND ".join(f"k.{quoted(c)} = m.{quoted(c)}" for c in same)
    changes = files_sql(listing.changes, {**columns, **order})
    base = files_sql(listing.base_of(None), columns) if listing.base else empty_select(columns)
    at = literal(fetched_at)
    return (
        f"WITH mine AS MATERIALIZED (SELECT {whole}, max_by(entity, _seq) AS entity FROM ({changes}) "
        f"WHERE run_id = {literal(run_id)} AND NOT _deleted GROUP BY ALL), "
        f"known AS (SELECT {names}, -1 AS run_id, -1 AS _seq, false AS _deleted FROM ({base}) "
        f"UNION ALL SELECT {names}, run_id, _seq, _deleted FROM ({changes}) "
        f"WHERE run_id IN ({literals([*runs, run_id])})), "
        f"elsewhere AS (SELECT k.* FROM known k JOIN mine m ON {joined} AND k.entity <> m.entity) "
        f"SELECT {names}, {at} AS source_time, {at} AS fetched_at, true AS _deleted FROM elsewhere "
        f"GROUP BY {names} HAVING NOT max_by(_deleted, (run_id, _seq))"
    )
