"""Finds the lines of touched rows: their own, and those of the rows that look something up in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expressions import Expr, render
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import literal, quoted, scalar
from exceptions_app.reconcile.probing import Asked, Probing
from exceptions_app.reconcile.sources import bare, canonical_select
from exceptions_app.reconcile.values import text_sql

from .narrowed import FOUND, view


class FoundLines:
    """Adds lines to the tables of what was found. The views of a connection show touched rows only."""

    def __init__(self, catalog: Catalog, checks: Collection[Probing]) -> None:
        self._catalog, self._checks = catalog, checks

    def own(self, con: DuckDBPyConnection, touched: Collection[str]) -> None:
        """Those of the touched rows themselves."""
        for probing in self._checks:
            for side in probing.sides.values():
                if side.record in touched:
                    self._add(con, probing, side.record, side.systems, side.key)

    def _add(
        self,
        con: DuckDBPyConnection,
        probing: Probing,
        record: str,
        systems: Sequence[str],
        key: Mapping[str, Expr],
        condition: str = "",
        needs: Collection[str] = (),
    ) -> None:
        used = {"entity", *needs, *(name for each in key.values() for _, name in each.columns)}
        rows = canonical_select(self._catalog, self._catalog.record_types[record], used, systems)
        values = [text_sql(render(each, bare), each.kind) for each in key.values()]
        entity = literal(NETWORK_SCOPE) if probing.check.scope == "network" else "r.entity"
        there = " AND ".join(
            [*(f"{value} IS NOT NULL" for value in values), *([condition] if condition else [])]
        )
        con.execute(
            f"INSERT INTO {quoted(FOUND + probing.among.table)}"
            f" SELECT DISTINCT {entity}, {', '.join(values)} FROM ({rows}) AS r WHERE {there}"
        )

    def looked_up(
        self,
        con: DuckDBPyConnection,
        touched: Collection[str],
        all_rows: Callable[[str], str],
    ) -> None:
        """Those of the rows for which a look-up that was touched is asked. `all_rows`: the SELECT of a record type."""
        asked = list(self._asked(con, touched))
        for record in {probing.sides[name].record for probing, name, _ in asked}:
            con.execute(view(record, all_rows(record)))
        for place, (probing, name, code) in enumerate(asked):
            side, lookup = probing.sides[name], probing.sides[name].lookups[code]
            row = ", ".join(render(each, bare) for each in lookup.on.values())
            listed = ", ".join(map(quoted, lookup.on))
            listed = f"({listed})" if len(lookup.on) > 1 else listed
            condition = f"({row}) IN (SELECT {listed} FROM {quoted(f'asked {place}')})"
            used = {column for each in lookup.on.values() for _, column in each.columns}
            self._add(con, probing, side.record, side.systems, side.key, condition, used)

    def _asked(self, con: DuckDBPyConnection, touched: Collection[str]) -> Iterator[tuple[Probing, str, str]]:
        """Which look-ups of which sides are asked for touched rows, each with a table `asked <place>` of those."""
        place = 0
        for probing, name, code, lookup in self._look_ups(touched):
            table = quoted(f"asked {place}")
            columns = ", ".join(f"r.{quoted(column)}" for column in lookup.on)
            of = self._catalog.record_types[lookup.record]
            rows = canonical_select(self._catalog, of, set(lookup.on), lookup.systems)
            con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT DISTINCT {columns} FROM ({rows}) AS r")
            if scalar(con, f"SELECT count(*) FROM {table}"):
                place += 1
                yield probing, name, code

    def _look_ups(self, touched: Collection[str]) -> Iterator[tuple[Probing, str, str, Asked]]:
        for probing in self._checks:
            for name, side in probing.sides.items():
                for code, lookup in side.lookups.items():
                    if lookup.record in touched:
                        yield probing, name, code, lookup
