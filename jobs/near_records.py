"""The records with a probed line, of all entities at once, in one table of the session per record type. Lines may be
added after some were kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expression_tree import kind_of
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import literal, quoted, scalar
from exceptions_app.reconcile.probing import Probing
from exceptions_app.reconcile.values import text_sql
from exceptions_app.records.crosswalk import TABLE_PREFIX
from exceptions_app.records.snapshot import RecordSnapshot

from .narrowed import LINES, MORE, NEAR, PICKED, in_lanes, views_beside


class NearRecords:
    """Keeps them. `columns`: of the record types named, only these are read, beside those of `needed`."""

    def __init__(
        self,
        con: DuckDBPyConnection,
        catalog: Catalog,
        records: RecordSnapshot,
        checks: Collection[Probing],
        columns: Mapping[str, Collection[str]],
        needed: Mapping[str, Collection[str]],
    ) -> None:
        self._con, self._catalog, self._records = con, catalog, records
        self._columns = {name: {*some, *needed.get(name, ())} for name, some in columns.items()}
        self._filters = self._filters_of(checks)
        self.kept: set[str] = set()

    @property
    def types(self) -> frozenset[str]:
        """The record types of which rows with a probed line will do."""
        return frozenset(self._filters)

    def _filters_of(self, checks: Collection[Probing]) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
        filters: dict[str, set[tuple[str, tuple[str, ...]]]] = defaultdict(set)
        whole = {row.record for row in self._catalog.reference_rows}
        for probing in checks:
            for side in probing.sides.values():
                whole |= {lookup.record for lookup in side.lookups.values()}
                names = [expression.text.strip() for expression in side.key.values()]
                if all(name in self._catalog.record_types[side.record].columns for name in names):
                    filters[side.record].add((probing.among.table, tuple(names)))
                else:
                    whole.add(side.record)
        return {record: sorted(filters[record]) for record in sorted(filters.keys() - whole)}

    def add(self, places: Mapping[str, Mapping[str | None, int]]) -> None:
        """Per record type that sides read: the rows with a line that is new among those probed, and had none of those
        before. Of entities without any no file is opened.
        """
        rows = {}
        with views_beside(self._con, self._catalog) as con:
            for record, filters in self._filters.items():
                there = {entity for table, _ in filters for entity in places[table]}
                if there:
                    scope = None if there & {None, NETWORK_SCOPE} else sorted(filter(None, there))
                    rows[record] = self._rows(con, record, scope)
        in_lanes(self._con, list(rows.items()), self._keep_rows)
        self.kept |= rows.keys()

    def _rows(self, con: DuckDBPyConnection, record: str, scope: Sequence[str] | None) -> tuple[str, str]:
        """SELECTs of the rows of a record type that are added: of the base, and of those that are current."""
        one, columns, picked = self._records.types[record], self._columns.get(record), quoted(PICKED + record)
        condition = self._has_any(con, record, MORE)
        if record in self.kept:
            condition = f"({condition}) AND ({self._has_any(con, record, LINES)}) IS NOT TRUE"
        return one.base_sql(scope, columns, condition), one.current_sql(scope, columns, condition, picked)

    def _has_any(self, con: DuckDBPyConnection, record: str, lines: str) -> str:
        """SQL: whether a stored row has any of the lines in these tables."""
        conditions: list[str] = []
        for place, (table, names) in enumerate(self._filters[record]):
            conditions += self._has_line(con, record, lines + table, names, f"{lines}of {record} {place}")
        return " OR ".join(conditions) or "FALSE"

    def _keep_rows(self, con: DuckDBPyConnection, added: tuple[str, tuple[str, str]]) -> None:
        record, (base, current) = added
        con.execute(f"CREATE OR REPLACE TABLE {quoted(PICKED + record)} AS {base}")
        near = quoted(NEAR + record)
        con.execute(
            f"INSERT INTO {near} {current}"
            if record in self.kept
            else f"CREATE OR REPLACE TABLE {near} AS {current}"
        )

    def close(self) -> None:
        """Keep nothing of what only tells which rows are near."""
        for record in self.kept:
            self._con.execute(f"DROP TABLE {quoted(PICKED + record)}")

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
        lines = f"SELECT entity, {', '.join(f'c{i}' for i in range(len(names)))} FROM {quoted(table)}"
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
