"""A system that only lists rows: its tables, its first rows, and the rows that are altered to plant something.

Knows nothing of what rows mean; that is said by the modules that fill it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ledger import Change, Entry
from ..systems.store import Row, Store
from ..systems.tables import Kind, Table

Rows = dict[str, list[Row]]
"""Table -> its rows."""


def table(name: str, columns: str) -> Table:
    """`columns` as "name name:kind …"; without a kind it is text."""
    pairs = (word.partition(":") for word in columns.split())
    kinds: dict[str, Kind] = {column: kind or "text" for column, _, kind in pairs}  # type: ignore[misc]
    return Table(name, kinds)


@dataclass(frozen=True, slots=True)
class Planted:
    """One row of one system that is altered: what it then is (or resembles), and the key under which it is found."""

    category: str
    entity: str
    system: str
    table: str
    row: Mapping[str, Any]
    values: Mapping[str, Any]
    key: Mapping[str, Any]
    how: str
    worse: Mapping[str, Any] = field(default_factory=dict)
    """What the row may be altered to later on, still wrong."""


def fill(store: Store, tables: Mapping[str, Table], rows: Mapping[str, Sequence[Row]], at: str) -> None:
    """Put the first rows in; what a row does not say is empty, and `changed_at` is `at` unless it says so."""
    kinds = {one.name: one.columns for one in tables.values()}
    with store.transaction():
        for name, many in rows.items():
            empty = {column: "" if kind == "text" else 0 for column, kind in kinds[name].items()}
            store.run(f"DELETE FROM {name}")
            store.add(name, [{**empty, "changed_at": at, "gone": 0, **row} for row in many])


def entry(store: Store, what: Planted) -> tuple[Change, Entry]:
    """The step that plants it, and what the ledger says of it; the row must be there, and only once."""
    (row,) = store.find(what.table, what.row)
    key = {"id": row["id"]}
    undo = Change(what.system, what.table, "alter", key, {name: row[name] for name in what.values})
    step = Change(what.system, what.table, "alter", key, what.values)
    worse = [Change(what.system, what.table, "alter", key, what.worse)] if what.worse else []
    return step, Entry(what.category, what.entity, what.system, what.key, what.how, [], [undo], worse)
