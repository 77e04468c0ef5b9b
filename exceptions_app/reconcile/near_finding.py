"""What a check for duplicates finds of a few documents, as it would over all of them: only what hangs together with
them is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import duckdb

from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy

from .cluster_documents import COMPARED, CompiledTwice, NearSql
from .near import NearIndex, Row, World
from .parameters import RunParameters
from .similar import CompiledSimilar, PairScorer, Scored

Indexes = Callable[[CompiledTwice, NearSql], NearIndex]
Narrow = Callable[[Collection[Row]], None]


@dataclass(frozen=True, slots=True)
class NearFinder:
    """Finds in what the views of `con` show; `narrow` leaves in them only the records of these documents.

    `touched`: the documents in which what is shown differs from the indexes.
    """

    con: duckdb.DuckDBPyConnection
    indexes: Indexes
    narrow: Narrow
    touched: Collection[Row]

    def find(
        self, compiled: CompiledTwice, near: NearSql, rows: Collection[Row], parameters: RunParameters
    ) -> list[Discrepancy]:
        """The clusters that have one of the documents `rows` in them."""
        world = self._world(compiled, near)
        start, only = world.places_of(rows), {identity_of(row) for row in rows}
        if not start:
            return []
        if isinstance(compiled, CompiledSimilar):
            return self._alike(compiled, world, start, parameters, only)
        self.narrow(_rows(world, world.hanging(start, None, _always)))
        found, _ = compiled.find(self.con, parameters, only)
        return found

    def _world(self, compiled: CompiledTwice, near: NearSql) -> World:
        index = self.indexes(compiled, near)
        if not self.touched:
            return World(self.con, index, {}, ())
        gone = index.of_rows(self.con, self.touched)
        self.narrow(self.touched)
        return World(self.con, index, gone, index.shown(self.con))

    def _alike(
        self,
        compiled: CompiledSimilar,
        world: World,
        start: Collection[int],
        parameters: RunParameters,
        only: Collection[tuple[str, ...]],
    ) -> list[Discrepancy]:
        """Pairs are scored with the weights of all names; their clusters are told of by the check itself."""
        scoring = _Scoring(compiled, world)
        rows = _rows(world, world.hanging(start, compiled.check.most, scoring))
        if not scoring.alike:
            return []
        beside = set(rows)
        exact = compiled.left_to
        if isinstance(exact, CompiledTwice) and exact.near is not None:
            other = self._world(exact, exact.near)
            beside |= _rows(other, other.hanging(other.places_of(rows), None, _always))
        self.narrow(beside)
        places = _numbered(self.con, compiled, world.index)
        scored = [
            replace(one, pair=_ordered(*(places[world.documents[place].row] for place in one.pair)))
            for one in scoring.alike.values()
        ]
        return compiled.told_of(self.con, sorted(scored, key=lambda one: one.pair), parameters, only)


class _Scoring:
    """Which pairs of a world are alike, and the scores of those; each is scored once."""

    def __init__(self, compiled: CompiledSimilar, world: World) -> None:
        parts = world.index.near.parts
        columns = {name: _Column(world, place) for place, name in enumerate(parts)}
        self._scorer = PairScorer(compiled.check, columns, world.names())
        self._seen: dict[tuple[int, int], bool] = {}
        self.alike: dict[tuple[int, int], Scored] = {}

    def __call__(self, one: int, other: int) -> bool:
        pair = _ordered(one, other)
        if pair not in self._seen:
            scored = self._scorer(pair)
            self._seen[pair] = scored is not None
            if scored is not None:
                self.alike[pair] = scored
        return self._seen[pair]


@dataclass(frozen=True, slots=True)
class _Column:
    """What the documents of a world say of one part, by their places."""

    world: World
    part: int

    def __getitem__(self, place: int) -> str | None:
        return self.world.documents[place].parts[self.part]


def _numbered(
    con: duckdb.DuckDBPyConnection, compiled: CompiledSimilar, index: NearIndex
) -> Mapping[Row, int]:
    """Where the check numbers the documents that are left in the views."""
    con.execute(compiled.statement)
    identity = ", ".join(f"CAST({column} AS STRING)" for column in index.near.identity)
    rows = con.execute(f'SELECT "place", {identity} FROM {COMPARED}').fetchall()
    return {tuple(row): place for place, *row in rows}


def _rows(world: World, places: Collection[int]) -> set[Row]:
    return {world.documents[place].row for place in places}


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def identity_of(row: Row) -> tuple[str, ...]:
    """How a document of this row is known among clusters."""
    entity, *key = row
    return (NETWORK_SCOPE if entity is None else entity, *(text or "" for text in key))


def _always(_one: int, _other: int) -> bool:
    return True
