"""What one connection of a comparison shows: the records of one scope at a time, base and changes merged once.

A connection is used by one thread at a time. Must not know of checks.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import quoted
from exceptions_app.records.crosswalk import load_crosswalks
from exceptions_app.records.reference import KEPT_PREFIX, added_rows_sql
from exceptions_app.records.store import VIEW_PREFIX, RecordSnapshot


class ScopeViews:
    """A view `rec_<record type>` per type of a snapshot, and the crosswalks, in one connection."""

    def __init__(self, con: DuckDBPyConnection, records: RecordSnapshot, catalog: Catalog) -> None:
        self.con, self._records = con, records
        self._of_network = [name for name in records.types if catalog.record_types[name].scope == "network"]
        self._of_entity = [name for name in records.types if name not in self._of_network]
        self._shown: str | None = None
        self._added = {name: sql for name in self._of_network if (sql := added_rows_sql(catalog, name))}
        load_crosswalks(con, catalog)

    def keep_network(self) -> None:
        """Merge what belongs to the network, once for every entity and every connection of the session."""
        self._records.open_views(self.con, None, self._of_network)
        for name in self._of_network:
            self._keep(name, "TABLE")
            self._add_rows(name)

    def show(self, scope: str) -> None:
        """Show a scope's records as of the runs that were finished when the snapshot was taken.

        `keep_network` comes before the first entity.
        """
        if scope == self._shown:
            return
        self._shown = None
        if scope == NETWORK_SCOPE:
            self._records.open_views(self.con, None)
            for name in self._added:
                self._keep(name, "TEMP TABLE")
                self._add_rows(name)
                self._read_kept(name)
        else:
            self._records.open_views(self.con, scope, self._of_entity)
            # Merged once, rather than in every side of every check.
            for name in self._of_entity:
                self._keep(name, "TEMP TABLE")
            for name in self._records.types:
                self._read_kept(name)
        self._shown = scope

    def _keep(self, name: str, kind: str) -> None:
        view, table = quoted(VIEW_PREFIX + name), quoted(KEPT_PREFIX + name)
        self.con.execute(f"CREATE OR REPLACE {kind} {table} AS SELECT * FROM {view}")  # noqa: S608 - quoted

    def _add_rows(self, name: str) -> None:
        """What the configuration holds itself; a key that a feed brought is the feed's."""
        if name in self._added:
            kept = quoted(KEPT_PREFIX + name)
            self.con.execute(f"INSERT INTO {kept} BY NAME {self._added[name]}")

    def _read_kept(self, name: str) -> None:
        view, table = quoted(VIEW_PREFIX + name), quoted(KEPT_PREFIX + name)
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {table}")  # noqa: S608 - quoted
