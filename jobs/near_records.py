"""The records with a probed line, of all entities at once, in one table of the session per record type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expression_tree import kind_of
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import literal, quoted, scalar
from exceptions_app.reconcile.probing import Probing
from exceptions_app.reconcile.values import text_sql
from exceptions_app.records.crosswalk import TABLE_PREFIX
from exceptions_app.records.snapshot import RecordSnapshot

from .narrowed import LINES, NEAR, Narrowed, in_lanes, views_beside


class NearRecords:
    """Keeps them. `columns`: of the record types named, only these are read."""

    def __init__(
        self,
        con: DuckDBPyConnection,
        catalog: Catalog,
        records: RecordSnapshot,
        columns: Mapping[str, Collection[str]],
    ) -> None:
        self._con, self._catalog, self._records, self._columns = con, catalog, records, columns

    def keep(self, checks: Iterable[Probing], narrowed: Narrowed) -> frozenset[str]:
        """Per record type that sides read: the rows with a probed line. Of entities without any no file is opened.
        The types of which they were kept.
        """
        filters: dict[str, set[tuple[str, tuple[str, ...]]]] = defaultdict(set)
        whole = {row.record for row in self._catalog.reference_rows}
        for probing in checks:
            for side in probing.sides.values():
                whole |= {lookup.record for lookup in side.lookups.values()}
                names = [expression.text.strip() for expression in side.key.values()]
                if all(name in self._catalog.record_types[side.record].columns for name in names):
                    if narrowed.lines[probing.among.table]:
                        filters[side.record].add((probing.among.table, tuple(names)))
                else:
                    whole.add(side.record)
        rows = {}
        with views_beside(self._con, self._catalog) as con:
            for record in sorted(filters.keys() - whole):
                there = {entity for table, _ in filters[record] for entity in narrowed.places[table]}
                scope = None if there & {None, NETWORK_SCOPE} else sorted(filter(None, there))
                rows[record] = self._rows(con, record, sorted(filters[record]), scope)
        in_lanes(self._con, list(rows.items()), _keep_rows)
        return frozenset(rows)

    def _rows(
        self,
        con: DuckDBPyConnection,
        record: str,
        filters: Sequence[tuple[str, tuple[str, ...]]],
        scope: Sequence[str] | None,
    ) -> str:
        """A SELECT of the rows of a record type with one of these lines."""
        conditions: list[str] = []
        for place, (table, names) in enumerate(filters):
            conditions += self._has_line(con, record, table, names, f"lines of {record} {place}")
        return self._records.types[record].current_sql(
            scope, self._columns.get(record), " OR ".join(conditions)
        )

    def _has_line(
        self, con: DuckDBPyConnection, record: str, table: str, names: Sequence[str], raw: str
    ) -> Iterator[str]:
        """SQL: whether a stored row has one of these lines; of its entity, or of every one."""
        self._keep_lines(con, record, table, names, raw)
        layout, lines = self._records.types[record].layout, quoted(raw)
        values, listed = self._values(record, names), ", ".join(f"c{place}" for place in range(len(names)))
        everywhere = f"entity IS NULL OR entity = {literal(NETWORK_SCOPE)}"
        if layout.by_entity and scalar(con, f"SELECT count(*) FROM {lines} WHERE NOT ({everywhere})"):
            yield f"(r.entity, {', '.join(values)}) IN (SELECT (entity, {listed}) FROM {lines})"
        if not layout.by_entity or scalar(con, f"SELECT count(*) FROM {lines} WHERE {everywhere}"):
            row, of = (f"({', '.join(values)})", f"({listed})") if len(names) > 1 else (values[0], listed)
            some = f" WHERE {everywhere}" if layout.by_entity else ""
            yield f"{row} IN (SELECT {of} FROM {lines}{some})"

    def _keep_lines(
        self, con: DuckDBPyConnection, record: str, table: str, names: Sequence[str], raw: str
    ) -> None:
        """The probed lines by whatever name a source calls them."""
        declared = self._catalog.record_types[record].columns
        lines = f"SELECT entity, {', '.join(f'c{i}' for i in range(len(names)))} FROM {quoted(LINES + table)}"
        for place, name in enumerate(names):
            if crosswalk := declared[name].crosswalk:
                others = ", ".join(f"l.c{i}" if i != place else f"x.local AS c{i}" for i in range(len(names)))
                known = quoted(TABLE_PREFIX + crosswalk)
                lines += (
                    f" UNION SELECT l.entity, {others} FROM ({lines}) AS l"
                    f" JOIN {known} AS x ON x.canonical = l.c{place}"
                )
        con.execute(f"CREATE OR REPLACE TABLE {quoted(raw)} AS {lines}")

    def _values(self, record: str, names: Sequence[str]) -> list[str]:
        """The stored columns as text."""
        declared, stored = (
            self._catalog.record_types[record].columns,
            self._records.types[record].layout.stored,
        )
        kinds = {n: kind_of("text" if stored[n] == "VARCHAR" else declared[n].type) for n in names}
        return [text_sql(f"r.{quoted(name)}", kind) for name, kind in kinds.items()]


def _keep_rows(con: DuckDBPyConnection, kept: tuple[str, str]) -> None:
    record, rows = kept
    con.execute(f"CREATE OR REPLACE TABLE {quoted(NEAR + record)} AS {rows}")
