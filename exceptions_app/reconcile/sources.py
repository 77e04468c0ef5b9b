"""The records of a side as a sub-select: the right sources, identifiers canonical, reference data joined.

A column with a crosswalk is canonical under its own name, and as the source wrote it under `<name>_source`;
where the crosswalk has no entry, what the source wrote stands. `<name>_fed` says whether the row's system sends it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expression_tree import kind_of
from exceptions_app.catalog.expressions import AGGREGATES, Expr, Names, Scope, literal, parse, quote, render
from exceptions_app.catalog.schema import Lookup, RecordType
from exceptions_app.catalog.scopes import EVERY_RECORD, FED, record_columns, record_scope

from .as_of import holds_on, periods_sql

SOURCE = "_source"
VOLATILE = frozenset({"source_time", "fetched_at"})
"""Columns that change although the business fact does not."""


def systems_of(catalog: Catalog, record: str, kind: str | None, systems: Iterable[str] | None) -> list[str]:
    """The systems to read a type from; empty where no feed brings it."""
    return list(dict.fromkeys(feed.system for feed in catalog.sources_of(record, kind, systems)))


def canonical_select(
    catalog: Catalog, record: RecordType, names: Collection[str], systems: Collection[str]
) -> str:
    """`SELECT` of the named columns (meta and `_source` names included) from the record's view."""
    selected, joins = [], []
    for name in sorted(names):
        column = record.columns.get(name)
        if name not in record.columns and name.endswith(SOURCE) and name not in EVERY_RECORD:
            selected.append(f"r.{quote(name.removesuffix(SOURCE))} AS {quote(name)}")
        elif name not in record.columns and name.endswith(FED):
            selected.append(f"{_fed(catalog, record, name.removesuffix(FED))} AS {quote(name)}")
        elif column is not None and column.crosswalk:
            known, sql = _crosswalk(catalog, column.crosswalk, name, systems)
            joins.append(sql)
            tried = ", ".join([*known, f"r.{quote(name)}"])
            selected.append(f"COALESCE({tried}) AS {quote(name)}" if known else tried)
        else:
            selected.append(f"r.{quote(name)}")
    where = f" WHERE r.source_system IN ({', '.join(map(literal, systems))})" if systems else ""
    return f"SELECT {', '.join(selected)} FROM {quote('rec_' + record.code)} AS r{''.join(joins)}{where}"


def _fed(catalog: Catalog, record: RecordType, column: str) -> str:
    """SQL: whether a feed of a row's system maps a column."""
    found = {feed.system for feed in catalog.feeds_for(record.code) if column in feed.mapping}
    return f"r.source_system IN ({', '.join(map(literal, sorted(found)))})" if found else "FALSE"


def _crosswalk(catalog: Catalog, code: str, column: str, systems: Collection[str]) -> tuple[list[str], str]:
    """The canonical values to try in order, and their joins: the system's own entry, then anyone's.

    Only what the configuration can hold an entry for is joined.
    """
    entries = {system for system, _ in catalog.crosswalks.get(code, {})}
    known, joins, table = [], [], quote("xw_" + code)
    if any(system is not None and (not systems or system in systems) for system in entries):
        alias = quote(f"own {column}")
        known.append(f"{alias}.canonical")
        joins.append(
            f" LEFT JOIN {table} AS {alias} ON {alias}.local = r.{quote(column)}"
            f" AND {alias}.system = r.source_system"
        )
    if None in entries:
        alias = quote(f"any {column}")
        known.append(f"{alias}.canonical")
        joins.append(
            f" LEFT JOIN (SELECT local, canonical FROM {table} WHERE system = '') AS {alias}"
            f" ON {alias}.local = r.{quote(column)}"
        )
    return known, "".join(joins)


@dataclass(frozen=True, slots=True)
class Joined:
    """Look-ups as joins: the SQL, and where each `lookup.column` is found."""

    sql: str
    columns: Mapping[tuple[str, str], str]
    needs: frozenset[str]


