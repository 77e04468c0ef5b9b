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

ENTITY, ENTITIES = "of entity", "compared entities"
"""Where several entities are compared in one statement: the column that keeps them apart, the view that lists them."""


@dataclass(frozen=True, slots=True)
class Among:
    """A table of keys as text (`c0`, `c1`, …), of which alone something is asked; `columns` of a check's key are what
    it lists, in that order.
    """

    table: str
    columns: tuple[str, ...]

    def holds(self, keys: Mapping[str, Expr], sql: Mapping[str, str], entity: Sequence[str] = ()) -> str:
        """SQL: whether the key of a row, given as SQL per column, is one of them; where it is said which entity the
        row belongs to, one of that entity's.
        """
        asked = [*entity, *(text_sql(sql[name], keys[name].kind) for name in self.columns)]
        listed = ["entity"] * len(entity) + [f"c{place}" for place in range(len(self.columns))]
        row = f"({', '.join(asked)})" if len(asked) > 1 else asked[0]
        return f"{row} IN (SELECT {', '.join(listed)} FROM {quote(self.table)})"


@dataclass(frozen=True, slots=True)
class SidePlan:
    """A compiled side. `sql` is None where no feed brings the side (it is optional, and always missing).

    The sub-select has the key columns (the first of them `ENTITY`, where several entities are compared together),
    `present`, the columns, and `<key> source` for each key column that a crosswalk translates. `volatile` columns
    change although the fact does not: shown, never compared. `timed` ones change with every run.
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
    *,
    together: bool = False,
) -> SidePlan:
    """Compile one side from its accepted expressions; with `among` only the rows of those keys; `together`: of several
    entities, each by itself.
    """
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
        writer = _Writer(catalog, side, record, systems, on, dated, among, together=together)
        sql = writer.write(keys, columns, where, written)
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
    together: bool = False

    def write(
        self,
        keys: Mapping[str, Expr],
        columns: Mapping[str, Expr],
        where: Expr | None,
        written: frozenset[str],
    ) -> str:
        entity = [self._entity()] if self.together else []
        lookups = join_lookups(self.catalog, self.side.lookups, self.on, self.dated, entity)

        def names(qualifier: str | None, name: str) -> str:
            return bare(None, name) if qualifier is None else lookups.columns[qualifier, name]

        grouped = any(expression.aggregates for expression in columns.values())
        unique = grouped or self._is_unique(keys)
        used = self._used([*keys.values(), *columns.values(), *([where] if where else [])])
        used |= lookups.needs | {keys[key].text.strip() + SOURCE for key in written} | set(self.side.latest)
        used |= set() if unique else {"source_time", "source_system", "source_id"}
        used |= {"entity"} if self.together and self.record.scope == "entity" else set()
        rows = canonical_select(self.catalog, self.record, used, self.systems)
        key_sql = {key: render(expression, names) for key, expression in keys.items()}
        selected = [f"{sql} AS {quote(ENTITY)}" for sql in entity]
        selected += [f"{sql} AS {quote(key)}" for key, sql in key_sql.items()]
        selected += [f"{render(expression, names)} AS {quote(name)}" for name, expression in columns.items()]
        selected += [self._written(keys[key], key, grouped) for key in sorted(written)]
        selected.append("TRUE AS present")
        conditions = [f"{sql} IS NOT NULL" for sql in key_sql.values()]
        conditions += [render(where, names)] if where else []
        conditions += [self.among.holds(keys, key_sql, entity)] if self.among else []
        one = [*entity, *key_sql.values()]
        tail = f" GROUP BY {', '.join(one)}" if grouped else ""
        if not unique:
            selected.append(_newest(one, self.side.latest))
        sql = (
            f"SELECT {', '.join(selected)} FROM ({rows}) AS r{self._everywhere()}{lookups.sql}"
            f" WHERE {' AND '.join(conditions)}{tail}"
        )
        return sql if unique else f'SELECT * FROM ({sql}) AS s WHERE "newest row" = 1'

    def _entity(self) -> str:
        """Which entity a row is compared in. What belongs to the network is known in each."""
        return bare(None, "entity") if self.record.scope == "entity" else f"e.{quote('entity')}"

    def _everywhere(self) -> str:
        crossed = self.together and self.record.scope == "network"
        return f" CROSS JOIN {quote(ENTITIES)} AS e" if crossed else ""

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
    return f'ROW_NUMBER() OVER (PARTITION BY {partition} ORDER BY {order}) AS "newest row"'
