"""Which documents hang together with a given one, found by what they share instead of comparing all of them.

An index says of every document of a check what it shares with others; asked about one, it goes from neighbour to
neighbour. What comes out is what the check over all documents says of the clusters that have this one in them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from exceptions_app.catalog.expressions import literal, quote
from exceptions_app.catalog.schema import SimilarCheck

from .cluster_documents import COMPARED, CompiledTwice, NearSql, numbered_table
from .likeness import Names, Words

Row = tuple[str | None, ...]
"""Entity, and key as the source wrote it, each as text."""
_FEW = 8
"""So many rows are asked for one by one, which needs no join."""


@dataclass(frozen=True, slots=True)
class NearDocument:
    """A document: which one, its parts, what it shares with others."""

    row: Row
    parts: tuple[str | None, ...]
    shared: frozenset[str]


class NearIndex:
    """All documents of a check, in tables of the engine that the connection belongs to; it outlives the connection.

    The views of `con` show the records of the network. `name` tells its tables from those of other indexes.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, compiled: CompiledTwice, near: NearSql, name: str
    ) -> None:
        self.near = near
        self.parts = [quote(f"part {part}") for part in self.near.parts]
        self.keys = [quote(f"k{place}") for place in range(len(self.near.identity))]
        self._documents, self._shared = quote(f"{name} documents"), quote(f"{name} shared")
        con.execute(numbered_table(self.near.documents))
        con.execute(f"CREATE OR REPLACE TABLE {self._documents} AS SELECT {self._told()} FROM {COMPARED}")
        con.execute(
            f'CREATE OR REPLACE TABLE {self._shared} AS SELECT "place", "shared" FROM ({self.near.keys}) AS k'
            ' ORDER BY "shared"'
        )
        con.execute(f"DROP TABLE {COMPARED}")
        self.words = self._words(con, compiled)

    def _told(self) -> str:
        keys = (
            f"CAST({column} AS STRING) AS {key}"
            for column, key in zip(self.near.identity, self.keys, strict=True)
        )
        return ", ".join(['"place"', *keys, *self.parts])

    def _words(self, con: duckdb.DuckDBPyConnection, compiled: CompiledTwice) -> dict[str, Words]:
        """Per part that is a name, what its words weigh."""
        found = {}
        check = compiled.check
        for name, part in check.parts.items() if isinstance(check, SimilarCheck) else ():
            if part.by == "name":
                rows = con.execute(f"SELECT {quote(f'part {name}')} FROM {self._documents}").fetchall()
                found[name] = Names.of((said for (said,) in rows), part.noise).words
        return found

    def shown(self, con: duckdb.DuckDBPyConnection) -> list[NearDocument]:
        """The documents that the views of `con` show; few."""
        con.execute(numbered_table(self.near.documents))
        rows = con.execute(f"SELECT {self._told()} FROM {COMPARED}").fetchall()
        return list(self._read(con, rows, f"({self.near.keys})").values())

    def of_rows(self, con: duckdb.DuckDBPyConnection, rows: Collection[Row]) -> dict[int, NearDocument]:
        """Those of the index, by their places."""
        asked = f"SELECT * FROM {self._documents} WHERE {among_sql(self.keys, rows)}"
        return self._at(con, con.execute(asked).fetchall())

    def at(self, con: duckdb.DuckDBPyConnection, places: Collection[int]) -> dict[int, NearDocument]:
        """Those of the index at these places."""
        asked = f'SELECT * FROM {self._documents} WHERE "place" IN (SELECT UNNEST($places))'
        return self._at(con, con.execute(asked, {"places": list(places)}).fetchall())

    def sharing(
        self, con: duckdb.DuckDBPyConnection, shared: Collection[str], most: int | None
    ) -> dict[str, list[int]]:
        """The places of those that share something, as far as at most so many do."""
        few = "" if most is None else f" HAVING COUNT(*) <= {most}"
        sql = (
            f'SELECT "shared", LIST("place") FROM {self._shared}'
            f' WHERE "shared" IN (SELECT UNNEST($shared)) GROUP BY "shared"{few}'
        )
        return dict(con.execute(sql, {"shared": list(shared)}).fetchall())

    def _at(self, con: duckdb.DuckDBPyConnection, rows: Sequence[Any]) -> dict[int, NearDocument]:
        return self._read(con, rows, self._shared) if rows else {}

    def _read(
        self, con: duckdb.DuckDBPyConnection, rows: Sequence[Any], shared: str
    ) -> dict[int, NearDocument]:
        sql = (
            f'SELECT "place", LIST("shared") FROM {shared} AS k WHERE "place" IN (SELECT UNNEST($places))'
            ' GROUP BY "place"'
        )
        said = dict(con.execute(sql, {"places": [place for place, *_ in rows]}).fetchall())
        until = 1 + len(self.keys)
        return {
            row[0]: NearDocument(tuple(row[1:until]), tuple(row[until:]), frozenset(said.get(row[0], ())))
            for row in rows
        }


