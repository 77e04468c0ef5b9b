"""The SQL of a check for documents that are alike: their parts, what may bring two together, the pairs of these."""

from __future__ import annotations

from exceptions_app.catalog.expressions import literal
from exceptions_app.catalog.schema import SimilarCheck

from .cluster_documents import COMPARED, DocumentWriter
from .values import text_sql


class SimilarWriter(DocumentWriter):
    """The statements of one check."""

    check: SimilarCheck

    def numbered(self) -> str:
        """The documents, numbered from 0, with their parts as text and their blocks."""
        selected = ["*", f'ROW_NUMBER() OVER (ORDER BY {", ".join(self.identity)}) - 1 AS "place"']
        for name in self.check.parts:
            path = ("parts", name, "of")
            sql = text_sql(self.sql(*path), self.accepted[path].kind)
            selected.append(f"NULLIF({sql}, '') AS \"part {name}\"")
        for index in range(len(self.check.blocks)):
            selected.append(f'CAST({self.sql("blocks", index)} AS STRING) AS "block {index}"')
        return f"SELECT {', '.join(selected)} FROM ({self.documents()}) AS d"

    def keys(self) -> str:
        """What each document shares with others: words, how they begin and end, blocks."""
        keys = [self._words(name) for name, part in self.check.parts.items() if part.by == "name"]
        for index in range(len(self.check.blocks)):
            key = f'CONCAT({literal(f"{index}:")}, "block {index}")'
            keys.append(f'SELECT "place", {key} AS "shared" FROM {COMPARED} WHERE "block {index}" <> \'\'')
        return f'SELECT DISTINCT * FROM ({" UNION ALL ".join(keys)}) AS k WHERE "shared" IS NOT NULL'

    def pairs(self) -> str:
        """The numbers of documents that share something rare."""
        most = self.check.most
        return (
            f"WITH keys AS ({self.keys()}),"
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
        split = f'SELECT "place", {words} AS "w" FROM {COMPARED} WHERE "part {name}" IS NOT NULL'
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
        return f'SELECT "place", {self.selected(since)} FROM {COMPARED} WHERE "place" IN (SELECT UNNEST($places))'
