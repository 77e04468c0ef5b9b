"""What every planting has in common: where, when, on what, and how a row is altered so that it can be
altered back.

The same functions plant into the history, before anybody has read it, and into the running network.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from .candidates import Candidates, Settled
from .documents import Event, cents, stamp
from .ledger import Change, Entry
from .network import Network
from .places import FACILITIES
from .suppliers import SUPPLIER, SUPPLIERS
from .systems.store import Row

FACILITY_OF = {facility.erp: facility.code for facility in FACILITIES}
"""The ERP's business unit -> our code."""
_BY_ALIAS = {
    alias: supplier.number
    for supplier in SUPPLIERS
    for alias in (supplier.payables, supplier.remit_to)
    if alias
}
Entries = Iterator[Entry]


class Planter:
    """A time, a source of chance, and one network to plant into."""

    def __init__(self, network: Network, rng: random.Random, now: datetime) -> None:
        self.network, self.rng, self.now = network, rng, now
        self.candidates = Candidates(network, rng, now)

    def ago(self, days: float) -> str:
        """The stamp of so many days before."""
        return stamp(self.now - timedelta(days=days))

    def change(self, change: Change) -> None:
        """Carry out one step, now."""
        self.network.change(change, self.now)

    def bill(
        self,
        found: Settled,
        category: str,
        how: str,
        values: dict[str, Any],
        worse: dict[str, Any] | None = None,
    ) -> Entry:
        """Alter the invoice of a settled line; `worse`: what it may be altered to later on."""
        row = found.invoice
        undo = self._altered("ap_automation", "invoice_lines", row, values)
        later = [Change("ap_automation", "invoice_lines", "alter", {"id": row["id"]}, worse)] if worse else []
        return Entry(category, found.facility, "ap_automation", found.key, how, [found.line], [undo], later)

    def count(self, found: Settled, category: str, how: str, quantity: int, worse: int) -> Entry:
        """Alter the received quantity of a settled line; `worse`: what may be counted later on."""
        row = found.receipt
        undo = self._altered("wms", "receipts", row, {"quantity": quantity})
        later = Change("wms", "receipts", "alter", {"id": row["id"]}, {"quantity": worse})
        return Entry(category, found.facility, "wms", found.key, how, [found.line], [undo], [later])

    def _altered(self, system: str, table: str, row: Row, values: dict[str, Any]) -> Change:
        """Alter a row; returns the step that alters it back."""
        key = {"id": row["id"]}
        if table == "invoice_lines" and "amount" in values:
            values = {**values, "amount": self._own_total(row, values["amount"])}
        self.change(Change(system, table, "alter", key, values))
        return Change(system, table, "alter", key, {column: row[column] for column in values})

    def _own_total(self, row: Row, amount: int) -> int:
        """The amount of an invoice line, a cent more where another invoice of the supplier has that total: else the
        two would be a duplicate that the ledger does not know.
        """
        supplier, totals = _BY_ALIAS.get(row["vendor"]), self.network.numbers.totals
        if supplier is None:
            return amount
        same = {"vendor": row["vendor"], "number": row["number"]}
        lines = self.network.ap.find("invoice_lines", same)
        others = sum(int(line["amount"]) for line in lines if line["id"] != row["id"])
        while (supplier, others + amount) in totals and amount != row["amount"]:
            amount += 1
        totals.add((supplier, others + amount))
        return amount

    def alter_invoice(self, row: Row, values: dict[str, Any]) -> Change:
        """Alter any invoice line; returns the step that alters it back."""
        return self._altered("ap_automation", "invoice_lines", row, values)

    def alter_receipt(self, row: Row, values: dict[str, Any]) -> Change:
        """Alter any receipt; returns the step that alters it back."""
        return self._altered("wms", "receipts", row, values)

    def add_invoice(self, row: Row) -> None:
        """A new invoice line is captured."""
        self.change(Change("ap_automation", "invoice_lines", "insert", {}, row))

    def copy_invoice(self, row: Row, values: dict[str, Any], days: int) -> Row:
        """Capture an invoice line again, some days later and with other values; returns the new row."""
        entered = stamp(datetime.fromisoformat(row["entered_at"]) + timedelta(days=days))
        dated = (datetime.fromisoformat(row["dated"]) + timedelta(days=days)).date().isoformat()
        times = {"entered_at": entered, "changed_at": entered, "dated": dated}
        copy = {**row, **times, **values, "id": self.next_invoice_id()}
        self.add_invoice(copy)
        return copy

    def next_invoice_id(self) -> int:
        """The row number that AP automation gives next."""
        return int(self.network.ap.rows("SELECT max(id) + 1 AS id FROM invoice_lines")[0]["id"])

    def invoice_row(self, order: Row, entered: datetime, po: str | None = None) -> Row:
        """An invoice line that bills an ERP order line in full, at its price."""
        supplier, numbers = SUPPLIER[order["vendor"]], self.network.numbers
        amount = cents(order["price"], order["quantity"], order["price_per"])
        while (supplier.number, amount) in numbers.totals:
            amount += 1
        numbers.totals.add((supplier.number, amount))
        dated, at = entered.date(), stamp(entered)
        same = ("item", "description", "quantity", "unit", "price", "price_per")
        return {
            **{column: order[column] for column in same},
            **{"vendor": supplier.payables, "vendor_name": supplier.name, "line": 1, "kind": "STANDARD"},
            **{"number": numbers.invoice(supplier.number), "facility": FACILITY_OF[order["business_unit"]]},
            **{"refers_to": "", "po": order["po"] if po is None else po, "po_line": order["line"]},
            **{"po_required": 1, "amount": amount, "status": "ENTERED", "deleted": 0},
            **{"dated": dated.isoformat(), "due": (dated + timedelta(days=30)).isoformat()},
            **{"entered_at": at, "changed_at": at, "more": "{}"},
        }

    def alter(self, system: str, table: str, row: Row, values: dict[str, Any]) -> Change:
        """Alter a row of any table; returns the step that alters it back."""
        return self._altered(system, table, row, values)

    def insert(self, system: str, table: str, row: Row) -> Change:
        """A new row of a further table; returns the step that takes it back. `changed_at` is needed for a history."""
        store = self.network.stores[system]
        number = int(store.rows(f"SELECT coalesce(max(id), 0) + 1 AS id FROM {table}")[0]["id"])
        self.change(Change(system, table, "insert", {}, {"id": number, **row}))
        return Change(system, table, "alter", {"id": number}, {"gone": 1})

    def more(self, row: Row, **values: Any) -> dict[str, str]:
        """The invoice line's further fields, with these set."""
        return {"more": json.dumps({**json.loads(row["more"]), **values}, sort_keys=True)}

    def day(self, days_ago: float) -> str:
        """The day so many days before, as a date."""
        return (self.now - timedelta(days=days_ago)).date().isoformat()

    def later(self, days: float, *steps: Change) -> None:
        """What follows by itself after so many days."""
        at = stamp(self.now + timedelta(days=days))
        self.network.intend([Event(at, steps=[step.to_list() for step in steps])])

    def forget_plans(self, po: str) -> None:
        """What was planned for an order will not happen."""
        self.network.life.run("DELETE FROM plan WHERE event LIKE ?", (f'%"{po}"%',))


def invoice_key(row: Row) -> dict[str, str]:
    """The business key of an invoice, as AP automation writes it."""
    return {"supplier": row["vendor"], "invoice_number": row["number"]}


def rewritten(number: str) -> str:
    """The same invoice number as another clerk types it: without punctuation, or with leading zeros."""
    typed = number.replace("-", "").replace("/", " ").lower()
    return f"00{typed}" if typed.isdigit() else typed
