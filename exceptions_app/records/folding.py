"""Keeps the store fast to read: folds finished changes into the base, compacts, drops what dead runs left.

Every step reads and overwrites on one table object, so that a concurrent writer of the same data makes it
fail and run again from the newest state; appends go on undisturbed. Killed anywhere, the current state is
what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from duckdb import DuckDBPyConnection

from exceptions_app.duck import literal, literals, quoted

from .layout import CHANGES, Layout, part_of
from .reading import current_sql, files_sql, runs_present
from .table import FOLDED, WRITING, find_table, list_table

_TRIES = 8
_FEW_ROWS, _SHARE, _FEW_FILES = 20_000, 0.1, 20
"""Up to so many rows, or this share of the base, changes cost a read little; and up to so many files."""
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class FoldResult:
    """What a fold did: the runs whose changes are now base, over how many entities."""

    runs: tuple[int, ...] = ()
    entities: int = 0


def fold(con: DuckDBPyConnection, uri: str, layout: Layout, unfinished: Container[int]) -> FoldResult:
    """Fold the finished runs into the base, entity by entity, then delete exactly their changes.

    A run that began before an unfinished one may be folded, one that began after it waits: the unfinished
    run's rows must not come to look newer than a base that is ahead of them.
    """
    table = find_table(uri)
    if table is None:
        return FoldResult()
    listing = list_table(table)
    runs = _foldable(runs_present(con, listing), unfinished)
    if not runs:
        return FoldResult()
    changes = files_sql(listing.changes, {"entity": "VARCHAR", "run_id": "BIGINT"})
    changed = f"SELECT DISTINCT entity FROM ({changes}) WHERE run_id IN ({literals(runs)})"
    entities = sorted(con.execute(changed).fetchall(), key=lambda row: row[0] or "")
    for (entity,) in entities:
        _retried(uri, partial(_fold_entity, con, layout, entity, runs))
    delete_runs(uri, runs)
    return FoldResult(tuple(runs), len(entities))


def _foldable(present: list[int], unfinished: Container[int]) -> list[int]:
    runs: list[int] = []
    for run in present:
        if run in unfinished:
            break
        runs.append(run)
    return runs


def _fold_entity(
    con: DuckDBPyConnection, layout: Layout, entity: str | None, runs: Collection[int], table: DeltaTable
) -> None:
    part = part_of(entity)
    listing = list_table(table)
    columns = {name: kind for name, kind in listing.columns.items() if name != "_part"}
    names = ", ".join(
        literal(part) + ' AS "_part"' if name == "_part" else quoted(name) for name in listing.columns
    )
    order = ", ".join(map(quoted, layout.identity))
    current = current_sql(layout, listing, runs, entity, columns)
    write_deltalake(
        table,
        con.sql(f"SELECT {names} FROM ({current}) ORDER BY {order}"),
        mode="overwrite",
        predicate=f"_part = {literal(part)}",
        writer_properties=WRITING,
        commit_properties=CommitProperties(app_transactions=[Transaction(FOLDED, max(runs))]),
    )


def delete_runs(uri: str, runs: Collection[int]) -> None:
    """Delete the changes of exactly these runs. Safe to repeat."""
    predicate = f"_part = {literal(CHANGES)} AND run_id IN ({literals(runs)})"
    if runs:
        _retried(uri, lambda table: table.delete(predicate))


@dataclass(frozen=True)
class Load:
    """How much lies in a table: rows of the base, rows and files of changes."""

    base_rows: int = 0
    changed_rows: int = 0
    changed_files: int = 0

    @property
    def worth_folding(self) -> bool:
        """Whether reads suffer more from the changes than a fold would cost in rewritten files."""
        return self.changed_rows > max(_FEW_ROWS, self.base_rows * _SHARE)

    @property
    def worth_compacting(self) -> bool:
        return self.changed_files > _FEW_FILES


def load_of(uri: str) -> Load:
    """From the table's own statistics: no row is read."""
    table = find_table(uri)
    if table is None:
        return Load()
    actions = table.get_add_actions(flatten=True)
    parts = actions.column("partition._part").to_pylist()
    rows = [int(found or 0) for found in actions.column("num_records").to_pylist()]
    changed = [count for part, count in zip(parts, rows, strict=True) if part == CHANGES]
    return Load(sum(rows) - sum(changed), sum(changed), len(changed))


def compact(uri: str) -> None:
    """Join small files of changes: 300 of them cost each read a quarter of a second."""
    _retried(uri, lambda table: table.optimize.compact([("_part", "=", CHANGES)], writer_properties=WRITING))


def vacuum(uri: str) -> int:
    """Remove files that no version inside the as-of window needs; the number removed. Never cuts the window
    short.
    """
    table = find_table(uri)
    return 0 if table is None else len(table.vacuum(dry_run=False))


def _retried(uri: str, step: Callable[[DeltaTable], _Result]) -> _Result | None:
    """Run a step on the newest table; again from a fresh one when somebody else was faster."""
    for attempt in range(_TRIES):
        table = find_table(uri)
        if table is None:
            return None
        try:
            return step(table)
        except CommitFailedError:
            if attempt == _TRIES - 1:
                raise
    return None
