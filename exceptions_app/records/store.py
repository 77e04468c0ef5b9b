"""The record store: canonical records at rest, one Delta table per record type.

The one door to records: land, see the current state, prove absence, fold. It does not know what a row means
(that was the mapping) nor which runs are finished (that is said by whoever asks, from the database).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.duck import closing_session, quoted, scalar

from . import folding, landing
from .layout import Layout, empty_select, entity_of
from .presence import refuse_empty_snapshot, vanished_sql
from .reading import current_sql, files_sql, finished_runs
from .table import Listing, as_of, find_table, list_table

VIEW_PREFIX = "rec_"
NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True)
class StoreVersions:
    """What a set of views shows: the Delta version of each record type (None: nothing has ever landed)."""

    versions: dict[str, int | None]


class RecordStore:
    """Records under one directory (or object-store URI), for many processes at once; holds no open file."""

    def __init__(self, uri: str, catalog: Catalog) -> None:
        self.uri = uri.rstrip("/")
        self.catalog = catalog
        self._layouts: dict[str, Layout] = {}

    def layout(self, record_type: str) -> Layout:
        """The columns of a record type at rest."""
        if record_type not in self._layouts:
            self._layouts[record_type] = Layout(self.catalog.record_types[record_type])
        return self._layouts[record_type]

    def table_uri(self, record_type: str) -> str:
        """Where the Delta table of a record type lies."""
        return f"{self.uri}/{record_type}"

    def land(self, record_type: str, feed_code: str, run_id: int, part: int, rows: Any) -> int:
        """Land one part of a run; all rows or none. Returns how many, 0 when this part had landed before.

        Parts of a run are numbered upwards from 0. `rows` is anything Arrow can stream with the record's
        columns (see `Layout.visible`) and optionally `_deleted` for tombstones, in the order of the source.
        """
        return landing.land(
            self.table_uri(record_type), self.layout(record_type), feed_code, run_id, part, rows
        )

    def land_vanished(
        self,
        con: DuckDBPyConnection,
        feed_code: str,
        run_id: int,
        part: int,
        seen_table: str,
        fetched_at: datetime,
        unfinished_runs: Container[int],
    ) -> int:
        """Land tombstones for the keys that the feed knew and that are not in `seen_table` (of `con`); how
        many.

        Only for feeds that can prove absence, after the whole source was read. Raises `EmptySnapshotError`.
        """
        feed = self.catalog.feeds[feed_code]
        layout = self.layout(feed.record_type)
        listing = self._listing(feed.record_type)
        if listing is None:
            return 0
        siblings = [
            f.code
            for f in self.catalog.feeds.values()
            if (f.system, f.record_type) == (feed.system, feed.record_type)
        ]
        runs = [run for run in finished_runs(con, listing, unfinished_runs) if run != run_id]
        columns = {name: layout.stored[name] for name in (*layout.identity, "source_id", "_feed")}
        current = current_sql(layout, listing, runs, None, columns)
        others = [code for code in siblings if code != feed_code]
        vanished = vanished_sql(layout, current, seen_table, feed_code, feed.system, others, fetched_at)
        refuse_empty_snapshot(con, vanished, seen_table, feed_code)
        return self.land(feed.record_type, feed_code, run_id, part, con.sql(vanished))

    def open_views(
        self,
        con: DuckDBPyConnection,
        record_types: Iterable[str],
        entity: str | None,
        unfinished_runs: Container[int] = NOBODY,
        at: datetime | None = None,
    ) -> StoreVersions:
        """Create or replace a view `rec_<record type>` of current rows for each type: of `entity`, or of all
        for None.

        Records of the network are in the view of every entity. `at` (aware) shows the state of that time; it
        raises `AsOfError` where that cannot be shown.
        """
        versions: dict[str, int | None] = {}
        for record_type in record_types:
            layout = self.layout(record_type)
            listing = self._listing(record_type, at)
            versions[record_type] = None if listing is None else listing.version
            if listing is None:
                sql = empty_select(layout.visible)
            else:
                runs = finished_runs(con, listing, unfinished_runs)
                sql = current_sql(layout, listing, runs, entity, layout.visible)
            con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(VIEW_PREFIX + record_type)} AS {sql}")
        return StoreVersions(versions)

    def entities_with_records(self, record_types: Iterable[str]) -> set[str]:
        """The entities that any of these record types holds rows of; those of unfinished runs count too."""
        found: set[str | None] = set()
        with closing_session() as con:
            for record_type in record_types:
                listing = self._listing(record_type)
                if listing is None or not self.layout(record_type).by_entity:
                    continue
                found.update(entity_of(part) for part in listing.base)
                changed = f"SELECT DISTINCT entity FROM ({files_sql(listing.changes, {'entity': 'VARCHAR'})})"
                found.update(entity for (entity,) in con.execute(changed).fetchall())
        return {entity for entity in found if entity is not None}

    def count(self, record_type: str, unfinished_runs: Container[int] = NOBODY) -> int:
        """How many current records there are."""
        with closing_session() as con:
            self.open_views(con, [record_type], None, unfinished_runs)
            return int(scalar(con, f"SELECT count(*) FROM {quoted(VIEW_PREFIX + record_type)}"))

    def fold(self, record_type: str, unfinished_runs: Container[int] = NOBODY) -> folding.FoldResult:
        """Fold the changes of finished runs into the base. Changes nothing that a reader sees."""
        with closing_session() as con:
            return folding.fold(con, self.table_uri(record_type), self.layout(record_type), unfinished_runs)

    def discard(self, record_type: str, run_ids: Iterable[int]) -> None:
        """Drop the rows of runs that were given up: they would hold back the folding of later ones."""
        folding.delete_runs(self.table_uri(record_type), sorted(set(run_ids)))

    def compact(self, record_type: str) -> None:
        """Join small files of changes."""
        folding.compact(self.table_uri(record_type))

    def vacuum(self, record_type: str) -> int:
        """Remove files older than the as-of window; how many."""
        return folding.vacuum(self.table_uri(record_type))

    def _listing(self, record_type: str, at: datetime | None = None) -> Listing | None:
        uri = self.table_uri(record_type)
        table = find_table(uri) if at is None else as_of(uri, at)
        return None if table is None else list_table(table)
