"""Which records the sides of a check have for a key, as the sources wrote them and as their crosswalks make them; and
which of them a side leaves out, by which part of its condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path, read_check
from exceptions_app.catalog.expression_tree import kind_of
from exceptions_app.catalog.expressions import Expr, ExpressionError, Scope, conjuncts, literal, parse, render
from exceptions_app.catalog.match_keys import side_key
from exceptions_app.catalog.schema import Check, ClusterCheck, Lookup, RecordType, Sensitivity
from exceptions_app.catalog.scopes import record_scope, row_scope
from exceptions_app.catalog.sensitivity import of_column

from .parameters import PARAMETER, RunParameters, bind
from .sources import SOURCE, bare, canonical_select, join_lookups, systems_of
from .values import instant, instant_sql, text_sql
from .why import AskedPart

MOST = 20
_META = ("entity", "source_system", "source_id", "run_id")
_TIMES = ("source_time", "fetched_at")


@dataclass(frozen=True, slots=True)
class Translated:
    """A column that a crosswalk translates: what the source wrote, and what it is compared as."""

    column: str
    crosswalk: str
    written: str
    canonical: str


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A record with the key. `left_out`: the parts of its side's condition that are not true of it."""

    entity: str
    system: str
    source_id: str
    run_id: int | None
    source_time: datetime | None
    fetched_at: datetime | None
    key: Mapping[str, str]
    translated: Sequence[Translated]
    left_out: Sequence[AskedPart]


@dataclass(frozen=True, slots=True)
class _Place:
    """A side, or the documents of a check that has no sides."""

    record: RecordType
    systems: Sequence[str]
    keys: Mapping[str, Expr]
    where: str | None
    scope: Scope
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    on: Mapping[str, Mapping[str, Expr]] = field(default_factory=dict)
    dated: Mapping[str, Expr] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()
    """The record's columns that the side says something of."""


def rows(
    con: DuckDBPyConnection, check: Check, catalog: Catalog, side: str, key: Mapping[str, str],
    parameters: RunParameters | None = None,
) -> list[AskedRow]:  # fmt: skip
    """The records with this key, each of its values as the source wrote it or as it is meant, over what the views show;
    `MOST` at most, those that changed last first. Without `parameters` it is not asked which are left out.
    """
    place = _place(check, catalog, side)
    if not place.systems:
        return []
    if parameters is None:
        place = replace(place, where=None, lookups={}, on={}, dated={})
    return list(_Rows(check, catalog, place, parameters).ask(con, key))


def _place(check: Check, catalog: Catalog, side: str) -> _Place:
    types = catalog.record_types
    if isinstance(check, ClusterCheck):
        record = types[check.record]
        systems = systems_of(catalog, check.record, check.record_kind, None)
        keys = side_key(check, side, types)
        return _Place(
            record, systems, keys, check.where, record_scope(record), shown=frozenset(record.columns)
        )
    party, accepted = check.sides[side], read_check(check, types).accepted

    def read(*path: str) -> Expr:
        found: Path = ("sides", side, *path)
        return accepted[found]

    columns = [read("columns", name) for name in party.columns]
    lookups = party.lookups.items()
    return _Place(
        types[party.record], systems_of(catalog, party.record, party.kind, party.systems),
        side_key(check, side, types), party.where, row_scope(party, types), party.lookups,
        {code: {name: read("lookups", code, "on", name) for name in lookup.on} for code, lookup in lookups},
        {code: read("lookups", code, "as_of") for code, lookup in lookups if lookup.as_of is not None},
        frozenset(name for each in columns for qualifier, name in each.columns if qualifier is None),
    )  # fmt: skip


