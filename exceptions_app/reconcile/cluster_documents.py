"""The documents that a check of clusters looks at: the lines of one record type grouped by the check's key.

Every kind of cluster reads them alike; how they belong together is the kind's own affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, literal, quote, render
from exceptions_app.catalog.schema import ClusterCheck
from exceptions_app.catalog.sensitivity import is_open, of_document
from exceptions_app.domain.discrepancy import Discrepancy

from .clusters import Identities
from .errors import CheckError
from .parameters import RunParameters
from .sources import SOURCE, bare, canonical_select, systems_of
from .values import instant_sql, text_sql

COMPARED = '"compared documents"'
"""The table of a session in which documents are numbered."""


def numbered_table(documents: str) -> str:
    """SQL that makes the table of numbered documents."""
    return f"CREATE OR REPLACE TEMP TABLE {COMPARED} AS {documents}"


@dataclass(frozen=True, slots=True)
class NearSql:
    """How documents are found that may belong to a given one, without comparing all of them.

    `documents` numbers them from 0 as `place`, each with `part <name>` of `parts` as text; `identity` are its columns
    of the entity and of the key as written, which `row` names of a record. `keys` gives of the numbered table what each
    place shares with others, as text: documents that share nothing do not belong together.
    """

    documents: str
    identity: tuple[str, ...]
    row: tuple[str, ...]
    keys: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledCluster(ABC):
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

    @abstractmethod
    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters
    ) -> tuple[list[Discrepancy], int]:
        """The clusters, and how many documents there were to compare."""

    @abstractmethod
    def beside(self, con: duckdb.DuckDBPyConnection) -> list[list[tuple[str, ...]]]:
        """Identities (entity, key as written) of documents that hang together whatever the check's `where` says.

        A duplicate that was voided is still beside its original. Nothing where that depends on the time.
        """

    def is_critical(self, con: duckdb.DuckDBPyConnection, figures: Mapping[str, int]) -> bool:
        """What `critical_when` says of a cluster's own figures."""
        if self.critical is None:
            return False
        used = {name: value for name, value in figures.items() if f"${name}" in self.critical}
        row = con.execute(self.critical, used).fetchone()
        return bool(row and row[0])


@dataclass(frozen=True, slots=True)
class CompiledTwice(CompiledCluster):
    """A check for documents that are there twice."""

    near: NearSql | None = field(default=None, kw_only=True)
    """None: what belongs together is found out only by looking at all documents."""

    @abstractmethod
    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters, only: Identities | None = None
    ) -> tuple[list[Discrepancy], int]:
        """The clusters, and how many documents there were to compare. `only`: clusters that have one of these."""


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

    def documents(self, where: Path = ("where",), also: Mapping[str, Expr] = MappingProxyType({})) -> str:
        """One row per document: entity, key, the key as written, its columns, the lines it touches. `also` names what
        else parts its rows, by expressions over them.
        """
        columns = {name: self.accepted["columns", name] for name in self.check.columns}
        condition = self.accepted.get(where)
        used = {"entity", *self.check.key, *self.written.values(), *self.check.lines}
        read = [*columns.values(), *also.values(), *([condition] if condition else [])]
        used |= {name for expression in read for _, name in expression.columns}
        rows = canonical_select(self.catalog, self.record, used, self.systems)
        grouped = list(dict.fromkeys(["entity", *self.check.key, *self.written.values()]))
        parted = [render(expression, bare) for expression in also.values()]
        selected = [f"r.{quote(name)}" for name in grouped]
        selected += [f"{sql} AS {quote(name)}" for name, sql in zip(also, parted, strict=True)]
        selected += [f"{render(e, bare)} AS {quote(n)}" for n, e in columns.items() if n not in grouped]
        selected.append(f'{self._lines()} AS "lines touched"')
        conditions = [f"r.{quote(key)} IS NOT NULL" for key in self.written.values()]
        conditions += [render(condition, bare)] if condition else []
        return (
            f"SELECT {', '.join(selected)} FROM ({rows}) AS r WHERE {' AND '.join(conditions)}"
            f" GROUP BY {', '.join([*(f'r.{quote(name)}' for name in grouped), *parted])}"
        )

    def near(self, documents: str, keys: str, parts: Iterable[str] = ()) -> NearSql:
        """Of statements over the documents whatever the check's times."""
        row = ("entity", *self.check.key)
        return NearSql(documents, tuple(self.identity), tuple(map(quote, row)), keys, tuple(parts))

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
