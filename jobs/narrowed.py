"""What an incremental comparison probes, and in which tables of the session it stands."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.duck import connections, literal, quoted, thread_sharing
from exceptions_app.reconcile.lanes import side_by_side
from exceptions_app.reconcile.probing import Probing
from exceptions_app.records.crosswalk import load_crosswalks
from exceptions_app.records.snapshot import VIEW_PREFIX

Piece = TypeVar("Piece", bound=Hashable)
Result = TypeVar("Result")
Line = tuple[str | None, ...]
"""An entity (None: every one) and the values of a line, as text."""
NEAR, PICKED = "near ", "base near "
LINES, MORE, FOUND = "lines ", "more ", "found "
"""What the tables of the session are called: records near what is probed by their type, and those in the base though a
change hides them; probed lines by their table, those that came to them last, and all as often as they were found.
"""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is probed: `lines` per table of lines; `near` are the record types of which the rows with these lines were
    kept, `places` what is in each table by entity.
    """

    checks: Mapping[str, Probing]
    lines: Mapping[str, int]
    near: frozenset[str]
    places: Mapping[str, Mapping[str | None, int]]

    def probed(self, check: str, scope: str) -> int:
        """How many lines of a check are probed in a scope."""
        places = self.places[self.checks[check].among.table]
        return places.get(scope, 0) + places.get(None, 0)


def lines_in(con: DuckDBPyConnection, table: str, scope: str) -> set[Line]:
    """The probed lines of a table in one scope, without their entity."""
    some = f"entity = {literal(scope)} OR entity IS NULL"
    rows = con.execute(f"SELECT * EXCLUDE (entity) FROM {quoted(LINES + table)} WHERE {some}").fetchall()
    return set(rows)


def counted(con: DuckDBPyConnection, table: str) -> dict[str | None, int]:
    """How many lines are in a table of the session, by entity."""
    rows = con.execute(f"SELECT entity, count(*) FROM {quoted(table)} GROUP BY entity").fetchall()
    return dict(rows)


@contextmanager
def views_beside(con: DuckDBPyConnection, catalog: Catalog) -> Iterator[DuckDBPyConnection]:
    """A connection beside, with the crosswalks, so that its views hide nobody's."""
    beside = con.cursor()
    try:
        load_crosswalks(beside, catalog)
        yield beside
    finally:
        beside.close()


def in_lanes(
    con: DuckDBPyConnection, pieces: Sequence[Piece], work: Callable[[DuckDBPyConnection, Piece], Result]
) -> dict[Piece, Result]:
    """The result of each piece, worked on in connections to one session, side by side."""
    if not pieces:
        return {}
    _, *beside = lanes = connections(con, len(pieces))
    try:
        return side_by_side(lanes, pieces, work, busy=thread_sharing(con))
    finally:
        for one in beside:
            one.close()


def view(name: str, sql: str) -> str:
    """The statement that makes the view of a record type."""
    return f"CREATE OR REPLACE TEMP VIEW {quoted(VIEW_PREFIX + name)} AS {sql}"