class _Rows:
    """One question about one side."""

    def __init__(
        self, check: Check, catalog: Catalog, place: _Place, parameters: RunParameters | None
    ) -> None:
        self.check, self.catalog, self.place, self.parameters = check, catalog, place, parameters
        self.joined = join_lookups(catalog, place.lookups, place.on, place.dated)
        self.parts = [(text, self._read(text)) for text in conjuncts(place.where)] if place.where else []
        self.selected: list[str] = []
        named = {name for each in place.keys.values() for _, name in each.columns}
        asked = {name for _, each in self.parts for qualifier, name in each.columns if qualifier is None}
        own = place.record.columns
        self.crosswalked = sorted(n for n in named | place.shown | asked if n in own and own[n].crosswalk)
        self.used = {*named, *asked, *self.joined.needs, *_META, *_TIMES, *self.crosswalked}
        self.used |= {name + SOURCE for name in self.crosswalked}

    def ask(self, con: DuckDBPyConnection, key: Mapping[str, str]) -> Iterator[AskedRow]:
        meta = [self._put(f"CAST({bare(None, name)} AS STRING)") for name in _META]
        times = [self._put(instant_sql(bare(None, name))) for name in _TIMES]
        keys = {name: self._put(self._key(name)) for name in self.place.keys}
        texts = {n: (self._put(bare(None, n + SOURCE)), self._put(bare(None, n))) for n in self.crosswalked}
        parts = [
            (text, self._put(render(each, self._names)), self._operands(each)) for text, each in self.parts
        ]
        rows = canonical_select(self.catalog, self.place.record, self.used, self.place.systems)
        wanted = " AND ".join(f"({self._is(name, value)})" for name, value in key.items())
        statement = (
            f"SELECT {', '.join(self.selected)} FROM ({rows}) AS r{self.joined.sql} WHERE {wanted}"
            f" ORDER BY r.source_time DESC LIMIT {MOST}"
        )
        named = sorted(set(PARAMETER.findall(statement)))
        times_at = bind(named, self.check, self.parameters, {}) if self.parameters else {}
        found = con.execute(statement, times_at)
        for row in found.fetchall():
            entity, system, source_id, run = (row[at] for at in meta)
            told = [
                AskedPart("where", "", text, row[at], [(name, row[where] or "") for name, where in operands])
                for text, at, operands in parts
            ]
            changed, fetched = (None if row[at] is None else instant(int(row[at])) for at in times)
            yield AskedRow(
                entity=entity or "",
                system=system,
                source_id=source_id or "",
                run_id=None if run is None else int(run),
                source_time=changed,
                fetched_at=fetched,
                key={name: row[at] or "" for name, at in keys.items()},
                translated=[
                    Translated(name, self.place.record.columns[name].crosswalk or "", row[a], row[b])
                    for name, (a, b) in texts.items()
                    if row[a] is not None
                ],
                left_out=[part for part in told if part.holds is not True],
            )

    def _put(self, sql: str) -> int:
        self.selected.append(sql)
        return len(self.selected) - 1

    def _names(self, qualifier: str | None, name: str) -> str:
        return bare(None, name) if qualifier is None else self.joined.columns[qualifier, name]

    def _key(self, name: str) -> str:
        expression = self.place.keys[name]
        return text_sql(render(expression, bare), expression.kind)

    def _is(self, name: str, value: str) -> str:
        """As it is meant, or as the source wrote it."""
        column, same = self.place.keys[name].text.strip(), f"{self._key(name)} = {literal(value)}"
        own = self.place.record.columns.get(column)
        written = own is not None and own.crosswalk
        return f"{same} OR {bare(None, column + SOURCE)} = {literal(value)}" if written else same

    def _read(self, text: str) -> Expr:
        try:
            return parse(text, self.place.scope)
        except ExpressionError:
            return parse(self.place.where or "TRUE", self.place.scope)

    def _operands(self, expression: Expr) -> list[tuple[str, int]]:
        found = []
        known = self.place.scope.columns or {}
        for qualifier, name in sorted(expression.columns, key=str):
            said = _said(qualifier, name)
            sql = text_sql(self._names(qualifier, name), kind_of(known[said] or "text"))
            found.append((said, self._put(sql)))
        return found


def _said(qualifier: str | None, name: str) -> str:
    return name if qualifier is None else f"{qualifier}.{name}"


def sensitivity(check: Check, catalog: Catalog, side: str, name: str) -> Sensitivity:
    """Of an operand of a side's condition, or of a column of its record."""
    types = catalog.record_types
    if isinstance(check, ClusterCheck):
        return of_column(types, check.record, name)
    code, _, column = name.rpartition(".")
    record = check.sides[side].lookups[code].record if code else check.sides[side].record
    return of_column(types, record, column)
