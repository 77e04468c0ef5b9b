"""The documents that a check of clusters looks at: the lines of one record type grouped by the check's key.

Every kind of cluster reads them alike; how they belong together is the kind's own affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, literal, quote, render
from exceptions_app.catalog.schema import ClusterCheck
from exceptions_app.catalog.sensitivity import is_open, of_document
from exceptions_app.domain.discrepancy import Discrepancy

from .errors import CheckError
from .parameters import RunParameters
from .sources import SOURCE, bare, canonical_select, systems_of
from .values import instant_sql, text_sql


@dataclass(frozen=True, slots=True)
class CompiledCluster:
    """What every compiled check of clusters knows; a kind adds its own statements, and `find`.

    A document's row: entity; lines touched; since (microseconds); paid; amount; currency; counterparty; the key as
    the source wrote it; each of `shown`, as text.
    """

    check: ClusterCheck
    statement: str
    critical: str | None
    parameters: frozenset[str]
    shown: Sequence[tuple[str, str]]
    told: frozenset[str]
    """Of `shown`, what may be said in the open: the rest is compared and never becomes a fact."""

    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters
    ) -> tuple[list[Discrepancy], int]:
        """The clusters, and how many documents there were to compare."""
        raise NotImplementedError

    def beside(self, con: duckdb.DuckDBPyConnection) -> list[list[tuple[str, ...]]]:
        """Identities (entity, key as written) of documents that hang together whatever the check's `where` says.

        A duplicate that was voided is still beside its original. Nothing where that depends on the time.
        """
        raise NotImplementedError

    def is_critical(self, con: duckdb.DuckDBPyConnection, figures: Mapping[str, int]) -> bool:
        """What `critical_when` says of a cluster's own figures."""
        if self.critical is None:
            return False
        used = {name: value for name, value in figures.items() if f"${name}" in self.critical}
        row = con.execute(self.critical, used).fetchone()
        return bool(row and row[0])


class DocumentWriter:
    """Writes the SQL of a check's documents. Raises `CheckError` where no feed brings them."""

    def __init__(self, check: ClusterCheck, catalog: Catalog, accepted: Mapping[Path, Expr]) -> None:
        self.check, self.catalog, self.accepted = check, catalog, accepted
        self.record = catalog.record_types[check.record]
        self.systems = systems_of(catalog, check.record, check.record_kind, None)
        if not self.systems:
            raise CheckError("no feed brings the records of the check", check.code)
        self.written = {key: key + SOURCE if self.record.columns[key].crosswalk else key for key in check.key}
        self.identity = ['"entity"', *map(quote, self.written.values())]

    @property
    def parameters(self) -> frozenset[str]:
        """The times that the expressions ask for."""
        return frozenset().union(*(e.parameters for e in self.accepted.values()))

    def shown(self) -> list[tuple[str, str]]:
        """What evidence keeps of a document, each with its kind."""
        names = [("entity", "text"), *((key, "text") for key in self.check.key)]
        return names + [(name, self.accepted["columns", name].kind.name) for name in self.check.columns]

    def told(self) -> frozenset[str]:
        """Of what is shown, what may be said in the open."""
        types = self.catalog.record_types
        return frozenset(name for name, _ in self.shown() if is_open(of_document(self.check, types, name)))

    def documents(self) -> str:
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

    def sql(self, *path: str | int) -> str:
        """An accepted expression over a document."""
        return render(self.accepted[path], plain)

    def selected(self, since: str | None) -> str:
        """The columns of a document's row; `since` is SQL for a timestamp."""
        selected = ['"entity"', '"lines touched"', "NULL" if since is None else instant_sql(since)]
        for part in ("paid", "amount", "currency", "counterparty"):
            expression = self.accepted.get((part,))
            if expression is None:
                selected.append("NULL")
            else:
                sql = render(expression, plain)
                selected.append(sql if part == "paid" else text_sql(sql, expression.kind))
        selected += [f"CAST({quote(name)} AS STRING)" for name in self.written.values()]
        kinds = {name: self.accepted["columns", name].kind for name in self.check.columns}
        selected += [
            text_sql(quote(name), kinds[name]) if name in kinds else f"CAST({quote(name)} AS STRING)"
            for name, _ in self.shown()
        ]
        return ", ".join(selected)

    def critical(self) -> str | None:
        """Over the cluster's own figures, which the statement is given as parameters."""
        expression = self.accepted.get(("critical_when",))
        if expression is None:
            return None
        return f"SELECT {render(expression, lambda _, name: f'CAST(${name} AS BIGINT)')}"


def plain(_: str | None, name: str) -> str:
    """Names of a document's columns in SQL."""
    return quote(name)
