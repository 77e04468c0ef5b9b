"""Planting: rows of one system are altered so that it disagrees with the others, and the ledger says so.

The same functions plant into the history, before anybody has read it, and into the running network. Each knows how
to repair what it did. A fault never touches an order line that another ledger row speaks of.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from .candidates import Candidates, Settled, line_key
from .documents import cents, stamp
from .goods import ITEM
from .ledger import Change, Entry
from .network import Network
from .places import FACILITIES, FACILITY
from .suppliers import BLOCKED_SUPPLIER, SUPPLIER, SUPPLIERS, UNMAPPED_ALIAS, of_trade
from .systems.store import Row

BLOCKED_INVOICES = 47
STATUS_GRACE = timedelta(hours=4)
ERP_UNITS = {facility.erp: facility.code for facility in FACILITIES}


class Planter:
    """Plants faults of each category, at a time, into one network."""

    def __init__(self, network: Network, rng: random.Random, now: datetime) -> None:
        self.network, self.rng, self.now = network, rng, now
        self.candidates = Candidates(network, rng, now)

    def plant(self, category: str, count: int = 1) -> list[int]:
        """Plant up to `count` faults of a category; returns their ledger ids. Raises KeyError for an unknown one."""
        entries, planted = getattr(self, PLANTERS[category])(), list[int]()
        while len(planted) < count and (entry := next(entries, None)):
            grace = (
                STATUS_GRACE if category == "order_status_mismatch" and self.network.opened else timedelta(0)
            )
            planted.append(self.network.ledger.write("fault", entry, self.now, self.now + grace))
        return planted

    def _alter(
        self, entity: str, category: str, where: Settled, system: str, values: dict[str, Any], how: str
    ) -> Entry:
        """Alter the invoice or the receipt of a settled line, remembering what stood there."""
        table, row = (
            ("invoice_lines", where.invoice) if system == "ap_automation" else ("receipts", where.receipt)
        )
        key = {"id": row["id"]}
        self.network.change(Change(system, table, "alter", key, values), self.now)
        undo = Change(system, table, "alter", key, {column: row[column] for column in values})
        return Entry(category, entity, system, where.key, how, [where.line], [undo])

    def _price_variance(self) -> Iterator[Entry]:
        for found in self.candidates.settled(5, 25, lambda s: s.invoice["amount"] >= 30_000):
            price = found.invoice["price"] * self.rng.randint(106, 118) // 100
            amount = cents(price, found.invoice["quantity"], found.invoice["price_per"])
            yield self._alter(
                found.invoice["facility"], "price_variance", found, "ap_automation", {"price": price, "amount": amount},
                "the supplier charged a higher price than the order's",
            )  # fmt: skip

    def _over_received(self) -> Iterator[Entry]:
        for found in self.candidates.settled(5, 25, lambda s: s.receipt["quantity"] >= 4):
            counted = found.receipt["quantity"] * self.rng.randint(50, 80) // 100
            yield self._alter(
                found.invoice["facility"], "over_received", found, "wms", {"quantity": counted},
                "the dock counted fewer than the supplier billed",
            )  # fmt: skip

    def _over_ordered(self) -> Iterator[Entry]:
        received = self.candidates.settled(1, 9, lambda s: s.receipt["quantity"] >= 4)
        for order, found in zip(
            self.candidates.flagged("match_type = 2 AND basis = 'quantity'", ordered_before_days=15),
            received,
            strict=False,
        ):
            yield from self._billed_beyond_order(order)
            yield self._alter(
                found.invoice["facility"], "over_ordered", found, "wms", {"quantity": found.receipt["quantity"] * 3 // 2},
                "the supplier delivered half as much again as was ordered",
            )  # fmt: skip

    def _billed_beyond_order(self, order: Row) -> Iterator[Entry]:
        billed = self.network.ap.find("invoice_lines", {"po": order["po"], "po_line": order["line"]})
        if len(billed) != 1 or billed[0]["quantity"] != order["quantity"]:
            return
        key, row = {"id": billed[0]["id"]}, billed[0]
        quantity = row["quantity"] * 3 // 2
        values = {"quantity": quantity, "amount": cents(row["price"], quantity, row["price_per"])}
        self.network.change(Change("ap_automation", "invoice_lines", "alter", key, values), self.now)
        undo = Change(
            "ap_automation", "invoice_lines", "alter", key, {column: row[column] for column in values}
        )
        yield Entry(
            "over_ordered", row["facility"], "ap_automation", line_key(order), "billed half as much again as was ordered",
            [(order["po"], order["line"])], [undo],
        )  # fmt: skip

    def _unit_mismatch(self) -> Iterator[Entry]:
        for index, found in enumerate(
            self.candidates.settled(5, 25, lambda s: ITEM[s.order["item"]].factor > 1)
        ):
            unit, how = (
                ("PK", "billed in packs, which no conversion knows")
                if index % 2
                else ("EA", "billed each at the price of a case")
            )
            yield self._alter(
                found.invoice["facility"], "unit_mismatch", found, "ap_automation", {"unit": unit}, how
            )

    def _supplier_mismatch(self) -> Iterator[Entry]:
        for found in self.candidates.settled(4, 30, lambda s: s.order["vendor"] != BLOCKED_SUPPLIER.number):
            supplier = SUPPLIER[found.order["vendor"]]
            other = self.rng.choice(
                [
                    s
                    for s in of_trade(supplier.trade)
                    if s.number not in {supplier.number, BLOCKED_SUPPLIER.number}
                ]
            )
            yield self._renamed(
                found, other.payables, other.name, "the invoice was captured under another supplier"
            )

    def _unmapped_alias(self) -> Iterator[Entry]:
        suits: Callable[[Settled], bool] = lambda s: True  # noqa: E731 - every settled line of the supplier will do
        for found in self.candidates.settled(2, 100, suits, vendor=BLOCKED_SUPPLIER.payables):
            yield self._renamed(
                found,
                UNMAPPED_ALIAS,
                "Stryden Orthopedics LLC",
                "the supplier's new name is not known as anybody",
            )

    def _renamed(self, found: Settled, vendor: str, name: str, how: str) -> Entry:
        """A line under another supplier. Once read, it is a new line and the old one is deleted."""
        row = found.invoice
        wrong = {**row, "vendor": vendor, "vendor_name": name, "id": self._next_invoice_id()}
        right = {**row, "id": self._next_invoice_id() + 1}
        if self.network.opened:
            self.network.change(_deletion(row["id"]), self.now)
            self.network.change(Change("ap_automation", "invoice_lines", "insert", {}, wrong), self.now)
        else:
            wrong = {**wrong, "id": row["id"]}
            self.network.change(
                Change("ap_automation", "invoice_lines", "alter", {"id": row["id"]}, wrong), self.now
            )
        right.pop("id")
        undo = [_deletion(wrong["id"]), Change("ap_automation", "invoice_lines", "insert", {}, right)]
        return Entry(
            "supplier_mismatch", row["facility"], "ap_automation", found.key, how, [found.line], undo
        )

    def _next_invoice_id(self) -> int:
        return int(self.network.ap.rows("SELECT max(id) + 1 AS id FROM invoice_lines")[0]["id"])

    def _received_not_invoiced(self) -> Iterator[Entry]:
        for found in self.candidates.settled(
            34, 80, lambda s: s.invoice["amount"] >= 20_000 and s.receipt["posted_at"] < self._days_ago(36)
        ):
            key, row = {"id": found.invoice["id"]}, found.invoice
            if self.network.opened:
                self.network.change(
                    Change("ap_automation", "invoice_lines", "alter", key, {"status": "VOID"}), self.now
                )
                undo = Change("ap_automation", "invoice_lines", "alter", key, {"status": row["status"]})
            else:
                self.network.change(Change("ap_automation", "invoice_lines", "remove", key, {}), self.now)
                undo = Change("ap_automation", "invoice_lines", "insert", {}, row)
            yield Entry(
                "received_not_invoiced",
                row["facility"],
                "ap_automation",
                found.key,
                "the invoice never came",
                [found.line],
                [undo],
            )

    def _order_status_mismatch(self) -> Iterator[Entry]:
        for found in self.candidates.settled(5, 40, lambda s: True):
            key = {"po": f"PO-{found.order['po']}", "line": found.order["line"]}
            row = self.network.procurement.find("order_lines", key)[0]
            values = {"state": "ORDERED", "updated_at": row["created_at"]}
            self.network.change(Change("procurement", "order_lines", "alter", key, values), self.now)
            undo = Change("procurement", "order_lines", "alter", key, {"state": row["state"]})
            yield Entry(
                "order_status_mismatch", found.invoice["facility"], "procurement", found.key,
                "the procurement suite never heard that the line was received and closed", [found.line], [undo],
            )  # fmt: skip

    def _missing_receipt(self) -> Iterator[Entry]:
        for order in self.candidates.waiting(12, 110):
            entered = max(
                datetime_of(order["ordered_at"]) + timedelta(days=2),
                self.now - timedelta(days=self.rng.randint(8, 20)),
            )
            row = self.invoice_row(order, entered)
            self.forget_plans(order["po"])
            self.network.change(Change("ap_automation", "invoice_lines", "insert", {}, row), self.now)
            receipt = {
                "receipt": self.network.numbers.receipt(), "line": 1, "site": FACILITY[row["facility"]].warehouse, "po": order["po"],
                "po_line": f"{order['line']:04d}", "item": order["item"], "quantity": order["quantity"], "unit": order["unit"],
                "movement": "RECEIPT", "received_local": "", "posted_at": stamp(self.now), "mangled": "",
            }  # fmt: skip
            undo = Change("wms", "receipts", "insert", {}, receipt)
            yield Entry(
                "missing_receipt", row["facility"], "ap_automation", line_key(order), "billed, and nobody recorded a receipt",
                [(order["po"], order["line"])], [undo],
            )  # fmt: skip

    def invoice_row(self, order: Row, entered: datetime, po: str | None = None) -> Row:
        """An invoice line that bills an ERP order line in full, at its price."""
        supplier, numbers = SUPPLIER[order["vendor"]], self.network.numbers
        amount, price = cents(order["price"], order["quantity"], order["price_per"]), order["price"]
        while (supplier.number, amount) in numbers.totals:
            amount += 1
        numbers.totals.add((supplier.number, amount))
        dated = entered.date()
        return {
            "vendor": supplier.payables, "vendor_name": supplier.name, "number": numbers.invoice(supplier.number), "line": 1,
            "facility": ERP_UNITS[order["business_unit"]], "kind": "STANDARD", "refers_to": "", "po": po or order["po"],
            "po_line": order["line"], "po_required": 1, "item": order["item"], "description": order["description"],
            "quantity": order["quantity"], "unit": order["unit"], "price": price, "price_per": order["price_per"],
            "amount": amount, "status": "ENTERED", "dated": dated.isoformat(), "entered_at": stamp(entered),
            "due": (dated + timedelta(days=30)).isoformat(), "deleted": 0, "changed_at": stamp(entered),
        }  # fmt: skip

    def forget_plans(self, po: str) -> None:
        """What was planned for an order will not happen."""
        self.network.life.run("DELETE FROM plan WHERE event LIKE ?", (f'%"{po}"%',))

    def _no_valid_order(self) -> Iterator[Entry]:
        for index, found in enumerate(
            self.candidates.settled(5, 40, lambda s: s.invoice["amount"] >= 20_000)
        ):
            unknown = (
                "" if index % 4 == 3 else f"4500{self.network.numbers.next('unknown order') + 930000:06d}"
            )
            row = self.invoice_row(found.order, self.now - timedelta(days=self.rng.randint(5, 20)), unknown)
            row |= {"po": unknown, "po_line": row["po_line"] if unknown else 0}
            self.network.change(Change("ap_automation", "invoice_lines", "insert", {}, row), self.now)
            undo = Change(
                "ap_automation",
                "invoice_lines",
                "alter",
                {"vendor": row["vendor"], "number": row["number"]},
                {"status": "VOID"},
            )
            key = line_key({"po": unknown, "line": row["po_line"]}) if unknown else invoice_key(row)
            how = (
                "the invoice names an order that no system knows"
                if unknown
                else "an order is required, and none is named"
            )
            yield Entry("no_valid_order", row["facility"], "ap_automation", key, how, (), [undo])

    def _duplicate_invoice(self) -> Iterator[Entry]:
        same_number = self.candidates.settled(16, 40, lambda s: True)
        for found, bill in zip(same_number, self.candidates.bills("STANDARD", 10, 80), strict=False):
            number = found.invoice["number"].replace("-", "").replace("/", " ").lower()
            number = f"00{number}" if number.isdigit() else number
            yield self._copy(
                found.invoice,
                {"number": number},
                9,
                [found.line],
                "sent twice, the number written differently",
            )
            other = self.rng.choice(
                [facility.code for facility in FACILITIES if facility.code != bill["facility"]]
            )
            number = self.network.numbers.invoice(self._supplier_number(bill["vendor"]))
            yield self._copy(
                bill,
                {"number": number, "facility": other},
                2,
                [(bill["number"], 0), (number, 0)],
                "billed to two facilities under two numbers",
            )

    def _copy(self, row: Row, values: dict[str, Any], days: int, lines: Any, how: str) -> Entry:
        entered = datetime_of(row["entered_at"]) + timedelta(days=days)
        dated = datetime.fromisoformat(row["dated"]) + timedelta(days=days)
        copy = {
            **row,
            **values,
            "dated": dated.date().isoformat(),
            "entered_at": stamp(entered),
            "changed_at": stamp(entered),
        }
        copy |= {"id": self._next_invoice_id(), "status": "APPROVED"}
        self.network.change(Change("ap_automation", "invoice_lines", "insert", {}, copy), self.now)
        undo = Change("ap_automation", "invoice_lines", "alter", {"id": copy["id"]}, {"status": "VOID"})
        return Entry(
            "duplicate_invoice", row["facility"], "ap_automation", invoice_key(row), how, lines, [undo]
        )

    @staticmethod
    def _supplier_number(payables: str) -> str:
        return next(supplier.number for supplier in SUPPLIERS if supplier.payables == payables)

    def _rejected_rows(self) -> Iterator[Entry]:
        for mangled, order in zip(
            ("date", "short", "quantity") * 50, self.candidates.flagged("flags = 'no_charge'"), strict=False
        ):
            for receipt in self.network.wms.find(
                "receipts", {"po": order["po"], "po_line": f"{order['line']:04d}"}
            )[:1]:
                self.network.change(
                    Change("wms", "receipts", "alter", {"id": receipt["id"]}, {"mangled": mangled}), self.now
                )
                undo = Change("wms", "receipts", "alter", {"id": receipt["id"]}, {"mangled": ""})
                key = {
                    "feed": "wms_receipts",
                    "receipt_number": receipt["receipt"],
                    "receipt_line": str(receipt["line"]),
                }
                how = {
                    "date": "a date that does not exist",
                    "short": "too few fields",
                    "quantity": "a quantity in words",
                }[mangled]
                yield Entry(
                    "rejected_rows",
                    ERP_UNITS[order["business_unit"]],
                    "wms",
                    key,
                    how,
                    [(order["po"], order["line"])],
                    [undo],
                )

    def _unknown_facility(self) -> Iterator[Entry]:
        for bill in self.candidates.bills("UTILITY", 5, 60):
            values = {"facility": "ZZQ"}
            self.network.change(
                Change("ap_automation", "invoice_lines", "alter", {"id": bill["id"]}, values), self.now
            )
            undo = Change(
                "ap_automation", "invoice_lines", "alter", {"id": bill["id"]}, {"facility": bill["facility"]}
            )
            key = {"feed": "ap_invoices", **invoice_key(bill)}
            yield Entry(
                "rejected_rows",
                bill["facility"],
                "ap_automation",
                key,
                "an unknown facility code",
                [(bill["number"], 0)],
                [undo],
            )

    def _days_ago(self, days: float) -> str:
        return stamp(self.now - timedelta(days=days))


def _deletion(number: int) -> Change:
    return Change("ap_automation", "invoice_lines", "alter", {"id": number}, {"deleted": 1})


def invoice_key(row: Row) -> dict[str, str]:
    """The business key of an invoice, as AP automation writes it."""
    return {"supplier": row["vendor"], "invoice_number": row["number"]}


def datetime_of(text: str) -> datetime:
    """The aware time that a system's UTC stamp means."""
    return datetime.fromisoformat(text)


PLANTERS = {
    "no_valid_order": "_no_valid_order", "missing_receipt": "_missing_receipt", "over_received": "_over_received",
    "over_ordered": "_over_ordered", "price_variance": "_price_variance", "unit_mismatch": "_unit_mismatch",
    "duplicate_invoice": "_duplicate_invoice", "supplier_mismatch": "_supplier_mismatch",
    "order_status_mismatch": "_order_status_mismatch", "received_not_invoiced": "_received_not_invoiced",
    "unmapped_alias": "_unmapped_alias", "rejected_rows": "_rejected_rows", "unknown_facility": "_unknown_facility",
}  # fmt: skip
"""What can be planted, by the name used on the command line."""
