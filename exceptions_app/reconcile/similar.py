"""A check for documents that are alike without agreeing: DuckDB brings pairs together, their parts are scored, and
what hangs together is one cluster, known by its oldest member.

Which parts were alike, and by how much, is said on the exception; what a part says may be sensitive, its score is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr
from exceptions_app.catalog.schema import SimilarCheck
from exceptions_app.domain.discrepancy import Discrepancy

from .cluster_documents import COMPARED, CompiledCluster, CompiledTwice, numbered_table
from .clusters import Cluster, Clusters, Document, Identities, Identity, Said, paid_words
from .likeness import SCORERS, Names, Scorer
from .parameters import RunParameters, bind
from .similar_sql import SimilarWriter
from .values import JSON, json_object

Pair = tuple[int, int]
Scores = Mapping[str, float]
_STEP = 10_000


class Column(Protocol):
    """What documents say, by their numbers."""

    def __getitem__(self, place: int, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Scored:
    """Two documents that are alike: the weighted mean, and each part of which both say something."""

    pair: Pair
    score: float
    parts: Scores


@dataclass(frozen=True, slots=True)
class CompiledSimilar(CompiledTwice):
    """`statement` numbers the documents and says their parts and blocks; `pairs` are the numbers of those to compare;
    `rows` the documents at `$places`. `anywhere` is the statement without `where`.
    """

    check: SimilarCheck
    pairs: str
    rows: str
    anywhere: str
    left_to: CompiledCluster | None

    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters, only: Identities | None = None
    ) -> tuple[list[Discrepancy], int]:
        values = bind(self.parameters, self.check, parameters, {})
        scored, compared = self.scored(con, self.statement, values)
        return self.told_of(con, scored, parameters, only), compared

    def told_of(
        self,
        con: duckdb.DuckDBPyConnection,
        scored: Sequence[Scored],
        parameters: RunParameters,
        only: Identities | None,
    ) -> list[Discrepancy]:
        """The discrepancies of pairs of the numbered documents."""
        documents = self._documents(con, {place for one in scored for place in one.pair})
        clusters, found = self._clusters(con, scored, documents), []
        for cluster, alike in clusters:
            if only is not None and not cluster.has(only):
                continue
            figures = cluster.figures()
            said = Said(
                cluster.members[1].since or parameters.now,
                self.is_critical(con, figures),
                {
                    "keys": self._keys(alike),
                    "score": f"{alike[0].score * 100:.0f} %",
                    "paid": paid_words(**figures),
                },
                self._verdicts(cluster, alike, documents),
            )
            found.append(cluster.discrepancy(self.check, self.check.category, self.told, said))
        return found

    def beside(self, con: duckdb.DuckDBPyConnection) -> list[list[Identity]]:
        if self.parameters:
            return []
        scored, _ = self.scored(con, self.anywhere, {})
        documents = self._documents(con, {place for one in scored for place in one.pair})
        return [[documents[place].identity for place in one.pair] for one in scored]

    def scored(
        self, con: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]
    ) -> tuple[list[Scored], int]:
        """The pairs that are alike, and how many documents there are."""
        con.execute(statement, values)
        selected = ", ".join(f'"part {name}"' for name in self.check.parts)
        rows = con.execute(f'SELECT {selected} FROM {COMPARED} ORDER BY "place"').fetchall()
        columns = dict(zip(self.check.parts, zip(*rows, strict=True), strict=True)) if rows else {}
        scorer = PairScorer(self.check, columns, names_of(self.check, columns))
        return [one for pair in _pairs(con, self.pairs) if (one := scorer(pair)) is not None], len(rows)

    def _documents(self, con: duckdb.DuckDBPyConnection, places: Iterable[int]) -> dict[int, Document]:
        wanted = sorted(places)
        if not wanted:
            return {}
        rows = con.execute(self.rows, {"places": wanted}).fetchall()
        return {place: Document.of(self.check, row, self.shown) for place, *row in rows}

    def _clusters(
        self, con: duckdb.DuckDBPyConnection, scored: Sequence[Scored], documents: Mapping[int, Document]
    ) -> Iterator[tuple[Cluster, list[Scored]]]:
        """Each cluster with its pairs, the most alike first; less what an exact check puts together."""
        equal = {}
        for index, members in enumerate(self.left_to.beside(con) if self.left_to is not None else ()):
            equal.update(dict.fromkeys(members, index))
        clusters, kept = Clusters(), []
        for one in scored:
            a, b = (documents[place] for place in one.pair)
            if a.identity in equal and equal[a.identity] == equal.get(b.identity):
                continue
            if self.check.one_per_key and a.identity[1:] == b.identity[1:]:
                continue
            clusters.add(a)
            clusters.add(b)
            clusters.join(a.identity, b.identity)
            kept.append((a.identity, one))
        for cluster in clusters.found():
            inside = {member.identity for member in cluster.members}
            alike = [one for identity, one in kept if identity in inside]
            yield cluster, sorted(alike, key=lambda one: (-one.score, one.pair))

    def _keys(self, alike: Sequence[Scored]) -> str:
        """The parts of the most alike pair, the most alike first: `name (96 %), street (91 %)`."""
        parts = sorted(alike[0].parts.items(), key=lambda item: (-item[1], item[0]))
        told = [f"{self.check.parts[name].title} ({score * 100:.0f} %)" for name, score in parts if score > 0]
        return ", ".join(told)

    def _verdicts(self, cluster: Cluster, alike: Sequence[Scored], documents: Mapping[int, Document]) -> str:
        """One sentence per pair, for the side by side."""
        names = dict(zip((one.identity for one in cluster.members), cluster.names(self.check), strict=True))
        told = []
        for one in alike:
            a, b = sorted(names[documents[place].identity] for place in one.pair)
            parts = ", ".join(
                f"{self.check.parts[name].title} {score * 100:.0f} % (weight {self.check.parts[name].weight})"
                for name, score in one.parts.items()
            )
            least = self.check.threshold * 100
            said = (
                f"{a} and {b} are {one.score * 100:.0f} % alike, at least {least:.0f} % is looked at: {parts}"
            )
            told.append(json_object({"sentence": JSON["text"](said)}))
        return f"[{','.join(told)}]"


class PairScorer:
    """Scores pairs of documents by their parts. `columns`: per part what each document says, by its number; `names`:
    what compares each part that is a name.
    """

    def __init__(
        self,
        check: SimilarCheck,
        columns: Mapping[str, Column],
        names: Mapping[str, Names],
    ) -> None:
        self.check = check
        self.enough = float(sum((p.weight for p in check.parts.values()), Decimal(0)) * check.known)
        self.threshold = float(check.threshold)
        # The cheap ones first: what one of them rules out needs no comparison of names.
        order = sorted(check.parts.items(), key=lambda item: item[1].by == "name")
        self.parts: list[tuple[str, Column, Scorer, float, float]] = [
            (name, columns[name], names.get(name) or SCORERS[part.by], float(part.weight), float(part.least))
            for name, part in (order if columns else ())
        ]

    def __call__(self, pair: Pair) -> Scored | None:
        a, b = pair
        scores: dict[str, float] = {}
        total = known = 0.0
        for name, column, score, weight, least in self.parts:
            one, other = column[a], column[b]
            if one is None or other is None:
                continue
            alike = score(one, other)
            if alike < least:
                return None
            scores[name] = alike
            total, known = total + weight * alike, known + weight
        if known < self.enough or total < self.threshold * known:
            return None
        return Scored(
            pair, total / known, {name: scores[name] for name in self.check.parts if name in scores}
        )


def names_of(check: SimilarCheck, columns: Mapping[str, Sequence[str | None]]) -> dict[str, Names]:
    """What compares the parts that are names, as all documents of the columns teach it."""
    return {
        name: Names.of(columns[name], part.noise)
        for name, part in check.parts.items()
        if part.by == "name" and name in columns
    }


def _pairs(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[Pair]:
    """Read step by step: there may be many more than fit."""
    cursor = con.execute(sql)
    while rows := cursor.fetchmany(_STEP):
        yield from rows


def _told_apart(check: SimilarCheck, left_to: CompiledCluster) -> bool:
    """Whether what an exact check puts together is known of the same documents, without looking at all of them."""
    other = left_to.check
    same = (other.record, other.key) == (check.record, check.key)
    return same and isinstance(left_to, CompiledTwice) and left_to.near is not None


def compile_similar(
    check: SimilarCheck, catalog: Catalog, accepted: Mapping[Path, Expr], left_to: CompiledCluster | None
) -> CompiledSimilar:
    """Raises `CheckError` where no feed brings the documents."""
    everywhere = {path: expr for path, expr in accepted.items() if path != ("where",)}
    writer = SimilarWriter(check, catalog, accepted)
    told_apart = not writer.parameters and (left_to is None or _told_apart(check, left_to))
    return CompiledSimilar(
        check=check,
        statement=numbered_table(writer.numbered()),
        critical=writer.critical(),
        parameters=writer.parameters,
        shown=writer.shown(),
        told=writer.told(),
        pairs=writer.pairs(),
        rows=writer.rows(),
        anywhere=numbered_table(SimilarWriter(check, catalog, everywhere).numbered()),
        left_to=left_to,
        near=writer.near(writer.numbered(), writer.keys(), check.parts) if told_apart else None,
    )
