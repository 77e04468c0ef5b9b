"""A duplicate check: documents that occur more than once, anywhere in the network, as clusters.

One statement groups lines into documents and puts those that agree under a rule side by side; what hangs
together through any rule is one cluster, and its oldest member is its identity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, literal, quote
from exceptions_app.catalog.schema import DuplicateCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy

from . import taken_back
from .cluster_documents import COMPARED, CompiledTwice, DocumentWriter
from .clusters import Cluster, Clusters, Document, Identities, Identity, Said, paid_words
from .parameters import RunParameters, bind

Rules = Mapping[Identity, int]
"""The first rule under which a document was found beside another one."""


@dataclass(frozen=True, slots=True)
class CompiledDuplicate(CompiledTwice):
    """A row of the statement: rule; what the documents agree on, as one text; the document's row.

    `anywhere` is the statement without the check's `where` and whatever was taken back; `takers` gives the identity of
    a document and of one that may take it back.
    """

    check: DuplicateCheck
    count: str
    anywhere: str
    takers: str | None

    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters, only: Identities | None = None
    ) -> tuple[list[Discrepancy], int]:
        values = bind(self.parameters, self.check, parameters, {})
        clusters, rules = self.clusters(con, self.statement, values)
        used = {name: value for name, value in values.items() if f"${name}" in self.count}
        counted = con.execute(self.count, used).fetchone()
        found = []
        for cluster in clusters:
            if only is not None and not cluster.has(only):
                continue
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
        takers = self._takers(con)
        found = ([member.identity for member in cluster.members] for cluster in clusters)
        return [[*members, *(taker for one in members for taker in takers.get(one, ()))] for members in found]

    def _takers(self, con: duckdb.DuckDBPyConnection) -> Mapping[Identity, Sequence[Identity]]:
        """What may take each document back."""
        found = defaultdict[Identity, list[Identity]](list)
        width = 1 + len(self.check.key)
        for row in con.execute(self.takers).fetchall() if self.takers else ():
            one, taker = (
                tuple(NETWORK_SCOPE if v is None else v for v in part) for part in (row[:width], row[width:])
            )
            found[one].append(taker)
        return found

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
    bare_check = check.model_copy(update={"taken_back": None})
    writer, unfiltered = _Writer(check, catalog, accepted), _Writer(bare_check, catalog, everywhere)
    apart = not writer.parameters and check.taken_back is None
    return CompiledDuplicate(
        check=check,
        statement=writer.statement(),
        critical=writer.critical(),
        parameters=writer.parameters,
        shown=writer.shown(),
        told=writer.told(),
        count=f"SELECT COUNT(*) FROM ({writer.documents()}) AS d",
        anywhere=unfiltered.statement(),
        takers=taken_back.beside(_Writer(check, catalog, everywhere), check),
        near=unfiltered.near(unfiltered.numbered(), unfiltered.keys()) if apart else None,
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
            f'WITH {taken_back.standing(self, self.check)} SELECT "rule", {agreed}, {self.selected(since)}'
            f" FROM ({rules}) AS d ORDER BY {order}"
        )

    def numbered(self) -> str:
        """The documents, numbered from 0."""
        order = ", ".join(self.identity)
        return f'SELECT *, ROW_NUMBER() OVER (ORDER BY {order}) - 1 AS "place" FROM ({self.documents()}) AS d'

    def keys(self) -> str:
        """What the numbered documents say under each rule, however far apart."""
        told = [(index, *self._agreed(index)) for index in range(len(self.check.rules))]
        return " UNION ALL ".join(
            f'SELECT "place", CONCAT({literal(f"{index}:")}, {agreed}) AS "shared" FROM {COMPARED} WHERE {known}'
            for index, agreed, known in told
        )

    def _agreed(self, index: int) -> tuple[str, str]:
        """What a rule asks for as one text, and whether a document says all of it."""
        rule = self.check.rules[index]
        same = [self.sql("rules", index, "same", i) for i in range(len(rule.same))]
        agreed = f", {literal('|')}, ".join(f"CAST({sql} AS STRING)" for sql in same)
        return f"CONCAT({agreed})", " AND ".join(f"{sql} IS NOT NULL" for sql in same)

    def _members(self, *parts: str) -> str:
        """How many agree: 1 where all are one document."""
        window = f"OVER (PARTITION BY {', '.join(map(quote, parts))})"
        if not self.check.one_per_key:
            return f"COUNT(*) {window}"
        texts = [f"CAST({quote(name)} AS STRING), {literal('|')}" for name in self.written.values()]
        key = f"CONCAT({', '.join(texts)})"
        return f"CASE WHEN MIN({key}) {window} <> MAX({key}) {window} THEN COUNT(*) {window} ELSE 1 END"

    def _rule(self, index: int) -> str:
        """The documents that agree with another one under a rule; `chain` parts those too far apart."""
        rule, path = self.check.rules[index], ("rules", index)
        near = self.sql(*path, "near") if (*path, "near") in self.accepted else None
        agreed, known = self._agreed(index)
        rows = (
            f'SELECT *, {index} AS "rule", {agreed} AS "agreed", {self.sql("order_by")} AS "placed",'
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
        rows = f'SELECT *, {self._members("agreed", "chain")} AS "members" FROM ({rows}) AS e'
        left = ' EXCLUDE ("apart")' if near is not None else ""
        return f'SELECT *{left} FROM ({rows}) AS f WHERE "members" > 1'