def join_lookups(
    catalog: Catalog,
    lookups: Mapping[str, Lookup],
    on: Mapping[str, Mapping[str, Expr]],
    dated: Mapping[str, Expr],
    entity: Sequence[str] = (),
) -> Joined:
    """One join per distinct question, however many look-ups ask it (the smallest and the largest pack).

    `on` and `dated` are, per look-up, what it is asked by and the day as of which, over the side's row; `on` also over
    the look-ups before it. `entity`: SQL for the entity of the row, where rows of several are asked about; records of
    others are not looked up for it.
    """
    questions: dict[str, tuple[Lookup, str, dict[str, str]]] = {}
    found: dict[tuple[str, str], str] = {}

    def names(qualifier: str | None, name: str) -> str:
        return bare(None, name) if qualifier is None else found[qualifier, name]

    for name, lookup in lookups.items():
        if not catalog.sources_of(lookup.record, lookup.kind):
            found |= {(name, column): _nothing(catalog, lookup, column) for column in lookup.columns}
            continue
        question = lookup.model_dump_json(exclude={"columns", "pick"})
        alias = quote(
            f"lookup {list(questions).index(question) if question in questions else len(questions)}"
        )
        own = entity if catalog.record_types[lookup.record].scope == "entity" else ()
        asked = (lookup, _on(alias, on[name], dated.get(name), own, names), dict[str, str]())
        _, _, picked = questions.setdefault(question, asked)
        for column in lookup.columns:
            label = quote(f"{lookup.pick} {column}")
            picked[f"{_picked(catalog, lookup, column)} AS {label}"] = column
            found[name, column] = f"{alias}.{label}"
    joins = "".join(
        f" LEFT JOIN ({_reference(catalog, lookup, picked, together=bool(entity))})"
        f" AS {quote(f'lookup {index}')} ON {condition}"
        for index, (lookup, condition, picked) in enumerate(questions.values())
    )
    parts = [*(expression for of_one in on.values() for expression in of_one.values()), *dated.values()]
    needs = {column for expression in parts for qualifier, column in expression.columns if qualifier is None}
    return Joined(joins, found, frozenset(needs))


def _on(alias: str, on: Mapping[str, Expr], as_of: Expr | None, entity: Sequence[str], names: Names) -> str:
    same = [f"{alias}.{quote('entity')} = {sql}" for sql in entity]
    same += [f"{alias}.{quote(column)} = {render(expression, names)}" for column, expression in on.items()]
    return " AND ".join([*same, holds_on(alias, render(as_of, bare))] if as_of else same)


def _picked(catalog: Catalog, lookup: Lookup, column: str) -> str:
    """SQL: what is taken of several rows. A sum is held within what its column can hold."""
    if lookup.pick != "sum":
        return f"{lookup.pick.upper()}({quote(column)})"
    scope = Scope(record_columns(catalog.record_types[lookup.record]), AGGREGATES)
    return render(parse(f"SUM({column})", scope), bare)


def _nothing(catalog: Catalog, lookup: Lookup, column: str) -> str:
    """What a look-up that no feed brings knows."""
    declared = record_columns(catalog.record_types[lookup.record])[column]
    return f"CAST(NULL AS {kind_of(declared).sql})"


def _reference(catalog: Catalog, lookup: Lookup, picked: Mapping[str, str], *, together: bool) -> str:
    """The reference data as the look-up asks for it; `picked` are aggregates, each of a column. `together`: of several
    entities, as far as such records belong to entities.
    """
    record = catalog.record_types[lookup.record]
    where = parse(lookup.where, record_scope(record)) if lookup.where else None
    on = list(dict.fromkeys([*(["entity"] if together and record.scope == "entity" else []), *lookup.on]))
    names = {*on, *picked.values(), *(name for _, name in (where.columns if where else ()))}
    names |= {name for name in (lookup.valid_from, lookup.valid_to, lookup.sequence) if name}
    rows = canonical_select(catalog, record, names, systems_of(catalog, lookup.record, lookup.kind, None))
    keys = ", ".join(map(quote, on))
    condition = f" WHERE {render(where, bare)}" if where else ""
    if lookup.valid_from is not None:
        counted, valid = f"SELECT * FROM ({rows}) AS r{condition}", (lookup.valid_from, lookup.valid_to)
        columns = sorted({*picked.values()})
        return periods_sql(counted, on, columns, valid, list(picked), lookup.sequence)
    return f"SELECT {keys}, {', '.join(picked)} FROM ({rows}) AS r{condition} GROUP BY {keys}"


def bare(_: str | None, name: str) -> str:
    """Names of a side's row in SQL."""
    return f"r.{quote(name)}"
