"""The record store: canonical records at rest, one Delta table per record type.

The one door to records: land, see the current state, prove absence, fold. It does not know what a row means
(that was the mapping) nor which runs are finished (that is said by whoever asks, from the database).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.words import words_known
from exceptions_app.duck import closing_session, quoted, scalar

from . import folding, landing, looked_up, words
from .layout import Layout, empty_select
from .presence import known_sql, moved_sql, refuse_shrunken, vanished_sql
from .reading import current_sql, finished_runs
from .snapshot import VIEW_PREFIX, RecordSnapshot, StoreVersions, TypeSnapshot
from .table import Listing, as_of, find_table, list_table
from .unchanged import can_tell, keep_known

__all__ = ["VIEW_PREFIX", "RecordSnapshot", "RecordStore", "StoreVersions"]

NOBODY: frozenset[int] = frozenset()


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
        place, *versions = [
            (self.table_uri(code), self.layout(code)) for code in self.catalog.landed_by(record_type)
        ]
        return landing.land(*place, feed_code, run_id, part, rows, versions)

    def keep_known(
        self, con: DuckDBPyConnection, feed_code: str, run_id: int, unfinished_runs: Container[int]
    ) -> bool:
        """Make a table of what is known of the feed's keys (`unchanged.KNOWN`) in `con`; False where nothing has ever
        landed, or where the feed does not say enough to tell a change from a repeat.
        """
        feed = self.catalog.feeds[feed_code]
        listing = self._listing(feed.record_type) if can_tell(feed) else None
        if listing is None:
            return False
        runs = [run for run in finished_runs(con, listing, unfinished_runs) if run != run_id]
        keep_known(con, self.layout(feed.record_type), feed, listing, runs)
        return True

    def keep_look_ups(self, con: DuckDBPyConnection, feed_code: str, unfinished_runs: Container[int]) -> None:
        """Make the tables that the feed's mapping looks up, in `con`. Raises `MappingError`, see `looked_up.keep`."""

        def current(record_type: str, columns: dict[str, str]) -> str:
            listing = self._listing(record_type)
            if listing is None:
                return empty_select(columns)
            runs = finished_runs(con, listing, unfinished_runs)
            return current_sql(self.layout(record_type), listing, runs, None, columns)

        looked_up.keep(con, self.catalog, self.catalog.feeds[feed_code], current)

    def unknown_words(
        self, con: DuckDBPyConnection, feed_code: str, run_id: int, unfinished_runs: Container[int]
    ) -> list[words.UnknownWord]:
        """The words that no list knows among the feed's current rows, those that this run has landed included."""
        feed = self.catalog.feeds[feed_code]
        layout, listing = self.layout(feed.record_type), self._listing(feed.record_type)
        if listing is None:
            return []
        runs = {*finished_runs(con, listing, unfinished_runs), run_id}
        wanted = dict.fromkeys([*layout.identity, "_feed", *words_known(self.catalog, feed)])
        columns = {name: layout.stored[name] for name in wanted}
        current = current_sql(layout, listing, sorted(runs), None, columns)
        return words.counted(con, self.catalog, feed, current)

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

        Only for feeds that can prove absence, after the whole source was read. Raises `ShrunkenReadError`.
        """
        feed = self.catalog.feeds[feed_code]
        layout = self.layout(feed.record_type)
        listing = self._listing(feed.record_type)
        if listing is None:
            return 0
        brought = {feed.record_type, self.catalog.record_types[feed.record_type].versions_of}
        siblings = [
            f.code
            for f in self.catalog.feeds.values()
            if f.system == feed.system and f.record_type in brought
        ]
        runs = [run for run in finished_runs(con, listing, unfinished_runs) if run != run_id]
        columns = {name: layout.stored[name] for name in (*layout.identity, "source_id", "_feed")}
        current = current_sql(layout, listing, runs, None, columns)
        others = [code for code in siblings if code != feed_code]
        known = known_sql(current, feed_code, feed.system, others)
        count = _find(con, vanished_sql(layout, known, seen_table, fetched_at))
        refuse_shrunken(con, feed, count, known, seen_table)
        return self._land_found(con, count, feed.record_type, feed_code, run_id, part)

    def land_moved(
        self,
        con: DuckDBPyConnection,
        feed_code: str,
        run_id: int,
        part: int,
        fetched_at: datetime,
        unfinished_runs: Container[int],
    ) -> int:
        """Land tombstones for the records that this run brought under another entity than before; how many.

        Only where the feed maps `source_id`: without the source's own identifier, one number in two entities
        may be two records. To be called after all other parts of the run.
        """
        feed = self.catalog.feeds[feed_code]
        layout = self.layout(feed.record_type)
        if not layout.by_entity or "source_id" not in feed.mapping:
            return 0
        listing = self._listing(feed.record_type)
        if listing is None:
            return 0
        runs = finished_runs(con, listing, unfinished_runs)
        moved = moved_sql(layout, listing, runs, run_id, fetched_at)
        return self._land_found(con, _find(con, moved), feed.record_type, feed_code, run_id, part)

    def _land_found(
        self, con: DuckDBPyConnection, count: int, record_type: str, feed_code: str, run_id: int, part: int
    ) -> int:
        """Mostly there is nothing to land, and no second engine is needed then."""
        if not count:
            return 0
        return self.land(record_type, feed_code, run_id, part, con.sql("SELECT * FROM found_rows"))

    def snapshot(
        self,
        con: DuckDBPyConnection,
        record_types: Iterable[str],
        unfinished_runs: Container[int] = NOBODY,
        at: datetime | None = None,
        seen: RecordSnapshot | None = None,
    ) -> RecordSnapshot:
        """One consistent look at these record types, to be opened entity by entity.

        Read which runs are unfinished *before*. `at` (aware) shows the state of that time; raises `AsOfError`
        where that cannot be shown. Types that `seen` shows are looked at again as they are there.
        """
        known = seen.types if seen else {}
        found = {}
        for record_type in record_types:
            layout = self.layout(record_type)
            if record_type in known:
                found[record_type] = replace(known[record_type], layout=layout)
                continue
            listing = self._listing(record_type, at, counted=True)
            runs = () if listing is None else tuple(finished_runs(con, listing, unfinished_runs))
            found[record_type] = TypeSnapshot(layout, listing, runs)
        return RecordSnapshot(found)

    def open_views(
        self,
        con: DuckDBPyConnection,
        record_types: Iterable[str],
        entity: str | None,
        unfinished_runs: Container[int] = NOBODY,
        at: datetime | None = None,
    ) -> StoreVersions:
        """Create or replace views `rec_<record type>` of the current rows of `entity`, or of all for None.

        For one look; a comparison over several entities opens one `snapshot` for all of them.
        """
        found = self.snapshot(con, record_types, unfinished_runs, at)
        found.open_views(con, entity)
        return found.versions

    def count(self, record_type: str, unfinished_runs: Container[int] = NOBODY) -> int:
        """How many current records there are."""
        with closing_session() as con:
            self.open_views(con, [record_type], None, unfinished_runs)
            return int(scalar(con, f"SELECT count(*) FROM {quoted(VIEW_PREFIX + record_type)}"))

    def fold(self, record_type: str, unfinished_runs: Container[int] = NOBODY) -> folding.FoldResult:
        """Fold the changes of finished runs into the base. Changes nothing that a reader sees."""
        with closing_session() as con:
            return folding.fold(con, self.table_uri(record_type), self.layout(record_type), unfinished_runs)

    def tidy(self, record_type: str, unfinished_runs: Container[int] = NOBODY) -> folding.FoldResult:
        """Fold or compact where that pays, for regular upkeep: a fold leaves old files for as-of reads."""
        load = folding.load_of(self.table_uri(record_type))
        if load.worth_folding:
            return self.fold(record_type, unfinished_runs)
        if load.worth_compacting:
            self.compact(record_type)
        return folding.FoldResult()

    def discard(self, record_type: str, run_ids: Iterable[int]) -> None:
        """Drop the rows of runs that were given up: they would hold back the folding of later ones."""
        for code in self.catalog.landed_by(record_type):
            folding.delete_runs(self.table_uri(code), sorted(set(run_ids)))

    def compact(self, record_type: str) -> None:
        """Join small files of changes."""
        folding.compact(self.table_uri(record_type))

    def vacuum(self, record_type: str) -> int:
        """Remove files older than the as-of window; how many."""
        return folding.vacuum(self.table_uri(record_type))

    def _listing(
        self, record_type: str, at: datetime | None = None, *, counted: bool = False
    ) -> Listing | None:
        uri = self.table_uri(record_type)
        table = find_table(uri) if at is None else as_of(uri, at)
        return None if table is None else list_table(table, counted=counted)


def _find(con: DuckDBPyConnection, sql: str) -> int:
    """Put rows into `found_rows`; how many."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE found_rows AS {sql}")
    return int(scalar(con, "SELECT count(*) FROM found_rows"))
