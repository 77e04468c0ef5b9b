"""The documents that pass between the systems, as they truly happened, before each system tells its own
version.

Times are UTC, ISO 8601 with `Z`, to the second; dates are ISO days. Prices are integers in 1/10,000 dollar,
amounts in cents, quantities whole numbers of the stated unit. Suppliers are the ERP's numbers,
facilities our codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

ITEM_FLAGS = ("ers", "consigned", "bill_only", "drop_ship", "blanket", "no_charge", "price_estimated")


def stamp(at: datetime) -> str:
    """An aware time as UTC text, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(text: str) -> datetime:
    """The time that `stamp` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def cents(price: int, quantity: int, per: int = 1) -> int:
    """Extended amount in cents, rounded half up; the price is in 1/10,000 dollar per `per` units."""
    return (2 * price * quantity + 100 * per) // (200 * per)


@dataclass(slots=True)
class OrderLine:
    """One line of a purchase order. `flags` is a subset of `ITEM_FLAGS`; `terms` are what few lines have."""

    order: str
    line: int
    facility: str
    requisition: str
    supplier: str
    item: str
    description: str
    quantity: int
    unit: str
    price: int
    per: int
    match: int
    basis: str
    flags: list[str]
    status: str
    ordered_at: str
    promised_on: str
    changed_at: str
    terms: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        return self.order, self.line


@dataclass(slots=True)
class Receipt:
    """Goods that reached a dock, or left it again: returns and reversals are negative."""

    number: str
    line: int
    order: str
    order_line: int
    facility: str
    item: str
    quantity: int
    unit: str
    movement: str
    received_at: str
    changed_at: str


@dataclass(slots=True)
class InvoiceLine:
    """One line of a supplier's invoice. `supplier` is the ERP's number, `alias` AP automation's code.

    `more` is what few lines have: service date, case and lot, schedule and period.
    """

    supplier: str
    alias: str
    number: str
    line: int
    facility: str
    kind: str
    credits: str
    order: str
    order_line: int
    po_required: bool
    item: str
    description: str
    quantity: int
    unit: str
    price: int
    per: int
    amount: int
    status: str
    invoice_date: str
    entered_at: str
    due_on: str
    changed_at: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Event:
    """Something that happens to an order: goods arrive, an invoice comes, its status moves; or a row changes.

    `steps` are changes of rows, as `ledger.Change` lists them.
    """

    at: str
    receipts: list[Receipt] = field(default_factory=list)
    invoices: list[InvoiceLine] = field(default_factory=list)
    statuses: list[tuple[str, int, str]] = field(default_factory=list)
    steps: list[list[Any]] = field(default_factory=list)

    def keys(self) -> set[tuple[str, int]]:
        """The order lines whose goods or invoices these are."""
        received = {(row.order, row.order_line) for row in self.receipts}
        return received | {(row.order, row.order_line) for row in self.invoices}

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Event:
        raw: Mapping[str, Any] = json.loads(text)
        return cls(
            raw["at"],
            [Receipt(**row) for row in raw["receipts"]],
            [InvoiceLine(**row) for row in raw["invoices"]],
            [(order, line, status) for order, line, status in raw["statuses"]],
            raw["steps"],
        )

    def restamped(self, at: str) -> Event:
        """The same event at another time: what is late is entered late, never earlier."""
        for receipt in self.receipts:
            receipt.received_at = receipt.changed_at = at
        for invoice in self.invoices:
            invoice.entered_at = invoice.changed_at = at
        return Event(at, self.receipts, self.invoices, self.statuses, self.steps)


def total(lines: Iterable[InvoiceLine]) -> int:
    """The invoice's total in cents."""
    return sum(line.amount for line in lines)
