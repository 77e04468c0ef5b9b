"""What stored reference records say of a value that a source sends, as tables of a session for a mapping's look-ups.

A value that one record knows is found, one that several know otherwise is not; what a record leaves empty is not
known. Read once a run: what is stored later changes no row that was mapped before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import DoorLookup, Feed, Mapped
from exceptions_app.duck import literal, quoted, scalar

from .errors import MappingError
from .layout import Layout
from .mapping_sql import LOOK_PREFIX

Current = Callable[[str, dict[str, str]], str]
"""Record type and columns with their SQL types -> a SELECT of its current rows, of the whole network."""


def look_ups(feed: Feed) -> Iterator[tuple[str, DoorLookup]]:
    """The canonical columns that a feed's mapping looks up, and how."""
    for name, value in feed.mapping.items():
        if isinstance(value, Mapped) and value.look_up is not None:
            yield name, value.look_up


def by_column(catalog: Catalog, look_up: DoorLookup) -> str:
    """The column that the value is compared with."""
    return look_up.by or catalog.record_types[look_up.record].key[0]


def keep(con: DuckDBPyConnection, catalog: Catalog, feed: Feed, current: Current) -> None:
    """Make `look_<column>(local, found, several)` for each look-up of the feed.

    Raises `MappingError` where nothing at all is stored of what it must find: else every row would be refused because
    another feed was not read yet.
    """
    for name, look_up in look_ups(feed):
        table = quoted(LOOK_PREFIX + name)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {_found_sql(catalog, look_up, current)}")
        if look_up.absent == "reject" and not scalar(con, f"SELECT count(*) FROM {table}"):
            raise MappingError(
                f"nothing is stored yet of {look_up.record}, which it looks up",
                where=f"feed {feed.code}, column {name}",
                expected=f"a feed of {look_up.record} that was read before",
            )


def _found_sql(catalog: Catalog, look_up: DoorLookup, current: Current) -> str:
    by, wanted = by_column(catalog, look_up), look_up.column
    layout = Layout(catalog.record_types[look_up.record])
    columns = {name: layout.stored[name] for name in dict.fromkeys([by, wanted, "source_system"])}
    where = f"WHERE source_system = {literal(look_up.system)}" if look_up.system else ""
    stored = (
        f"SELECT CAST({quoted(by)} AS VARCHAR) AS local, CAST({quoted(wanted)} AS VARCHAR) AS found "
        f"FROM ({current(look_up.record, columns)}) {where}"
    )
    added = [
        f"SELECT {literal(row.values[by])}, {literal(row.values[wanted])}"
        for row in catalog.reference_rows
        if row.record == look_up.record and {by, wanted} <= set(row.values)
    ]
    rows = f"WITH stored AS ({stored}) SELECT * FROM stored"
    if added:
        given = f"SELECT * FROM ({' UNION ALL '.join(added)}) AS a(local, found)"
        known = "SELECT local FROM stored WHERE local IS NOT NULL"
        rows += f" UNION ALL SELECT * FROM ({given}) WHERE local NOT IN ({known})"
    return (
        "SELECT local, CASE WHEN count(DISTINCT found) = 1 THEN min(found) END AS found, "
        f"count(DISTINCT found) > 1 AS several FROM ({rows}) WHERE local IS NOT NULL GROUP BY local"
    )
