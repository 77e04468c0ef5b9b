"""Which lines an incremental comparison probes: the union, over all sides and look-ups, of what changed since the last
one and of what the passing of time decides, and what is asked for beside. Pure of the database.

The lines come to stand in tables of the session, one per kind of line; and the records with these lines, of all
entities at once, in one table per type. A line too many costs a little; one too few would be an error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expressions import Expr
from exceptions_app.duck import literal, quoted, scalar
from exceptions_app.reconcile.moments import Moment, value_sql
from exceptions_app.reconcile.parameters import PARAMETER
from exceptions_app.reconcile.probing import Probing
from exceptions_app.reconcile.sources import SOURCE
from exceptions_app.records.crosswalk import load_texts
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.snapshot import RecordSnapshot
from exceptions_app.records.touched import moves, rows_of, since, touched_sql

from .found_lines import FoundLines
from .narrowed import FOUND, LINES, MORE, Line, Narrowed, counted, in_lanes, view, views_beside
from .near_records import NearRecords
from .older_versions import TOUCHED, OlderVersions

Times = Mapping[str, tuple[datetime, datetime]]
"""Per parameter of a statement: its value at the last judgement and at this one."""
_META = frozenset({"entity", "source_system", "source_id", "source_time", "fetched_at"})


SHARE, LEAST = 0.2, 1_000
"""Where more than this share of the lines changed, and so many, a full sweep costs less."""


class TooMuchError(Exception):
    """Why only a full sweep can tell."""


@dataclass(slots=True)
class _Needs:
    """What is to be read of one record type."""

    columns: set[str] = field(default_factory=lambda: {"entity", "source_system"})
    conditions: list[str] = field(default_factory=list)


def _types(probing: Probing) -> set[str]:
    sides = probing.sides.values()
    return {side.record for side in sides} | {one.record for side in sides for one in side.lookups.values()}


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
        columns = {n: needs[n].columns & one.layout.stored.keys() for n, one in self.records.types.items()}
        self._begin(asked)
        near = NearRecords(self.con, self.catalog, self.records, self.checks.values(), self.columns, columns)
        late = {n for n in near.types if brought[n] and moves(self.records.types[n], columns[n])}
        older = OlderVersions(self.con, self.records, {name: brought[name] for name in late}, columns)
        self._follow(self._touched(brought, needs, late), needs, together)
        self._add_near(near, share, least)
        self._follow(older.keep(near.kept), needs, together)
        self._add_near(near, share, least)
        near.close()
        places = {table: counted(self.con, LINES + table) for table in self._tables}
        lines = {table: sum(of.values()) for table, of in places.items()}
        return Narrowed(self.checks, lines, frozenset(near.kept), places)

    def _begin(self, asked: Mapping[str, Iterable[Line]]) -> None:
        for table, width in self._tables.items():
            names = ["entity", *(f"c{place}" for place in range(width))]
            made = ", ".join(f"{name} VARCHAR" for name in names)
            for kind in (FOUND, LINES):
                self.con.execute(f"CREATE OR REPLACE TABLE {quoted(kind + table)} ({made})")
            rows = list(asked.get(table, ()))
            if rows:
                columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
                load_texts(self.con, "asked lines", columns)
                self.con.execute(f'INSERT INTO {quoted(FOUND + table)} SELECT * FROM "asked lines"')

    def _follow(
        self,
        touched: Collection[str],
        needs: Mapping[str, _Needs],
        together: Mapping[str, Sequence[Sequence[Line]]],
    ) -> None:
        """Add the lines of touched rows, and those that are probed with them."""
        if touched:
            self._find_lines(touched, needs)
        for table, groups in together.items():
            self._add_together(table, groups)

    def _find_lines(self, touched: Collection[str], needs: Mapping[str, _Needs]) -> None:
        def all_rows(record: str) -> str:
            one = self.records.types[record]
            return touched_sql(one, (), needs[record].columns & one.layout.stored.keys(), "TRUE")

        lines = FoundLines(self.catalog, self.checks.values())
        with views_beside(self.con, self.catalog) as con:
            for name in self.types:
                con.execute(view(name, f"SELECT * FROM {quoted(TOUCHED + name)}"))
            lines.own(con, touched)
            lines.looked_up(con, touched, all_rows)

    def _add_together(self, table: str, groups: Sequence[Sequence[Line]]) -> None:
        """Until nothing more is touched: what one brings may be another's."""
        rows = [(str(number), *line) for number, lines in enumerate(groups) for line in lines]
        if not rows:
            return
        names = ["number", "entity", *(f"c{place}" for place in range(self._tables[table]))]
        load_texts(self.con, "alike", {name: [row[i] for row in rows] for i, name in enumerate(names)})
        found, line = quoted(FOUND + table), ", ".join(names[1:])
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
            PARAMETER.sub(lambda found, place=place: literal(times[found[1]][place]), moment.time)  # type: ignore[misc]
            for place in (0, 1)
        ]
        value = value_sql(moment)
        low, high = f"LEAST({', '.join(bounds)})", f"GREATEST({', '.join(bounds)})"
        needs[record].conditions.append(f"({value} BETWEEN {low} AND {high})")

    def _touched(
        self, brought: Mapping[str, frozenset[int]], needs: Mapping[str, _Needs], late: Collection[str]
    ) -> list[str]:
        """Make a table per type of its touched rows; the types of which there are any. What the base has of those that
        are `late` is looked for later.
        """

        def touch(con: DuckDBPyConnection, name: str) -> bool:
            one, table = self.records.types[name], quoted(TOUCHED + name)
            condition = " OR ".join(dict.fromkeys(needs[name].conditions))
            columns = needs[name].columns & one.layout.stored.keys()
            rows = touched_sql(one, brought[name], columns, condition, base=name not in late)
            con.execute(f"CREATE OR REPLACE TABLE {table} AS {rows}")
            return bool(scalar(con, f"SELECT count(*) FROM {table}"))

        found = in_lanes(self.con, self.types, touch)
        return [name for name in self.types if found[name]]

    def _add_near(self, near: NearRecords, share: float, least: int) -> None:
        """Take up the lines that were found since, and the records near them."""
        places = {}
        for table in self._tables:
            lines, more = quoted(LINES + table), quoted(MORE + table)
            self.con.execute(
                f"CREATE OR REPLACE TABLE {more} AS SELECT * FROM {quoted(FOUND + table)} EXCEPT FROM {lines}"
            )
            places[table] = counted(self.con, MORE + table)
            count = sum(places[table].values()) + int(scalar(self.con, f"SELECT count(*) FROM {lines}"))
            if places[table] and count > least:
                self._refuse_too_many(table, count, share)
        if any(places.values()):
            near.add(places)
        for table in self._tables:
            self.con.execute(f"INSERT INTO {quoted(LINES + table)} FROM {quoted(MORE + table)}")

    def _refuse_too_many(self, table: str, count: int, share: float) -> None:
        of_table = [probing for probing in self.checks.values() if probing.among.table == table]
        records = {side.record for probing in of_table for side in probing.sides.values()}
        rows = max((rows_of(self.con, self.records.types[name]) for name in records), default=0)
        if count > share * rows:
            raise TooMuchError(f"{count:,} of about {rows:,} lines changed")
