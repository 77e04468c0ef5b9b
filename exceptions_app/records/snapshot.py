"""One consistent look at several record types: the same versions and the same finished runs for every entity.

A fold or a run that finishes meanwhile changes nothing in it, so that a comparison that goes entity by entity
sees one state of the world. It lists files and keeps no handle; the store's retention keeps the files there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from exceptions_app.duck import quoted

from .layout import Layout, empty_select, entity_of
from .reading import Scope, base_sql, current_sql, files_sql
from .table import Listing

VIEW_PREFIX = "rec_"


@dataclass(frozen=True)
class StoreVersions:
    """What a set of views shows: the Delta version of each record type (None: nothing has ever landed)."""

    versions: dict[str, int | None]


@dataclass(frozen=True)
class TypeSnapshot:
    """One record type as it is seen: its files, and the runs among its changes that are finished."""

    layout: Layout
    listing: Listing | None
    runs: tuple[int, ...] = ()

    @property
    def version(self) -> int | None:
        return None if self.listing is None else self.listing.version

    def current_sql(
        self, scope: Scope, names: Collection[str] | None = None, among: str = "", picked: str = ""
    ) -> str:
        """A SELECT of the current rows of one entity, of several, or of the whole network for None; of all columns, or
        of those named. `among` is a condition on a row `r`; `picked` a table of what `base_sql` says for it.
        """
        columns = {n: kind for n, kind in self.layout.visible.items() if names is None or n in names}
        if self.listing is None:
            return empty_select(columns)
        return current_sql(self.layout, self.listing, self.runs, scope, columns, among, picked)

    def base_sql(self, scope: Scope, names: Collection[str] | None, among: str) -> str:
        """A SELECT of the rows of the base that `among` names, though a change may hide them: of all columns, or of
        those named and of those of the identity.
        """
        columns = {n: kind for n, kind in self.layout.visible.items() if names is None or n in names}
        if self.listing is None:
            return empty_select({**{n: self.layout.stored[n] for n in self.layout.identity}, **columns})
        return base_sql(self.layout, self.listing, scope, columns, among)


@dataclass(frozen=True)
class RecordSnapshot:
    """Record types by code, all looked at together."""

    types: Mapping[str, TypeSnapshot]

    @property
    def versions(self) -> StoreVersions:
        """The Delta versions that it shows."""
        return StoreVersions({name: one.version for name, one in self.types.items()})

    def open_views(
        self,
        con: DuckDBPyConnection,
        scope: Scope,
        record_types: Iterable[str] | None = None,
        columns: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """Create or replace a view `rec_<record type>` of current rows, of one entity, of several, or of all for None.

        Records of the network are in the view of every entity. `record_types` opens only some of the types; of those
        named in `columns` only these.
        """
        for name in self.types if record_types is None else record_types:
            sql = self.types[name].current_sql(scope, (columns or {}).get(name))
            con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(VIEW_PREFIX + name)} AS {sql}")

    def rows_by_entity(self, con: DuckDBPyConnection) -> dict[str, Counter[str]]:
        """About how many rows of each type belong to each entity that it holds rows of: those of unfinished runs, and
        those that hide each other, count too.
        """
        found: dict[str, Counter[str]] = {}
        for name, one in self.types.items():
            if one.listing is None or not one.layout.by_entity:
                continue
            found[name] = Counter(
                {e: one.listing.rows.get(p, 0) for p in one.listing.base if (e := entity_of(p))}
            )
            if one.listing.changes:
                changed = files_sql(one.listing.changes, {"entity": "VARCHAR"})
                rows = con.execute(f"SELECT entity, count(*) FROM ({changed}) GROUP BY entity").fetchall()
                found[name].update({entity: count for entity, count in rows if entity is not None})
        return found