def among_sql(columns: Sequence[str], rows: Collection[Row]) -> str:
    """SQL that holds where these columns, the entity's first, are those of one of the rows."""
    if not rows:
        return "FALSE"
    entity, *keys = (f"CAST({column} AS STRING)" for column in columns)
    asked = [f"COALESCE({entity}, '')", *keys]  # no entity is called nothing
    texts = [[literal(text or "") for text in row] for row in sorted(rows, key=repr)]
    if len(texts) > _FEW:
        listed = ", ".join(f"({', '.join(row)})" for row in texts)
        return f"({', '.join(asked)}) IN (VALUES {listed})"
    each = (" AND ".join(f"{sql} = {text}" for sql, text in zip(asked, row, strict=True)) for row in texts)
    return f"({' OR '.join(each)})"


class World:
    """The documents of an index; less some of it, and with others instead, which have places below 0."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        index: NearIndex,
        gone: Mapping[int, NearDocument],
        come: Iterable[NearDocument],
    ) -> None:
        self._con, self.index, self._gone = con, index, gone
        self._come = {-1 - place: document for place, document in enumerate(come)}
        self.documents = dict(self._come)

    def places_of(self, rows: Collection[Row]) -> set[int]:
        """Where these are, as far as there are such documents."""
        found = {place for place, document in self._come.items() if document.row in rows}
        for place, document in (self.index.of_rows(self._con, rows) if rows else {}).items():
            if place not in self._gone:
                self.documents[place] = document
                found.add(place)
        return found

    def names(self) -> dict[str, Names]:
        """Per part that is a name, what compares it: words weigh what they weigh in this world."""
        found = {}
        for name, known in self.index.words.items():
            place = self.index.near.parts.index(name)
            found[name] = names = Names(known.copy() if self._gone or self._come else known)
            for documents, by in ((self._gone, -1), (self._come, 1)):
                for document in documents.values():
                    said = document.parts[place]
                    if said is not None:
                        names.count(said, by)
        return found

    def hanging(
        self, start: Collection[int], most: int | None, meets: Callable[[int, int], bool]
    ) -> set[int]:
        """All that `start` leads to: from one to those that share something with it, which at most so many do, and
        `meets` it.
        """
        found, frontier = set(start), set(start)
        while frontier:
            groups = self._groups({key for place in frontier for key in self.documents[place].shared}, most)
            self._load({place for places in groups.values() for place in places})
            reached = {
                other
                for place in frontier
                for other in {o for key in self.documents[place].shared for o in groups.get(key, ())}
                - {place}
                if meets(place, other)
            }
            frontier = reached - found
            found |= reached
        return found

    def _groups(self, shared: Collection[str], most: int | None) -> dict[str, list[int]]:
        known = self.index.sharing(self._con, shared, None if most is None else most + len(self._gone))
        found = {key: [place for place in places if place not in self._gone] for key, places in known.items()}
        for place, document in self._come.items():
            for key in document.shared & frozenset(shared):
                found.setdefault(key, []).append(place)
        return {key: places for key, places in found.items() if most is None or len(places) <= most}

    def _load(self, places: Collection[int]) -> None:
        missing = [place for place in places if place not in self.documents]
        if missing:
            self.documents |= self.index.at(self._con, missing)
