"""Which lines an incremental comparison probes: the union, over all sides and look-ups, of what changed since the last
one and of what the passing of time decides, and what is asked for beside. Pure of the database.

The lines come to stand in tables of the session, one per kind of line; and the records with these lines, of all
entities at once, in one table per type. A line too many costs a little; one too few would be an error.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expression_tree import kind_of
from exceptions_app.catalog.expressions import Expr, render
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import literal, quoted, scalar
from exceptions_app.reconcile.moments import Moment, value_sql
from exceptions_app.reconcile.probing import Probing
from exceptions_app.reconcile.sources import SOURCE, bare, canonical_select
from exceptions_app.reconcile.values import text_sql
from exceptions_app.records.crosswalk import TABLE_PREFIX, load_crosswalks, load_texts
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.snapshot import VIEW_PREFIX, RecordSnapshot
from exceptions_app.records.touched import rows_of, since, touched_sql

Times = Mapping[str, tuple[datetime, datetime]]
"""Per parameter of a statement: its value at the last judgement and at this one."""
Line = tuple[str | None, ...]
"""An entity (None: every one) and the values of a line, as text."""
NEAR, LINES = "near ", "lines "
"""What the tables of the session are called: records near what is probed by their type, probed lines by their table."""
_META = frozenset({"entity", "source_system", "source_id", "source_time", "fetched_at"})
_PARAMETER = re.compile(r"\$([a-z][a-z0-9_]*)")


SHARE, LEAST = 0.2, 1_000
"""Where more than this share of the lines changed, and so many, a full sweep costs less."""


class TooMuchError(Exception):
    """Why only a full sweep can tell."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is probed: `lines` per table of lines; `near` are the record types of which the rows with these lines were
    kept, `places` what is in each table by entity.
    """

    checks: Mapping[str, Probing]
    lines: Mapping[str, int]
    near: frozenset[str]
    places: Mapping[str, Mapping[str | None, int]]

    def probed(self, check: str, scope: str) -> int:
        """How many lines of a check are probed in a scope."""
        places = self.places[self.checks[check].among.table]
        return places.get(scope, 0) + places.get(None, 0)


def lines_in(con: DuckDBPyConnection, table: str, scope: str) -> set[Line]:
    """The probed lines of a table in one scope, without their entity."""
    some = f"entity = {literal(scope)} OR entity IS NULL"
    rows = con.execute(f"SELECT * EXCLUDE (entity) FROM {quoted(LINES + table)} WHERE {some}").fetchall()
    return set(rows)


@dataclass(slots=True)
class _Needs:
    """What is to be read of one record type."""

    columns: set[str] = field(default_factory=lambda: {"entity", "source_system"})
    conditions: list[str] = field(default_factory=list)


def _types(probing: Probing) -> set[str]:
    sides = probing.sides.values()
    return {side.record for side in sides} | {one.record for side in sides for one in side.lookups.values()}


def _view(name: str, sql: str) -> str:
    return f"CREATE OR REPLACE TEMP VIEW {quoted(VIEW_PREFIX + name)} AS {sql}"


@contextmanager
def _views(con: DuckDBPyConnection, catalog: Catalog) -> Iterator[DuckDBPyConnection]:
    """A connection beside, so that its views hide nobody's."""
    beside = con.cursor()
    try:
        load_crosswalks(beside, catalog)
        yield beside
    finally:
        beside.close()


