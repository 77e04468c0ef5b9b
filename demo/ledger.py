"""The ledger: what was planted, where, from when it can be found, whether it was healed, came back or changed.

Written in the moment of planting. `fault` rows must be found by the application; `look_alike` rows, which
look wrong and are not, must not. Tests compare it with what was found; the network never looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from .documents import stamp
from .systems.store import Row, Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
  id INTEGER PRIMARY KEY, kind TEXT, category TEXT, entity TEXT, system TEXT, business_key TEXT, how TEXT,
  planted_at TEXT, expected_from TEXT, healed_at TEXT, undo TEXT, redo TEXT DEFAULT '[]', worse TEXT DEFAULT '[]');
CREATE TABLE IF NOT EXISTS happened (ledger INTEGER, what TEXT, at TEXT);
CREATE INDEX IF NOT EXISTS ledger_open ON ledger (category, healed_at);
CREATE TABLE IF NOT EXISTS taken (po TEXT, po_line INTEGER, ledger INTEGER, PRIMARY KEY (po, po_line));
"""

Verb = Literal["alter", "insert", "remove"]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a repair: rows of one table of one system, altered (and so newly modified) or inserted."""

    system: str
    table: str
    verb: Verb
    key: Mapping[str, Any]
    values: Mapping[str, Any]

    def to_list(self) -> list[Any]:
        return [self.system, self.table, self.verb, dict(self.key), dict(self.values)]


@dataclass(frozen=True, slots=True)
class Entry:
    """A fault or a look-alike, as it is written down. `key` holds the source's own identifiers."""

    category: str
    entity: str
    system: str
    key: Mapping[str, Any]
    how: str
    lines: Sequence[tuple[str, int]] = ()
    undo: Sequence[Change] = ()
    worse: Sequence[Change] = ()


class Ledger:
    """The ledger's file."""

    def __init__(self, path: Path) -> None:
        self._store = Store(path, _SCHEMA)
        known = {row["name"] for row in self._store.rows("PRAGMA table_info(ledger)")}
        for column in {"redo", "worse"} - known:  # a ledger of the first edition
            self._store.run(f"ALTER TABLE ledger ADD COLUMN {column} TEXT DEFAULT '[]'")

    def write(
        self,
        kind: Literal["fault", "look_alike"],
        entry: Entry,
        planted_at: datetime,
        expected_from: datetime,
    ) -> int:
        """Add a row, and reserve its order lines, so that no second fault lands on them; returns its id."""
        with self._store.transaction():
            number = int(
                self._store.rows("SELECT coalesce(max(id), 0) + 1 AS number FROM ledger")[0]["number"]
            )
            row: Row = {
                "id": number, "kind": kind, "category": entry.category, "entity": entry.entity,
                "system": entry.system, "business_key": json.dumps(entry.key, sort_keys=True),
                "how": entry.how, "planted_at": stamp(planted_at), "expected_from": stamp(expected_from),
                "healed_at": None, "undo": _text(entry.undo), "worse": _text(entry.worse),
            }  # fmt: skip
            self._store.add("ledger", [row])
            for po, line in entry.lines:
                self._store.run("INSERT OR IGNORE INTO taken VALUES (?, ?, ?)", (po, line, number))
            self.note(number, "planted", planted_at)
        return number

    def taken(self, po: str, line: int) -> bool:
        """Whether a row of the ledger already speaks of this order line."""
        return self._store.row("SELECT 1 FROM taken WHERE po = ? AND po_line = ?", (po, line)) is not None

    def open_fault(self, category: str, po: str, line: int) -> int | None:
        """The id of the fault of a category on an order line that is not healed yet."""
        row = self._store.row(
            "SELECT ledger.id FROM taken JOIN ledger ON ledger.id = taken.ledger WHERE po = ? AND po_line = ?"
            " AND kind = 'fault' AND category = ? AND healed_at IS NULL",
            (po, line, category),
        )
        return int(row["id"]) if row else None

    def entry(self, number: int) -> Row | None:
        """One row, by its id."""
        return self._store.row("SELECT * FROM ledger WHERE id = ?", (number,))

    def rows(
        self, kind: str | None = None, category: str | None = None, *, open_only: bool = False
    ) -> list[Row]:
        """The rows of the ledger, oldest first."""
        return self._store.rows(
            "SELECT * FROM ledger WHERE (? IS NULL OR kind = ?) AND (? IS NULL OR category = ?)"
            " AND (NOT ? OR healed_at IS NULL) ORDER BY id",
            (kind, kind, category, category, open_only),
        )

    def steps(self, row: Row, name: Literal["undo", "redo", "worse"]) -> list[Change]:
        """The steps that repair a fault, bring it back, or change it."""
        return [Change(*step) for step in json.loads(row[name])]

    def heal(self, number: int, at: datetime, redo: Sequence[Change] = ()) -> None:
        """Mark a fault as repaired at its source; `redo` would bring it back."""
        with self._store.transaction():
            self._store.run(
                "UPDATE ledger SET healed_at = ?, redo = ? WHERE id = ?", (stamp(at), _text(redo), number)
            )
            self.note(number, "healed", at)

    def recur(self, number: int, at: datetime, expected_from: datetime, undo: Sequence[Change]) -> None:
        """Mark a fault as back; `undo` would repair it again."""
        with self._store.transaction():
            self._store.run(
                "UPDATE ledger SET healed_at = NULL, expected_from = ?, undo = ? WHERE id = ?",
                (stamp(expected_from), _text(undo), number),
            )
            self.note(number, "recurred", at)

    def worsened(self, number: int, at: datetime) -> None:
        """Mark a fault as changed; it changes once."""
        with self._store.transaction():
            self._store.run("UPDATE ledger SET worse = '[]' WHERE id = ?", (number,))
            self.note(number, "changed", at)

    def note(
        self, number: int, what: Literal["planted", "healed", "recurred", "changed"], at: datetime
    ) -> None:
        """Something happened to a fault."""
        self._store.add("happened", [{"ledger": number, "what": what, "at": stamp(at)}])

    def happened(self) -> list[Row]:
        """All that happened to the faults, in order: `ledger` (the row's id), `what`, `at`."""
        return self._store.rows("SELECT * FROM happened ORDER BY at, rowid")

    def close(self) -> None:
        self._store.close()


def _text(steps: Sequence[Change]) -> str:
    return json.dumps([change.to_list() for change in steps])
