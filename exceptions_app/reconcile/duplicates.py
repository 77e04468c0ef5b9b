"""A duplicate check: documents that occur more than once, anywhere in the network, as clusters.

One statement groups lines into documents and puts those that agree under a rule side by side; what hangs
together through any rule is one cluster, and its oldest member is its identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path, read_check
from exceptions_app.catalog.expressions import Expr, literal, quote, render
from exceptions_app.catalog.schema import DuplicateCheck
from exceptions_app.catalog.sensitivity import is_open, of_document
from exceptions_app.domain.discrepancy import Discrepancy

from .clusters import Clusters, Document
from .errors import CheckError
from .parameters import RunParameters, bind
from .sources import SOURCE, bare, canonical_select, systems_of
from .values import instant_sql, text_sql


@dataclass(frozen=True, slots=True)
class CompiledDuplicate:
    """Statements and the names of what each row shows.

    Columns of a row: rule; what the documents agree on, as one text; entity; lines touched; since
    (microseconds); paid; amount; currency; counterparty; the key as the source wrote it; each of `shown`, as
    text.
    """

    check: DuplicateCheck
    statement: str
    count: str
    critical: str | None
    parameters: frozenset[str]
    shown: Sequence[tuple[str, str]]
    told: frozenset[str]
    """Of `shown`, what may be said in the open: the rest is compared and never becomes a fact."""


def compile_duplicate(check: DuplicateCheck, catalog: Catalog) -> CompiledDuplicate:
    """Raises `CheckError` where no feed brings the documents."""
    expressions = read_check(check, catalog.record_types)
    for path, error in expressions.refused:
        raise CheckError(str(error), f"{check.code}: {'.'.join(map(str, path))}")
    return _Compiler(check, catalog, expressions.accepted).compile()


def find_duplicates(
    con: duckdb.DuckDBPyConnection, compiled: CompiledDuplicate, parameters: RunParameters
) -> tuple[list[Discrepancy], int]:
    """The clusters, and how many documents there were to compare."""
    check = compiled.check
    values = bind(compiled.parameters, check, parameters, {})
    clusters = _clusters(con, compiled, values)
    counted = con.execute(
        compiled.count, {n: values[n] for n in values if f"${n}" in compiled.count}
    ).fetchone()
    found = [
        cluster.discrepancy(
            check, parameters.now, compiled.told, critical=_is_critical(con, compiled, cluster.figures())
        )
        for cluster in clusters.found()
    ]
    return found, int(counted[0]) if counted else 0


def alike(
    con: duckdb.DuckDBPyConnection, check: DuplicateCheck, catalog: Catalog
) -> list[list[tuple[str, ...]]]:
    """Identities (entity, key as written) of documents that hang together whatever the check's `where` says.

    A duplicate that was voided is still beside its original. Nothing where the rules depend on the time.
    """
    compiled = compile_duplicate(check.model_copy(update={"where": None}), catalog)
    if compiled.parameters:
        return []
    clusters = _clusters(con, compiled, {}).found()
    return [[member.identity for member in cluster.members] for cluster in clusters]


def _clusters(
    con: duckdb.DuckDBPyConnection, compiled: CompiledDuplicate, values: Mapping[str, object]
) -> Clusters:
    clusters, previous = Clusters(), None
    for row in con.execute(compiled.statement, values).fetchall():
        document = Document.of(compiled.check, row, compiled.shown)
        clusters.add(document, previous if previous and previous.agreed == document.agreed else None)
        previous = document
    return clusters


def _is_critical(
    con: duckdb.DuckDBPyConnection, compiled: CompiledDuplicate, figures: Mapping[str, int]
) -> bool:
    if compiled.critical is None:
        return False
    used = {name: value for name, value in figures.items() if f"${name}" in compiled.critical}
    row = con.execute(compiled.critical, used).fetchone()
    return bool(row and row[0])


class _Compiler:
    def __init__(self, check: DuplicateCheck, catalog: Catalog, accepted: Mapping[Path, Expr]) -> None:
        self.check, self.catalog, self.accepted = check, catalog, accepted
        self.record = catalog.record_types[check.record]
        self.systems = systems_of(catalog, check.record, check.record_kind, None)
        if not self.systems:
            raise CheckError("no feed brings the records of the check", check.code)
        self.written = {key: key + SOURCE if self.record.columns[key].crosswalk else key for key in check.key}

    def compile(self) -> CompiledDuplicate:
        documents = self._documents()
        rules = " UNION ALL ".join(self._rule(index) for index in range(len(self.check.rules)))
        order = ", ".join(
            ['"rule"', '"agreed"', '"chain"', '"placed"', '"entity"', *map(quote, self.written.values())]
        )
        shown = [("entity", "text"), *((key, "text") for key in self.check.key)]
        shown += [(name, self.accepted["columns", name].kind.name) for name in self.check.columns]
        return CompiledDuplicate(
            self.check,
            f"WITH documents AS ({documents}) SELECT {self._selected(shown)} FROM ({rules}) AS d"
            f" ORDER BY {order}",
            f"SELECT COUNT(*) FROM ({documents}) AS d",
            self._critical(),
            frozenset().union(*(e.parameters for e in self.accepted.values())),
            shown,
            frozenset(
                name for name, _ in shown if is_open(of_document(self.check, self.catalog.record_types, name))
            ),
        )

    def _documents(self) -> str:
        """One row per document: entity, key, the key as written, its columns, the lines it touches."""
        columns = {name: self.accepted["columns", name] for name in self.check.columns}
        where = self.accepted.get(("where",))
        used = {"entity", *self.check.key, *self.written.values(), *self.check.lines}
        used |= {name for e in [*columns.values(), *([where] if where else [])] for _, name in e.columns}
        rows = canonical_select(self.catalog, self.record, used, self.systems)
        grouped = list(dict.fromkeys(["entity", *self.check.key, *self.written.values()]))
        selected = [f"r.{quote(name)}" for name in grouped]
        selected += [f"{render(e, bare)} AS {quote(n)}" for n, e in columns.items() if n not in grouped]
        selected.append(f'{self._lines()} AS "lines touched"')
        conditions = [f"r.{quote(key)} IS NOT NULL" for key in self.written.values()]
        conditions += [render(where, bare)] if where else []
        return (
            f"SELECT {', '.join(selected)} FROM ({rows}) AS r WHERE {' AND '.join(conditions)}"
            f" GROUP BY {', '.join(f'r.{quote(name)}' for name in grouped)}"
        )

    def _lines(self) -> str:
        if not self.check.lines:
            return "NULL"
        parts = [f"CAST(r.{quote(name)} AS STRING)" for name in self.check.lines]
        known = " AND ".join(f"{part} <> ''" for part in parts)
        joined = f", {literal('|')}, ".join(parts)
        return f"ARRAY_AGG(DISTINCT CASE WHEN {known} THEN CONCAT({joined}) END)"

    def _rule(self, index: int) -> str:
        """The documents that agree with another one under a rule; `chain` parts those too far apart."""
        rule, path = self.check.rules[index], ("rules", index)
        same = [render(self.accepted[*path, "same", i], _plain) for i in range(len(rule.same))]
        near = self.accepted.get((*path, "near"))
        known = " AND ".join(f"{sql} IS NOT NULL" for sql in same)
        agreed = f", {literal('|')}, ".join(f"CAST({sql} AS STRING)" for sql in same)
        placed = render(self.accepted["order_by",], _plain)
        rows = (
            f'SELECT *, {index} AS "rule", CONCAT({agreed}) AS "agreed", {placed} AS "placed",'
            f' {"NULL" if near is None else f"CAST({render(near, _plain)} AS TIMESTAMP)"} AS "near"'
            f" FROM documents WHERE {known}"
        )
        rows = f'SELECT *, COUNT(*) OVER (PARTITION BY "agreed") AS "alike" FROM ({rows}) AS a'
        chain = "0"
        if near is not None:
            order = ", ".join(['"near"', '"entity"', *map(quote, self.written.values())])
            seconds = int(rule.within.total_seconds())
            window = f'OVER (PARTITION BY "agreed" ORDER BY {order})'
            apart = f'"near" > LAG("near") {window} + INTERVAL {seconds} SECOND'
            rows = f'SELECT *, CASE WHEN {apart} THEN 1 ELSE 0 END AS "apart" FROM ({rows}) AS b'
            rows += ' WHERE "alike" > 1 AND "near" IS NOT NULL'
            chain = f'SUM("apart") {window}'
        rows = f'SELECT *, {chain} AS "chain" FROM ({rows}) AS c WHERE "alike" > 1'
        rows = f'SELECT *, COUNT(*) OVER (PARTITION BY "agreed", "chain") AS "members" FROM ({rows}) AS e'
        return (
            f'SELECT * EXCLUDE ("apart") FROM ({rows}) AS f WHERE "members" > 1'
            if near is not None
            else (f'SELECT * FROM ({rows}) AS f WHERE "members" > 1')
        )

    def _selected(self, shown: Sequence[tuple[str, str]]) -> str:
        order_by = self.accepted["order_by",]
        since = instant_sql('"placed"') if order_by.kind.name == "timestamp" else "NULL"
        selected = [
            '"rule"',
            'CONCAT("agreed", \'|\', CAST("chain" AS STRING))',
            '"entity"',
            '"lines touched"',
            since,
        ]
        for part in ("paid", "amount", "currency", "counterparty"):
            expression = self.accepted.get((part,))
            if expression is None:
                selected.append("NULL")
            else:
                sql = render(expression, _plain)
                selected.append(sql if part == "paid" else text_sql(sql, expression.kind))
        selected += [f"CAST({quote(name)} AS STRING)" for name in self.written.values()]
        kinds = {name: self.accepted["columns", name].kind for name in self.check.columns}
        selected += [
            text_sql(quote(name), kinds[name]) if name in kinds else f"CAST({quote(name)} AS STRING)"
            for name, _ in shown
        ]
        return ", ".join(selected)

    def _critical(self) -> str | None:
        """Over the cluster's own figures, which the statement is given as parameters."""
        expression = self.accepted.get(("critical_when",))
        if expression is None:
            return None
        return f"SELECT {render(expression, lambda _, name: f'CAST(${name} AS BIGINT)')}"


def _plain(_: str | None, name: str) -> str:
    return quote(name)
