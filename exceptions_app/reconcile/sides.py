"""One side of a match check as a sub-select with one row per key, its columns typed and aggregated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, Kind, quote, render
from exceptions_app.catalog.schema import MatchCheck, RecordType, Side

from .sources import SOURCE, VOLATILE, bare, canonical_select, join_lookups, systems_of
from .values import text_sql


@dataclass(frozen=True, slots=True)
class Among:
    """A table of keys as text (`c0`, `c1`, …), of which alone something is asked; `columns` of a check's key are what
    it lists, in that order.
    """

    table: str
    columns: tuple[str, ...]

    def holds(self, keys: Mapping[str, Expr], sql: Mapping[str, str]) -> str:
        """SQL: whether the key of a row, given as SQL per column, is one of them."""
        asked = ", ".join(text_sql(sql[name], keys[name].kind) for name in self.columns)
        listed = ", ".join(f"c{place}" for place in range(len(self.columns)))
        row = f"({asked})" if len(self.columns) > 1 else asked
        return f"{row} IN (SELECT {listed} FROM {quote(self.table)})"


@dataclass(frozen=True, slots=True)
class SidePlan:
    """A compiled side. `sql` is None where no feed brings the side (it is optional, and always missing).

    The sub-select has the key columns, `present`, the columns, and `<key> source` for each key column that a
    crosswalk translates. `volatile` columns change although the fact does not: shown, never compared.
    `timed` ones change with every run.
    """

    name: str
    sql: str | None
    columns: Mapping[str, Kind]
    written_keys: frozenset[str]
    volatile: frozenset[str]
    timed: frozenset[str]
    parameters: frozenset[str]
    systems: tuple[str, ...]


def source_key(name: str) -> str:
    """The sub-select's column with a key value as the source wrote it."""
    return f"{name} source"


def plan_side(
    catalog: Catalog,
    check: MatchCheck,
    name: str,
    accepted: Mapping[Path, Expr],
    among: Among | None = None,
) -> SidePlan:
    """Compile one side from its accepted expressions; with `among` only the rows of those keys."""
    side = check.sides[name]
    record = catalog.record_types[side.record]
    columns = {column: accepted["sides", name, "columns", column] for column in side.columns}
    keys = {key: accepted["sides", name, "key", key] for key in check.row_key}
    where = accepted.get(("sides", name, "where"))
    on = {
        code: {column: accepted["sides", name, "lookups", code, "on", column] for column in lookup.on}
        for code, lookup in side.lookups.items()
    }
    dated = {
        code: accepted["sides", name, "lookups", code, "as_of"]
        for code, lookup in side.lookups.items()
        if lookup.as_of is not None
    }
    systems = systems_of(catalog, side.record, side.kind, side.systems)
    written = frozenset(key for key, expression in keys.items() if _crosswalked(record, expression))
    sql = None
    if systems or not side.optional:
        sql = _Writer(catalog, side, record, systems, on, dated, among).write(keys, columns, where, written)
    expressions = [*keys.values(), *columns.values(), *([where] if where else [])]
    expressions += [e for path, e in accepted.items() if path[:3] == ("sides", name, "lookups")]
    return SidePlan(
        name,
        sql,
        {column: expression.kind for column, expression in columns.items()},
        written,
        frozenset(side.told) | {c for c, e in columns.items() if VOLATILE & {n for _, n in e.columns}},
        frozenset(c for c, e in columns.items() if "now" in e.parameters),
        frozenset().union(*(expression.parameters for expression in expressions)) if sql else frozenset(),
        tuple(systems),
    )


def _crosswalked(record: RecordType, expression: Expr) -> bool:
    column = record.columns.get(expression.text.strip())
    return column is not None and column.crosswalk is not None


@dataclass(frozen=True, slots=True)
class _Writer:
    catalog: Catalog
    side: Side
    record: RecordType
    systems: Sequence[str]
    on: Mapping[str, Mapping[str, Expr]]
    dated: Mapping[str, Expr]
    among: Among | None = None

    def write(
        self,
        keys: Mapping[str, Expr],
        columns: Mapping[str, Expr],
        where: Expr | None,
        written: frozenset[str],
    ) -> str:
        lookups = join_lookups(self.catalog, self.side.lookups, self.on, self.dated)

        def names(qualifier: str | None, name: str) -> str:
            return bare(None, name) if qualifier is None else lookups.columns[qualifier, name]

        grouped = any(expression.aggregates for expression in columns.values())
        unique = grouped or self._is_unique(keys)
        used = self._used([*keys.values(), *columns.values(), *([where] if where else [])])
        used |= lookups.needs | {keys[key].text.strip() + SOURCE for key in written} | set(self.side.latest)
        used |= set() if unique else {"source_time", "source_system", "source_id"}
        rows = canonical_select(self.catalog, self.record, used, self.systems)
        key_sql = {key: render(expression, names) for key, expression in keys.items()}
        selected = [f"{sql} AS {quote(key)}" for key, sql in key_sql.items()]
        selected += [f"{render(expression, names)} AS {quote(name)}" for name, expression in columns.items()]
        selected += [self._written(keys[key], key, grouped) for key in sorted(written)]
        selected.append("TRUE AS present")
        conditions = [f"{sql} IS NOT NULL" for sql in key_sql.values()]
        conditions += [render(where, names)] if where else []
        conditions += [self.among.holds(keys, key_sql)] if self.among else []
        tail = f" GROUP BY {', '.join(key_sql.values())}" if grouped else ""
        if not unique:
            selected.append(_newest(key_sql.values(), self.side.latest))
        sql = (
            f"SELECT {', '.join(selected)} FROM ({rows}) AS r{lookups.sql}"
            f" WHERE {' AND '.join(conditions)}{tail}"
        )
        return sql if unique else f'SELECT * FROM ({sql}) AS s WHERE "newest" = 1'

    def _is_unique(self, keys: Mapping[str, Expr]) -> bool:
        if self.side.latest:
            return False
        own = sorted(expression.text.strip() for expression in keys.values())
        return own == sorted(self.record.key) and len(self.systems) == 1

    def _used(self, expressions: Sequence[Expr]) -> set[str]:
        return {n for expression in expressions for qualifier, n in expression.columns if qualifier is None}

    def _written(self, expression: Expr, key: str, grouped: bool) -> str:
        column = bare(None, expression.text.strip() + SOURCE)
        return f"{f'MIN({column})' if grouped else column} AS {quote(source_key(key))}"


def _newest(keys: Iterable[str], latest: Iterable[str]) -> str:
    """Where several rows have the same key, the one with the highest of `latest`, else the one that changed last,
    speaks for it.
    """
    partition = ", ".join(keys)
    highest = "".join(f"r.{quote(name)} DESC NULLS LAST, " for name in latest)
    order = f"{highest}r.source_time DESC, r.source_system, r.source_id"
    return f'ROW_NUMBER() OVER (PARTITION BY {partition} ORDER BY {order}) AS "newest"'
