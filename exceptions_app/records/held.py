"""The current rows of a record type kept in memory from one question to the next, as long as nothing has landed.

Merging base and changes takes longer than most questions. Kept are the types that were asked about last, each by its
newest state; what others work out from the rows is kept and forgotten with them.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, TypeVar

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.duck import quoted, session

from .crosswalk import load_crosswalks
from .reference import KEPT_PREFIX, added_rows_sql
from .snapshot import TypeSnapshot

HELD_PREFIX = "held_"
MOST_ROWS = 200_000
"""A type of more rows is read anew for each question."""
_MOST_HELD = 4
Made = TypeVar("Made")


@dataclass(slots=True)
class HeldRows:
    """An engine with the rows of the network in `held_<record type>` and the crosswalks, and what was worked out from
    them.
    """

    engine: DuckDBPyConnection
    state: tuple[object, ...]
    made: dict[str, Any] = field(default_factory=dict)
    making: RLock = field(default_factory=RLock)

    def derived(self, name: str, make: Callable[[], Made]) -> Made:
        """Worked out once, whoever asks first."""
        with self.making:
            if name not in self.made:
                self.made[name] = make()
            found: Made = self.made[name]
            return found


_held: OrderedDict[tuple[str, str], HeldRows] = OrderedDict()
_holding = RLock()


def hold(uri: str, catalog: Catalog, snapshot: TypeSnapshot, memory: str, threads: int) -> HeldRows | None:
    """The rows of a store's record type as the snapshot shows them, with those that the configuration adds; None
    where there are too many.
    """
    listing = snapshot.listing
    if listing is None or sum(listing.rows.values()) > MOST_ROWS:
        return None
    key, state = (
        (uri, snapshot.layout.name),
        (listing.version, snapshot.runs, catalog.digest, memory, threads),
    )
    with _holding:
        found = _held.pop(key, None)
        if found is None or found.state != state:
            found = HeldRows(_filled(catalog, snapshot, memory, threads), state)
        _held[key] = found
        while len(_held) > _MOST_HELD:
            _held.popitem(last=False)  # closed when the last who asks is done with it
        return found


def _filled(catalog: Catalog, snapshot: TypeSnapshot, memory: str, threads: int) -> DuckDBPyConnection:
    engine, name = session(memory, threads), snapshot.layout.name
    held, kept = quoted(HELD_PREFIX + name), quoted(KEPT_PREFIX + name)
    load_crosswalks(engine, catalog, temporary=False)
    engine.execute(f"CREATE TABLE {held} AS {snapshot.current_sql(None)}")
    added = added_rows_sql(catalog, name)
    if added:
        engine.execute(f"CREATE TEMP VIEW {kept} AS SELECT * FROM {held}")
        engine.execute(f"INSERT INTO {held} BY NAME {added}")
    return engine


def _forget() -> None:
    """A child has none of its parent's threads: engines that it inherits are neither used nor closed."""
    global _held, _holding
    _inherited.append(_held)
    _held, _holding = OrderedDict(), RLock()


_inherited: list[Any] = []
os.register_at_fork(after_in_child=_forget)
