"""A duplicate check: documents that occur more than once, anywhere in the network, as clusters.

One statement groups lines into documents and puts those that agree under a rule side by side; what hangs
together through any rule is one cluster, and its oldest member is its identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, literal
from exceptions_app.catalog.schema import DuplicateCheck
from exceptions_app.domain.discrepancy import Discrepancy

from .cluster_documents import CompiledCluster, DocumentWriter
from .clusters import Cluster, Clusters, Document, Identity, Said, paid_words
from .parameters import RunParameters, bind

Rules = Mapping[Identity, int]
"""The first rule under which a document was found beside another one."""


@dataclass(frozen=True, slots=True)
class CompiledDuplicate(CompiledCluster):
    """A row of the statement: rule; what the documents agree on, as one text; the document's row.

    `anywhere` is the statement without the check's `where`.
    """

    check: DuplicateCheck
    count: str
    anywhere: str

    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters
    ) -> tuple[list[Discrepancy], int]:
        values = bind(self.parameters, self.check, parameters, {})
        clusters, rules = self.clusters(con, self.statement, values)
        used = {name: value for name, value in values.items() if f"${name}" in self.count}
        counted = con.execute(self.count, used).fetchone()
        found = []
        for cluster in clusters:
            title = self.check.rules[min(rules[member.identity] for member in cluster.members)].title
            figures = cluster.figures()
            said = Said(
                cluster.members[1].since or parameters.now,
                self.is_critical(con, figures),
                {"keys": title, "paid": paid_words(**figures)},
            )
            found.append(cluster.discrepancy(self.check, self.check.category, self.told, said))
        return found, int(counted[0]) if counted else 0

    def beside(self, con: duckdb.DuckDBPyConnection) -> list[list[Identity]]:
        if self.parameters:
            return []
        clusters, _ = self.clusters(con, self.anywhere, {})
        return [[member.identity for member in cluster.members] for cluster in clusters]

    def clusters(
        self, con: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]
    ) -> tuple[list[Cluster], Rules]:
        """Rows come in order: rule, agreement, oldest first."""
        clusters, rules = Clusters(), dict[Identity, int]()
        previous: tuple[tuple[int, str], Identity] | None = None
        for rule, agreed, *row in con.execute(statement, values).fetchall():
            document = Document.of(self.check, row, self.shown)
            clusters.add(document)
            rules.setdefault(document.identity, rule)
            if previous is not None and previous[0] == (rule, agreed):
                clusters.join(document.identity, previous[1])
            previous = (rule, agreed), document.identity
        return clusters.found(), rules


def compile_duplicate(
    check: DuplicateCheck, catalog: Catalog, accepted: Mapping[Path, Expr]
) -> CompiledDuplicate:
    """Raises `CheckError` where no feed brings the documents."""
    everywhere = {path: expr for path, expr in accepted.items() if path != ("where",)}
    writer, unfiltered = _Writer(check, catalog, accepted), _Writer(check, catalog, everywhere)
    return CompiledDuplicate(
        check=check,
        statement=writer.statement(),
        critical=writer.critical(),
        parameters=writer.parameters,
        shown=writer.shown(),
        told=writer.told(),
        count=f"SELECT COUNT(*) FROM ({writer.documents()}) AS d",
        anywhere=unfiltered.statement(),
    )


class _Writer(DocumentWriter):
    check: DuplicateCheck

    def statement(self) -> str:
        """The documents that agree with another one, rule by rule."""
        rules = " UNION ALL ".join(self._rule(index) for index in range(len(self.check.rules)))
        order = ", ".join(['"rule"', '"agreed"', '"chain"', '"placed"', *self.identity])
        since = '"placed"' if self.accepted["order_by",].kind.name == "timestamp" else None
        agreed = 'CONCAT("agreed", \'|\', CAST("chain" AS STRING))'
        return (
            f'WITH documents AS ({self.documents()}) SELECT "rule", {agreed}, {self.selected(since)}'
            f" FROM ({rules}) AS d ORDER BY {order}"
        )

    def _rule(self, index: int) -> str:
        """The documents that agree with another one under a rule; `chain` parts those too far apart."""
        rule, path = self.check.rules[index], ("rules", index)
        same = [self.sql(*path, "same", i) for i in range(len(rule.same))]
        near = self.sql(*path, "near") if (*path, "near") in self.accepted else None
        known = " AND ".join(f"{sql} IS NOT NULL" for sql in same)
        agreed = f", {literal('|')}, ".join(f"CAST({sql} AS STRING)" for sql in same)
        rows = (
            f'SELECT *, {index} AS "rule", CONCAT({agreed}) AS "agreed", {self.sql("order_by")} AS "placed",'
            f' {"NULL" if near is None else f"CAST({near} AS TIMESTAMP)"} AS "near"'
            f" FROM documents WHERE {known}"
        )
        rows = f'SELECT *, COUNT(*) OVER (PARTITION BY "agreed") AS "alike" FROM ({rows}) AS a'
        chain = "0"
        if near is not None:
            order = ", ".join(['"near"', *self.identity])
            seconds = int(rule.within.total_seconds())
            window = f'OVER (PARTITION BY "agreed" ORDER BY {order})'
            apart = f'"near" > LAG("near") {window} + INTERVAL {seconds} SECOND'
            rows = f'SELECT *, CASE WHEN {apart} THEN 1 ELSE 0 END AS "apart" FROM ({rows}) AS b'
            rows += ' WHERE "alike" > 1 AND "near" IS NOT NULL'
            chain = f'SUM("apart") {window}'
        rows = f'SELECT *, {chain} AS "chain" FROM ({rows}) AS c WHERE "alike" > 1'
        rows = f'SELECT *, COUNT(*) OVER (PARTITION BY "agreed", "chain") AS "members" FROM ({rows}) AS e'
        left = ' EXCLUDE ("apart")' if near is not None else ""
        return f'SELECT *{left} FROM ({rows}) AS f WHERE "members" > 1'
