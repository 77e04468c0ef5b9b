"""Rows that say what is known already: nothing has to be compared for their sake.

A snapshot brings every record each time; what it brings unchanged need not land, since when it was read follows from
its feed. A feed of changes brings the last ones again where its watermark overlaps; they land, since nothing else says
that they were read. What is known of each key, as a table of the session, tells them from what has changed. Which feeds
can be trusted to tell is said here, too: among versions of a record the source's own time must say which is which.
"""

from __future__ import annotations

from collections.abc import Collection

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.schema import Feed
from exceptions_app.duck import literal, quoted, scalar

from .layout import Layout, empty_select
from .reading import current_sql, newest_sql
from .table import Listing

KNOWN = "known_rows"


def can_tell(feed: Feed) -> bool:
    """Whether an equal row of the feed is the same version of its record."""
    return feed.mode == "snapshot" or "source_time" in feed.mapping


def keep_known(
    con: DuckDBPyConnection, layout: Layout, feed: Feed, listing: Listing, runs: Collection[int]
) -> None:
    """Make the table `KNOWN`: per key of the feed's system, what is known of it.

    Of a snapshot, all current records; of other feeds, what came since the last fold, tombstones too: they bring few
    rows, and a look at all would cost more than it saves.
    """
    columns = {name: layout.stored[name] for name in (*layout.identity, "_feed", *_content(layout, feed))}
    order = {name: layout.stored[name] for name in ("run_id", "_seq", "_deleted")}
    if feed.mode == "snapshot":
        current = current_sql(layout, listing, runs, None, columns)
        rows = f"SELECT *, 0 AS run_id, 0 AS _seq, false AS _deleted FROM ({current})"
    elif listing.changes and runs:
        rows = newest_sql(layout, listing, runs, None, columns)
    else:
        rows = empty_select({**columns, **order})
    key = _key(layout, feed)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {KNOWN} AS SELECT {key}, "
        f"max_by({_content_sql(layout, feed, '_feed')}, (NOT _deleted, run_id, _seq)) AS _content "
        f"FROM ({rows}) WHERE source_system = {literal(feed.system)} GROUP BY {key}"
    )


def tell_unchanged(con: DuckDBPyConnection, layout: Layout, feed: Feed) -> int:
    """How many rows of `record_page`, of those in `landing_page(_i)`, say no more than `KNOWN`, row after row of a key;
    of a snapshot they are taken out of it. What is left counts as known from here on.
    """
    same = " AND ".join(f"p.{quoted(name)} = k.{quoted(name)}" for name in _names(layout, feed))
    brought = (
        f"SELECT _i, _deleted, {_key(layout, feed)}, {_content_sql(layout, feed, literal(feed.code))} AS _content "
        "FROM record_page SEMI JOIN landing_page USING (_i)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE told_page AS SELECT p.*, coalesce(lag(p._content) OVER ("
        f"PARTITION BY {_key(layout, feed, 'p.')} ORDER BY p._i), k._content) AS _before "
        f"FROM ({brought}) p LEFT JOIN {KNOWN} k ON {same}"
    )
    nothing_there = "_deleted AND _before IS NULL" if feed.mode == "snapshot" else "false"
    unchanged = f"_content = _before OR ({nothing_there})"
    if feed.mode != "snapshot":
        _remember(con, layout, feed)
    else:  # no key comes twice
        con.execute(f"DELETE FROM landing_page WHERE _i IN (SELECT _i FROM told_page WHERE {unchanged})")
    return int(scalar(con, f"SELECT count(*) FROM told_page WHERE {unchanged}"))


def _remember(con: DuckDBPyConnection, layout: Layout, feed: Feed) -> None:
    same = " AND ".join(f"k.{quoted(name)} = t.{quoted(name)}" for name in _names(layout, feed))
    key = _key(layout, feed)
    con.execute(f"DELETE FROM {KNOWN} k WHERE EXISTS (SELECT 1 FROM told_page t WHERE {same})")
    con.execute(f"INSERT INTO {KNOWN} SELECT {key}, max_by(_content, _i) FROM told_page GROUP BY {key}")


def _names(layout: Layout, feed: Feed) -> list[str]:
    """What says which record a row is about. One that may move is known by the source's own identifier, wherever it
    is: else its former place, told again, would seem to be no change.
    """
    names = [name for name in layout.identity if name != "source_system"]
    if feed.mode == "snapshot" or not layout.by_entity or "source_id" not in feed.mapping:
        return names
    return [*(name for name in names if name != "entity"), "source_id"]


def _key(layout: Layout, feed: Feed, alias: str = "") -> str:
    return ", ".join(alias + quoted(name) for name in _names(layout, feed))


def _content(layout: Layout, feed: Feed) -> tuple[str, ...]:
    """The columns that make a record the same. Where the feed says no time, it is that of reading."""
    times = ("source_time",) if "source_time" in feed.mapping else ()
    place = ("entity",) if layout.by_entity else ()
    return (*place, "source_id", *times, *layout.own)


def _content_sql(layout: Layout, feed: Feed, brought_by: str) -> str:
    """A row belongs to the feed that landed it last: the same values from another are no repeat."""
    fields = ", ".join(map(quoted, _content(layout, feed)))
    place = quoted("entity") if layout.by_entity else "NULL"
    return f"CASE WHEN _deleted THEN hash(row({place})) ELSE hash(row({brought_by}, {fields})) END"
