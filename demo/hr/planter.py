"""How something is planted among people: on workers of whom the ledger does not speak yet, in rows of a system.

What merely happens to people (they leave, move, get more pay) happens in every system; a fault alters one of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from ..documents import stamp
from ..ledger import Change, Entry
from ..network import Network
from ..systems.store import Row
from .tables import ERP, HCM, IDENTITY, PAYROLL, blank
from .workforce import periods

NO_ORDER = 0
_TABLES = {
    (system, table.name): table
    for system, named in (("hcm", HCM), ("payroll", PAYROLL), ("identity", IDENTITY), ("erp", ERP))
    for table in named.values()
}
ASSIGNMENTS = (("hcm", "assignments"), ("payroll", "assignments"), ("erp", "worker_assignments"))
_LEFT = {"hcm": "T", "payroll": "TERM"}


def job_of(who: Row) -> dict[str, Any]:
    """The key of somebody's assignment: nobody has two."""
    return {"worker": who["worker"], "assignment": "1"}


class PeoplePlanter:
    """One network to plant into. `now` is when its people were last in agreement: its pay periods are of that time.
    `at` is when it is planted, later where the network runs already.
    """

    def __init__(
        self, network: Network, rng: random.Random, now: datetime, at: datetime | None = None
    ) -> None:
        self.network, self.now, self.at = network, now, at or now
        self.paid, self.open = periods(now)
        rows = network.hcm.rows(
            "SELECT * FROM workers WHERE status = 'A' AND kind = 'employee' AND gone = 0"
            " AND worker IN (SELECT worker FROM assignments) ORDER BY id"
        )
        leaders = {row["manager"] for row in rows}
        self._free = [row for row in rng.sample(rows, len(rows)) if row["worker"] not in leaders]

    def workers(self, *, shared: bool = False) -> Iterator[Row]:
        """Workers who lead nobody and stand in no ledger row; `shared`: whose labor is allocated to two."""
        for row in self._free:
            is_shared = int(row["worker"][1:]) % 3 == 0
            if is_shared == shared and not self.network.ledger.taken(row["worker"], NO_ORDER):
                yield row

    def row(self, system: str, table: str, worker: str, **key: Any) -> Row:
        """The newest row of a worker in one table."""
        return self.network.stores[system].find(table, {"worker": worker, **key})[-1]

    def alter(self, system: str, table: str, row: Row, values: Mapping[str, Any]) -> Change:
        """Alter a row; returns the step that alters it back."""
        key = {"id": row["id"]}
        self.network.change(Change(system, table, "alter", key, values), self.at)
        return Change(system, table, "alter", key, {name: row[name] for name in values})

    def add(self, system: str, table: str, values: Row) -> Row:
        """Add a row, with every column; returns it with its id."""
        store = self.network.stores[system]
        number = int(store.rows(f"SELECT coalesce(max(id), 0) + 1 AS id FROM {table}")[0]["id"])
        old = stamp(self.now - timedelta(days=9))
        row = {**blank(_TABLES[system, table], values), "id": number, "changed_at": old, "gone": 0}
        self.network.change(Change(system, table, "insert", {}, row), self.at)
        return row

    def entry(
        self, category: str, who: Row, how: str, undo: list[Change], worse: Mapping[str, Any] | None = None, *,
        system: str, **key: Any,
    ) -> Entry:  # fmt: skip
        """What the ledger says; `key` is the business key, the worker where nothing is given. `worse`: what the row of
        the first step of `undo` may be altered to later on.
        """
        lines = [(who["worker"], NO_ORDER)]
        named = key or {"worker": who["worker"]}
        later = [replace(undo[0], values=worse)] if worse else []
        return Entry(category, who["facility"], system, named, how, lines, undo, later)

    def leaves(self, who: Row, day: date) -> None:
        """Somebody leaves at the end of a day, and every system hears of it."""
        entered = stamp(self.now - timedelta(days=30))
        for system, status in _LEFT.items():
            told = {
                "status": status,
                "left_on": str(day),
                "access_ends_at": f"{day}T23:00:00Z",
                "works_on": 0,
            }
            row = self.row(system, "workers", who["worker"])
            self.alter(system, "workers", row, {**told, "entered_at": max(entered, row["entered_at"])})
        for system, table in ASSIGNMENTS:
            ended = {"hcm": "T", "payroll": "TERM", "erp": "Ended"}[system]
            self.alter(system, table, self.row(system, table, who["worker"]), {"status": ended})
        self.alter("identity", "accounts", self.row("identity", "accounts", who["worker"]), {"enabled": 0})

    def slice(self, who: Row, begins: date, values: Mapping[str, Any], *, only: str = "") -> None:
        """Something about somebody changes from a day on, in every system or `only` in one."""
        for system, table in ASSIGNMENTS:
            if only in ("", system):
                row = self.row(system, table, who["worker"])
                new = {name: value for name, value in row.items() if name != "id"}
                self.add(system, table, {**new, "valid_from": str(begins), "changes_pay": 0, **values})

    def pays(self, who: Row, **values: Any) -> Row:
        """One more line of the calculated run, like the worker's first."""
        first = self.row("payroll", "pay_lines", who["worker"], line="1")
        new = {name: value for name, value in first.items() if name != "id"}
        return self.add("payroll", "pay_lines", {**new, "line": "2", **values})


Entries = Iterator[Entry]
Supply = Callable[[PeoplePlanter], Entries]
"""As many faults of a category as people are left for."""
