"""What one connection of a comparison shows: the records of the network, or of one entity or several, base and changes
merged once.

A connection is used by one thread at a time. Must not know of checks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import literal, literals, quoted
from exceptions_app.reconcile.sides import ENTITIES
from exceptions_app.records.crosswalk import load_crosswalks
from exceptions_app.records.reference import KEPT_PREFIX, added_rows_sql
from exceptions_app.records.store import VIEW_PREFIX, RecordSnapshot

from .narrowed import LINES, NEAR


@dataclass(frozen=True, slots=True)
class Showing:
    """What of a scope is to be seen: record types with all their records, each with how often it is read; those of
    which the records near what is probed will do; which tables of probed lines.
    """

    whole: Mapping[str, int]
    near: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    columns: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Per record type the columns that anybody reads; a type that is not named here is read in all of them."""


class ScopeViews:
    """A view `rec_<record type>` per type of a snapshot, and the crosswalks, in one connection."""

    def __init__(self, con: DuckDBPyConnection, records: RecordSnapshot, catalog: Catalog) -> None:
        self.con, self._records = con, records
        self._of_network = [name for name in records.types if catalog.record_types[name].scope == "network"]
        self._shown: tuple[tuple[str, ...], Showing | None] | None = None
        self._added = {name: sql for name in self._of_network if (sql := added_rows_sql(catalog, name))}
        load_crosswalks(con, catalog)

    def keep_network(self, names: Collection[str] | None = None) -> None:
        """Merge what belongs to the network, all of it or some types, once for every entity and every connection of
        the session.
        """
        wanted = [name for name in self._of_network if names is None or name in names]
        self._records.open_views(self.con, None, wanted)
        for name in wanted:
            self._keep(name, "TABLE")
            self._add_rows(name)

    def show(self, scopes: Sequence[str], showing: Showing | None = None) -> None:
        """Show the records of the network, or of one entity or several, as of the runs that were finished when the
        snapshot was taken; None: of all types.

        `keep_network` comes before the first entity.
        """
        wanted = (tuple(scopes), showing)
        if wanted == self._shown:
            return
        self._shown = None
        shown = showing or Showing(dict.fromkeys(self._records.types, 2))
        network = NETWORK_SCOPE in scopes
        if network:
            self._show_network(shown)
        else:
            self._show_entities(scopes, shown)
        for name in shown.near:
            everywhere = network or name in self._of_network
            some = "" if everywhere else f" WHERE {quoted('entity')} IN ({literals(scopes)})"
            self._view(VIEW_PREFIX + name, f"SELECT * FROM {quoted(NEAR + name)}{some}")
        if len(scopes) > 1:
            listed = ", ".join(f"({literal(scope)})" for scope in scopes)
            self._view(ENTITIES, f"SELECT * FROM (VALUES {listed}) AS e({quoted('entity')})")
        for name in shown.lines:
            self._view(name, lines_sql(LINES + name, scopes))
        self._shown = wanted

    def _show_network(self, shown: Showing) -> None:
        plain = [name for name in shown.whole if name not in self._added]
        self._records.open_views(self.con, None, plain, shown.columns)
        self._records.open_views(self.con, None, self._added.keys() & shown.whole.keys())
        for name in self._added.keys() & shown.whole.keys():
            self._keep(name, "TEMP TABLE")
            self._add_rows(name)
            self._read_kept(name)

    def _show_entities(self, scopes: Sequence[str], shown: Showing) -> None:
        of_entity = [name for name in shown.whole if name not in self._of_network]
        self._records.open_views(self.con, scopes, of_entity, shown.columns)
        for name, reads in shown.whole.items():
            if name in self._of_network:
                self._read_kept(name)
            elif reads > 1:
                # Merged once, rather than in every side of every check.
                self._keep(name, "TEMP TABLE")
                self._read_kept(name)

    def _keep(self, name: str, kind: str) -> None:
        view, table = quoted(VIEW_PREFIX + name), quoted(KEPT_PREFIX + name)
        self.con.execute(f"CREATE OR REPLACE {kind} {table} AS SELECT * FROM {view}")

    def _add_rows(self, name: str) -> None:
        """What the configuration holds itself; a key that a feed brought is the feed's."""
        if name in self._added:
            kept = quoted(KEPT_PREFIX + name)
            self.con.execute(f"INSERT INTO {kept} BY NAME {self._added[name]}")

    def _read_kept(self, name: str) -> None:
        self._view(VIEW_PREFIX + name, f"SELECT * FROM {quoted(KEPT_PREFIX + name)}")

    def _view(self, name: str, sql: str) -> None:
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {sql}")


def lines_sql(table: str, scopes: Sequence[str]) -> str:
    """The probed lines of a scope; of several, which of them each is probed in. One without entity is probed in all."""
    lines, entity = quoted(table), quoted("entity")
    some = f"{entity} IN ({literals(scopes)})"
    if len(scopes) == 1:
        return f"SELECT * EXCLUDE ({entity}) FROM {lines} WHERE {some} OR {entity} IS NULL"
    return (
        f"SELECT * FROM {lines} WHERE {some} UNION ALL SELECT l.* REPLACE (e.{entity} AS {entity})"
        f" FROM {lines} AS l CROSS JOIN {quoted(ENTITIES)} AS e WHERE l.{entity} IS NULL"
    )