class Narrowing:
    """Finds the lines of some checks of one flow. `times` are per check."""

    def __init__(
        self,
        con: DuckDBPyConnection,
        catalog: Catalog,
        records: RecordSnapshot,
        checks: Iterable[Probing],
        columns: Mapping[str, Collection[str]],
    ) -> None:
        self.con, self.catalog, self.records, self.columns = con, catalog, records, columns
        self.checks = {probing.check.code: probing for probing in checks}
        self.types = sorted({name for probing in self.checks.values() for name in _types(probing)})
        self._tables: dict[str, int] = {}
        for probing in self.checks.values():
            self._tables[probing.among.table] = len(probing.among.columns)

    def find(
        self,
        seen: Sequence[UnfinishedRuns],
        times: Mapping[str, Times],
        asked: Mapping[str, Iterable[Line]],
        together: Mapping[str, Sequence[Sequence[Line]]],
        share: float = SHARE,
        least: int = LEAST,
    ) -> Narrowed:
        """Everything that must be probed. `seen` says which runs the last judgements did not see; `asked` are further
        lines per table, `together` are lines of which all are probed where one is. Raises `TooMuchError` where more
        than this share of the records, and `least`, would be.
        """
        brought = {name: self._brought(name, seen) for name in self.types}
        needs = self._needs(times)
        for table, width in self._tables.items():
            names = ["entity", *(f"c{place}" for place in range(width))]
            made = ", ".join(f"{name} VARCHAR" for name in names)
            self.con.execute(f"CREATE OR REPLACE TABLE {quoted('found ' + table)} ({made})")
            rows = list(asked.get(table, ()))
            if rows:
                columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
                load_texts(self.con, "asked lines", columns)
                self.con.execute(f'INSERT INTO {quoted("found " + table)} SELECT * FROM "asked lines"')
        touched = [name for name in self.types if self._touch(name, brought[name], needs[name])]
        if touched:
            with _views(self.con, self.catalog) as con:
                for name in self.types:
                    con.execute(_view(name, f"SELECT * FROM {quoted('touched ' + name)}"))
                self._own_lines(con, touched)
                self._looked_up(con, touched, needs)
        for table, groups in together.items():
            self._add_together(table, groups)
        return self._keep(share, least)

    def _add_together(self, table: str, groups: Sequence[Sequence[Line]]) -> None:
        """Until nothing more is touched: what one brings may be another's."""
        rows = [(str(number), *line) for number, lines in enumerate(groups) for line in lines]
        if not rows:
            return
        names = ["number", "entity", *(f"c{place}" for place in range(self._tables[table]))]
        load_texts(self.con, "alike", {name: [row[i] for row in rows] for i, name in enumerate(names)})
        found, line = quoted("found " + table), ", ".join(names[1:])
        here = "(" + ", ".join(f"a.{name}" for name in names[2:]) + ")"
        touched = (
            f"SELECT DISTINCT a.number FROM alike AS a JOIN {found} AS f ON {here} = "
            f"({', '.join(f'f.{name}' for name in names[2:])}) AND (f.entity = a.entity OR f.entity IS NULL)"
        )
        before = -1
        while (count := int(scalar(self.con, f"SELECT count(*) FROM ({touched})"))) != before:
            before = count
            self.con.execute(f"INSERT INTO {found} SELECT {line} FROM alike WHERE number IN ({touched})")

    def _brought(self, name: str, seen: Sequence[UnfinishedRuns]) -> frozenset[int]:
        runs: set[int] = set()
        for each in seen:
            found = since(self.records.types[name], each)
            if found.folded:
                raise TooMuchError(f"changes of {name} were folded before they were compared")
            runs |= found.runs
        return frozenset(runs)

    def _needs(self, times: Mapping[str, Times]) -> dict[str, _Needs]:
        needs: dict[str, _Needs] = defaultdict(_Needs)
        for code, probing in self.checks.items():
            for side in probing.sides.values():
                needs[side.record].columns |= self._raw(side.record, side.key.values())
                for lookup in side.lookups.values():
                    needs[side.record].columns |= self._raw(side.record, lookup.on.values())
                    needs[lookup.record].columns |= set(lookup.on)
            for moment in probing.moments:
                self._wait_for(needs, probing, moment, times.get(code, {}))
        return needs

    def _raw(self, record: str, expressions: Iterable[Expr]) -> set[str]:
        """The stored columns behind some expressions."""
        names = {name for each in expressions for _, name in each.columns}
        known = self.catalog.record_types[record].columns
        return {
            name if name in known else name.removesuffix(SOURCE) if name not in _META else name
            for name in names
        }

    def _wait_for(self, needs: dict[str, _Needs], probing: Probing, moment: Moment, times: Times) -> None:
        side = probing.sides.get(moment.side)
        if side is None or not moment.parameters <= times.keys():
            return
        if all(first == last for first, last in (times[name] for name in moment.parameters)):
            return
        record = side.record if moment.lookup is None else side.lookups[moment.lookup].record
        if any(row.record == record for row in self.catalog.reference_rows):
            raise TooMuchError(f"rows of {record} that the configuration holds have times of their own")
        bounds = [
            _PARAMETER.sub(lambda found, place=place: literal(times[found[1]][place]), moment.time)  # type: ignore[misc]
            for place in (0, 1)
        ]
        value = value_sql(moment)
        low, high = f"LEAST({', '.join(bounds)})", f"GREATEST({', '.join(bounds)})"
        needs[record].conditions.append(f"({value} BETWEEN {low} AND {high})")

    def _touch(self, name: str, runs: frozenset[int], needs: _Needs) -> bool:
        """Make the table of one type's touched rows; whether it holds any."""
        one, table = self.records.types[name], quoted("touched " + name)
        condition = " OR ".join(dict.fromkeys(needs.conditions))
        columns = needs.columns & one.layout.stored.keys()
        self.con.execute(f"CREATE OR REPLACE TABLE {table} AS {touched_sql(one, runs, columns, condition)}")
        return bool(scalar(self.con, f"SELECT count(*) FROM {table}"))

    def _own_lines(self, con: DuckDBPyConnection, touched: Collection[str]) -> None:
        for probing in self.checks.values():
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
        rows = canonical_select(self.catalog, self.catalog.record_types[record], used, systems)
        values = [text_sql(render(each, bare), each.kind) for each in key.values()]
        entity = literal(NETWORK_SCOPE) if probing.check.scope == "network" else "r.entity"
        there = " AND ".join(
            [*(f"{value} IS NOT NULL" for value in values), *([condition] if condition else [])]
        )
        con.execute(
            f"INSERT INTO {quoted('found ' + probing.among.table)}"
            f" SELECT DISTINCT {entity}, {', '.join(values)} FROM ({rows}) AS r WHERE {there}"
        )

    def _looked_up(
        self, con: DuckDBPyConnection, touched: Collection[str], needs: Mapping[str, _Needs]
    ) -> None:
        """The lines of the rows for which a look-up that was touched is asked."""
        asked: list[tuple[Probing, str, str]] = []
        for probing in self.checks.values():
            for name, side in probing.sides.items():
                for code, lookup in side.lookups.items():
                    if lookup.record in touched:
                        table = f"asked {len(asked)}"
                        columns = ", ".join(f"r.{quoted(column)}" for column in lookup.on)
                        of = self.catalog.record_types[lookup.record]
                        rows = canonical_select(self.catalog, of, set(lookup.on), lookup.systems)
                        con.execute(
                            f"CREATE OR REPLACE TABLE {quoted(table)} AS SELECT DISTINCT {columns} FROM ({rows}) AS r"
                        )
                        if scalar(con, f"SELECT count(*) FROM {quoted(table)}"):
                            asked.append((probing, name, code))
        for record in {probing.sides[name].record for probing, name, _ in asked}:
            one = self.records.types[record]
            con.execute(
                _view(record, self._all_rows(record, needs[record].columns & one.layout.stored.keys()))
            )
        for place, (probing, name, code) in enumerate(asked):
            side, lookup = probing.sides[name], probing.sides[name].lookups[code]
            row = ", ".join(render(each, bare) for each in lookup.on.values())
            listed = ", ".join(map(quoted, lookup.on))
            listed = f"({listed})" if len(lookup.on) > 1 else listed
            condition = f"({row}) IN (SELECT {listed} FROM {quoted(f'asked {place}')})"
            used = {column for each in lookup.on.values() for _, column in each.columns}
            self._add(con, probing, side.record, side.systems, side.key, condition, used)

    def _all_rows(self, record: str, columns: Collection[str]) -> str:
        return touched_sql(self.records.types[record], (), columns, "TRUE")

    def _keep(self, share: float, least: int) -> Narrowed:
        """The lines of each table once; how many, and by entity."""
        lines, places = {}, {}
        for table in self._tables:
            found = quoted("found " + table)
            self.con.execute(
                f"CREATE OR REPLACE TABLE {quoted(LINES + table)} AS SELECT DISTINCT * FROM {found}"
            )
            by_entity = self.con.execute(
                f"SELECT entity, count(*) FROM {quoted(LINES + table)} GROUP BY entity"
            ).fetchall()
            places[table], lines[table] = dict(by_entity), sum(count for _, count in by_entity)
        for table, count in lines.items():
            if count > least:
                of_table = [p for p in self.checks.values() if p.among.table == table]
                records = {side.record for probing in of_table for side in probing.sides.values()}
                rows = max((rows_of(self.con, self.records.types[name]) for name in records), default=0)
                if count > share * rows:
                    raise TooMuchError(f"{count:,} of about {rows:,} lines changed")
        near = frozenset(self._keep_near(lines, places)) if any(lines.values()) else frozenset()
        return Narrowed(self.checks, lines, near, places)

    def _keep_near(
        self, lines: Mapping[str, int], places: Mapping[str, Mapping[str | None, int]]
    ) -> Iterator[str]:
        """Per record type that sides read: the rows with a probed line. Of entities without any no file is opened."""
        filters: dict[str, set[tuple[str, tuple[str, ...]]]] = defaultdict(set)
        whole = {row.record for row in self.catalog.reference_rows}
        for probing in self.checks.values():
            for side in probing.sides.values():
                whole |= {lookup.record for lookup in side.lookups.values()}
                names = [expression.text.strip() for expression in side.key.values()]
                if all(name in self.catalog.record_types[side.record].columns for name in names):
                    if lines[probing.among.table]:
                        filters[side.record].add((probing.among.table, tuple(names)))
                else:
                    whole.add(side.record)
        with _views(self.con, self.catalog) as con:
            for record in sorted(filters.keys() - whole):
                there = {entity for table, _ in filters[record] for entity in places[table]}
                scope = None if there & {None, NETWORK_SCOPE} else sorted(filter(None, there))
                self._keep_rows(con, record, sorted(filters[record]), scope)
                yield record

    def _keep_rows(
        self,
        con: DuckDBPyConnection,
        record: str,
        filters: Sequence[tuple[str, tuple[str, ...]]],
        scope: Sequence[str] | None,
    ) -> None:
        conditions = []
        for place, (table, names) in enumerate(filters):
            conditions += self._has_line(con, record, table, names, f"raw {place}")
        one = self.records.types[record]
        rows = one.current_sql(scope, self.columns.get(record), " OR ".join(conditions))
        con.execute(f"CREATE OR REPLACE TABLE {quoted(NEAR + record)} AS {rows}")

    def _has_line(
        self, con: DuckDBPyConnection, record: str, table: str, names: Sequence[str], raw: str
    ) -> list[str]:
        """SQL: whether a stored row has one of these lines, by whatever name a source calls it."""
        declared, layout = self.catalog.record_types[record].columns, self.records.types[record].layout
        lines = f"SELECT entity, {', '.join(f'c{i}' for i in range(len(names)))} FROM {quoted(LINES + table)}"
        for place, name in enumerate(names):
            if crosswalk := declared[name].crosswalk:
                others = ", ".join(f"l.c{i}" if i != place else f"x.local AS c{i}" for i in range(len(names)))
                known = quoted(TABLE_PREFIX + crosswalk)
                lines += (
                    f" UNION SELECT l.entity, {others} FROM ({lines}) AS l"
                    f" JOIN {known} AS x ON x.canonical = l.c{place}"
                )
        con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(raw)} AS {lines}")
        values = [
            f"r.{quoted(name)}" if layout.stored[name] == "VARCHAR" else self._text(record, name)
            for name in names
        ]
        listed = ", ".join(f"c{place}" for place in range(len(names)))
        by_entity = layout.by_entity and scalar(
            con,
            f"SELECT count(*) FROM {quoted(raw)} WHERE entity IS NOT NULL AND entity <> {literal(NETWORK_SCOPE)}",
        )
        everywhere = scalar(
            con,
            f"SELECT count(*) FROM {quoted(raw)} WHERE entity IS NULL OR entity = {literal(NETWORK_SCOPE)}",
        )
        found = []
        if by_entity:
            found.append(f"(r.entity, {', '.join(values)}) IN (SELECT (entity, {listed}) FROM {quoted(raw)})")
        if everywhere or not layout.by_entity:
            row, of = (f"({', '.join(values)})", f"({listed})") if len(names) > 1 else (values[0], listed)
            anywhere = (
                f" WHERE entity IS NULL OR entity = {literal(NETWORK_SCOPE)}" if layout.by_entity else ""
            )
            found.append(f"{row} IN (SELECT {of} FROM {quoted(raw)}{anywhere})")
        return found

    def _text(self, record: str, name: str) -> str:
        return text_sql(f"r.{quoted(name)}", kind_of(self.catalog.record_types[record].columns[name].type))
