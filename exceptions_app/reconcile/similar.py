"""A check for documents that are alike without agreeing: DuckDB brings pairs together, their parts are scored, and
what hangs together is one cluster, known by its oldest member.

Which parts were alike, and by how much, is said on the exception; what a part says may be sensitive, its score is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, literal
from exceptions_app.catalog.schema import Part, SimilarCheck
from exceptions_app.domain.discrepancy import Discrepancy

from .cluster_documents import CompiledCluster, DocumentWriter
from .clusters import Cluster, Clusters, Document, Identity, Said, paid_words
from .likeness import SCORERS, Names, Scorer
from .parameters import RunParameters, bind
from .values import JSON, json_object, text_sql

Pair = tuple[int, int]
Scores = Mapping[str, float]
_TABLE = '"similar documents"'
_STEP = 10_000


@dataclass(frozen=True, slots=True)
class Scored:
    """Two documents that are alike: the weighted mean, and each part of which both say something."""

    pair: Pair
    score: float
    parts: Scores


@dataclass(frozen=True, slots=True)
class CompiledSimilar(CompiledCluster):
    """`statement` numbers the documents and says their parts and blocks; `pairs` are the numbers of those to compare;
    `rows` the documents at `$places`. `anywhere` is the statement without `where`.
    """

    check: SimilarCheck
    pairs: str
    rows: str
    anywhere: str
    left_to: CompiledCluster | None

    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters
    ) -> tuple[list[Discrepancy], int]:
        values = bind(self.parameters, self.check, parameters, {})
        scored, compared = self.scored(con, self.statement, values)
        documents = self._documents(con, {place for one in scored for place in one.pair})
        clusters, found = self._clusters(con, scored, documents), []
        for cluster, alike in clusters:
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
        return found, compared

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
        rows = con.execute(f'SELECT {selected} FROM {_TABLE} ORDER BY "place"').fetchall()
        columns = dict(zip(self.check.parts, zip(*rows, strict=True), strict=True)) if rows else {}
        scorer = _PairScorer(self.check, columns)
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


class _PairScorer:
    """Scores pairs of documents by their parts. `columns`: per part what each document says, by its number."""

    def __init__(self, check: SimilarCheck, columns: Mapping[str, Sequence[str | None]]) -> None:
        self.check = check
        self.enough = float(sum((p.weight for p in check.parts.values()), Decimal(0)) * check.known)
        self.threshold = float(check.threshold)
        # The cheap ones first: what one of them rules out needs no comparison of names.
        order = sorted(check.parts.items(), key=lambda item: item[1].by == "name")
        self.parts = [
            (name, columns[name], _scorer(part, columns[name]), float(part.weight), float(part.least))
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


def _scorer(part: Part, column: Sequence[str | None]) -> Scorer:
    return Names(column, part.noise) if part.by == "name" else SCORERS[part.by]


def _pairs(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[Pair]:
    """Read step by step: there may be many more than fit."""
    cursor = con.execute(sql)
    while rows := cursor.fetchmany(_STEP):
        yield from rows


def compile_similar(
    check: SimilarCheck, catalog: Catalog, accepted: Mapping[Path, Expr], left_to: CompiledCluster | None
) -> CompiledSimilar:
    """Raises `CheckError` where no feed brings the documents."""
    everywhere = {path: expr for path, expr in accepted.items() if path != ("where",)}
    writer = _Writer(check, catalog, accepted)
    return CompiledSimilar(
        check=check,
        statement=writer.statement(),
        critical=writer.critical(),
        parameters=writer.parameters,
        shown=writer.shown(),
        told=writer.told(),
        pairs=writer.pairs(),
        rows=writer.rows(),
        anywhere=_Writer(check, catalog, everywhere).statement(),
        left_to=left_to,
    )


class _Writer(DocumentWriter):
    check: SimilarCheck

    def statement(self) -> str:
        """The documents as a table of the session, numbered from 0, with their parts as text and their blocks."""
        selected = ["*", f'ROW_NUMBER() OVER (ORDER BY {", ".join(self.identity)}) - 1 AS "place"']
        for name in self.check.parts:
            path = ("parts", name, "of")
            sql = text_sql(self.sql(*path), self.accepted[path].kind)
            selected.append(f"NULLIF({sql}, '') AS \"part {name}\"")
        for index in range(len(self.check.blocks)):
            selected.append(f'CAST({self.sql("blocks", index)} AS STRING) AS "block {index}"')
        return f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS SELECT {', '.join(selected)} FROM ({self.documents()}) AS d"

    def pairs(self) -> str:
        """The numbers of documents that share something rare."""
        keys = [self._words(name) for name, part in self.check.parts.items() if part.by == "name"]
        for index in range(len(self.check.blocks)):
            key = f'CONCAT({literal(f"{index}:")}, "block {index}")'
            keys.append(f'SELECT "place", {key} AS "shared" FROM {_TABLE} WHERE "block {index}" <> \'\'')
        most = self.check.most
        return (
            f"WITH keys AS (SELECT DISTINCT * FROM ({' UNION ALL '.join(keys)}) AS k),"
            f' rare AS (SELECT "shared", LIST("place") AS "places" FROM keys GROUP BY "shared"'
            f" HAVING COUNT(*) BETWEEN 2 AND {most}),"
            f' firsts AS (SELECT UNNEST("places") AS "a", "places" FROM rare),'
            f' pairs AS (SELECT "a", UNNEST("places") AS "b" FROM firsts)'
            ' SELECT DISTINCT "a", "b" FROM pairs WHERE "a" < "b"'
        )

    def _words(self, name: str) -> str:
        """Words, and two in a row run together: `Blue Sky` meets `Bluesky`. Of a longer word also how it begins and
        how it ends, for what was mistyped.
        """
        noise = ", ".join(map(literal, self.check.parts[name].noise)) or "''"
        text = f'STRIP_ACCENTS(LOWER("part {name}"))'
        words = f"LIST_FILTER(REGEXP_EXTRACT_ALL({text}, '[a-z0-9]+'), lambda w: w NOT IN ({noise}))"
        split = f'SELECT "place", {words} AS "w" FROM {_TABLE} WHERE "part {name}" IS NOT NULL'
        numbered = f'SELECT "place", "w", UNNEST(RANGE(1, LEN("w") + 1)) AS "i" FROM ({split}) AS s'
        told = literal(f"{name}=")
        return (
            f'SELECT "place", UNNEST([CONCAT({told}, "w"["i"]), CONCAT({told}, "w"["i"], "w"["i" + 1]),'
            f' CASE WHEN LEN("w"["i"]) > 5 THEN CONCAT({told}, LEFT("w"["i"], 4), \'*\') END,'
            f' CASE WHEN LEN("w"["i"]) > 5 THEN CONCAT({told}, \'*\', RIGHT("w"["i"], 4)) END]) AS "shared"'
            f' FROM ({numbered}) AS n WHERE "w"["i"] IS NOT NULL'
        )

    def rows(self) -> str:
        """The documents at some places of the table."""
        since = self.sql("order_by") if self.accepted["order_by",].kind.name == "timestamp" else None
        return (
            f'SELECT "place", {self.selected(since)} FROM {_TABLE} WHERE "place" IN (SELECT UNNEST($places))'
        )
