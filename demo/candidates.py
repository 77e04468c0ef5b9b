"""Documents that are in perfect order, and that no ledger row speaks of yet: what a fault can be planted on.

Read from the systems' own databases. Deterministic for a given random generator.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from .documents import stamp
from .network import Network
from .systems.store import Row

_CENTS = 50
"""How far prices may differ, in 1/10,000 dollar: so little keeps two invoices from having the same total."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A three-way order line, received once and invoiced once, all in agreement: the row of each system."""

    order: Row
    invoice: Row
    receipt: Row

    @property
    def line(self) -> tuple[str, int]:
        return self.order["po"], self.order["line"]

    @property
    def facility(self) -> str:
        return str(self.invoice["facility"])

    @property
    def amount(self) -> int:
        """Billed, in cents."""
        return int(self.invoice["amount"])

    @property
    def quantity(self) -> int:
        """Received, in order units."""
        return int(self.receipt["quantity"])

    @property
    def key(self) -> dict[str, str]:
        return line_key(self.order)


def line_key(order: Row) -> dict[str, str]:
    """The business key of an order line, as the ERP writes it."""
    return {"order_number": order["po"], "line_number": str(order["line"])}


def anything(_: Settled) -> bool:
    """Every settled line will do."""
    return True


class Candidates:
    """Finds untouched documents, in an order that the random generator decides."""

    def __init__(self, network: Network, rng: random.Random, now: datetime) -> None:
        self.network, self.rng, self.now = network, rng, now

    def settled(
        self,
        least: int,
        most: int,
        suits: Callable[[Settled], bool],
        *,
        vendor: str | None = None,
        plain: Callable[[Row], bool] | None = None,
    ) -> Iterator[Settled]:
        """Settled lines, alone on an invoice that was entered `least` to `most` days ago.

        `plain`: which orders; then the line need not be alone on its invoice.
        """
        numbers = self.network.ap.rows(
            "SELECT min(id) AS id FROM invoice_lines WHERE entered_at BETWEEN ? AND ? AND kind = 'STANDARD'"
            " AND po <> '' AND status <> 'VOID' AND deleted = 0 AND (? IS NULL OR vendor = ?)"
            f" GROUP BY {'vendor, number HAVING count(*) = 1' if plain is None else 'id'}"
            " ORDER BY 1",
            (self._ago(most), self._ago(least), vendor, vendor),
        )
        for row in self._shuffled(numbers):
            there = self.network.ap.find(
                "invoice_lines", {"id": row["id"]}
            )  # a fault may have removed it since
            found = self._settled(there[0], plain or _plain) if there else None
            if found and suits(found):
                yield found

    def _settled(self, invoice: Row, plain: Callable[[Row], bool]) -> Settled | None:
        po, line = invoice["po"], invoice["po_line"]
        if self.network.ledger.taken(po, line):
            return None
        order = next(iter(self.network.erp.find("order_lines", {"po": po, "line": line})), None)
        receipts = self.network.wms.find("receipts", {"po": po, "po_line": f"{line:04d}"})
        billed = self.network.ap.find("invoice_lines", {"po": po, "po_line": line})
        if (
            order is None
            or len(receipts) != 1
            or len(billed) != 1
            or not plain(order)
            or order["status"] != "Closed"
        ):
            return None
        agreed = receipts[0]["quantity"] == invoice["quantity"] == order["quantity"]
        agreed = agreed and abs(invoice["price"] - order["price"]) <= _CENTS
        return Settled(order, invoice, receipts[0]) if agreed else None

    def waiting(self, least: int, most: int) -> Iterator[Row]:
        """Plain ERP order lines, ordered `least` to `most` days ago, with neither receipt nor invoice yet."""
        rows = self.network.erp.rows(
            "SELECT * FROM order_lines WHERE status = 'Dispatched' AND ordered_at BETWEEN ? AND ?"
            " ORDER BY id",
            (self._ago(most), self._ago(least)),
        )
        for order in self._shuffled(rows):
            po, line = order["po"], order["line"]
            if not _plain(order) or self.network.ledger.taken(po, line):
                continue
            received = self.network.wms.find("receipts", {"po": po, "po_line": f"{line:04d}"})
            if not received and not self.network.ap.find("invoice_lines", {"po": po, "po_line": line}):
                yield order

    def flagged(self, condition: str, *, ordered_before_days: int = 45) -> Iterator[Row]:
        """ERP order lines that satisfy a condition over the ERP's columns, ordered some time ago."""
        rows = self.network.erp.rows(
            f"SELECT * FROM order_lines WHERE status <> 'Canceled' AND ordered_at < ? AND {condition}"
            " ORDER BY id",
            (self._ago(ordered_before_days),),
        )
        for order in self._shuffled(rows):
            if not self.network.ledger.taken(order["po"], order["line"]):
                yield order

    def bills(self, kind: str, least: int, most: int) -> Iterator[Row]:
        """Invoices of one kind that name no order; the ledger reserves them as line 0 of their own number."""
        rows = self.network.ap.rows(
            "SELECT * FROM invoice_lines WHERE kind = ? AND po = '' AND deleted = 0 AND status <> 'VOID'"
            " AND entered_at BETWEEN ? AND ? ORDER BY id",
            (kind, self._ago(most), self._ago(least)),
        )
        for row in self._shuffled(rows):
            if not self.network.ledger.taken(row["number"], 0):
                yield row

    def billed(
        self, condition: str, least: int, most: int, kind: str = "STANDARD"
    ) -> Iterator[tuple[Row, Row]]:
        """(ERP order line, its newest invoice line of a kind): lines that satisfy a condition over the ERP's columns,
        and whose newest invoice was entered `least` to `most` days ago.
        """
        for order in self.flagged(condition, ordered_before_days=least):
            rows = self.network.ap.find(
                "invoice_lines", {"po": order["po"], "po_line": order["line"], "kind": kind}
            )
            live = [row for row in rows if not row["deleted"] and row["status"] != "VOID"]
            if live and self._ago(most) <= live[-1]["entered_at"] <= self._ago(least):
                yield order, live[-1]

    def rows(self, system: str, table: str, condition: str, mark: str) -> Iterator[Row]:
        """Rows of a further table, in the order of chance; the ledger reserves each by the text of `mark`'s columns."""
        rows = self.network.stores[system].rows(
            f"SELECT * FROM {table} WHERE gone = 0 AND {condition} ORDER BY id"
        )
        for row in self._shuffled(rows):
            if not self.network.ledger.taken(" ".join(str(row[name]) for name in mark.split()), 0):
                yield row

    def _ago(self, days: float) -> str:
        return stamp(self.now - timedelta(days=days))

    def _shuffled(self, rows: list[Row]) -> list[Row]:
        return self.rng.sample(rows, len(rows))


def _plain(order: Row) -> bool:
    return bool(order["match_type"] == 3 and order["flags"] == "" and order["basis"] == "quantity")
