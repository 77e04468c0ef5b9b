"""Things that look wrong and are not: FLOWS's *not* column, planted and recorded so that a test can ask for silence.

Some are simply there in the history and are only written down; others are made by altering a system in a way that
still agrees with the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from .candidates import Settled, line_key
from .documents import Event, Receipt, cents, stamp
from .faults import ERP_UNITS, Planter, invoice_key
from .goods import ITEM
from .ledger import Change, Entry
from .suppliers import SUPPLIER
from .systems.store import Row

# What the ERP's columns say, which fault it resembles, and why it is none.
_BY_FLAG = (
    ("match_type = 2 AND basis = 'quantity'", "missing_receipt", "two-way: no receipt is expected"),
    (
        "flags = 'bill_only'",
        "missing_receipt",
        "bill-only implant: used before it was ordered, never received",
    ),
    ("flags = 'drop_ship'", "missing_receipt", "drop shipment: it went to the patient's home"),
    ("basis = 'amount' AND flags = ''", "missing_receipt", "a service by amount needs no receipt"),
    ("flags = 'blanket'", "over_ordered", "a blanket order is billed little by little"),
    ("flags = 'ers'", "received_not_invoiced", "evaluated receipt: the supplier sends no invoice"),
    ("flags = 'consigned'", "received_not_invoiced", "consigned stock is not billed when it arrives"),
    ("flags = 'no_charge'", "received_not_invoiced", "samples without charge"),
    ("flags = 'price_estimated'", "price_variance", "the order's price was an estimate"),
)


class LookAlikes:
    """Plants and records look-alikes, `count` of each kind, beside a planter's faults."""

    def __init__(self, planter: Planter) -> None:
        self.planter, self.network, self.now = planter, planter.network, planter.now
        self.candidates = planter.candidates

    def plant_all(self, count: int) -> int:
        """Write down and make up to `count` of each kind; returns how many rows the ledger got."""
        sources = [self._flagged(*row) for row in _BY_FLAG]
        sources += [
            self._converted_unit(), self._remit_to(), self._credit_and_rebill(), self._void(), self._rounding(), self._in_tolerance(),
            self._partial(), self._fresh_invoice(), self._status_lag(), self._bills("RECURRING", "duplicate_invoice", "a lease, as every month"),
            self._bills("UTILITY", "no_valid_order", "utilities need no order"), self._bills("REFUND", "no_valid_order", "a refund needs no order"),
        ]  # fmt: skip
        written = 0
        for source in sources:
            for _ in range(count):
                if (entry := next(source, None)) is None:
                    break
                self.network.ledger.write("look_alike", entry, self.now, self.now)
                written += 1
        return written

    def _flagged(self, condition: str, category: str, why: str) -> Iterator[Entry]:
        for order in self.candidates.flagged(condition):
            line = (order["po"], order["line"])
            yield Entry(category, ERP_UNITS[order["business_unit"]], "erp", line_key(order), why, [line])

    def _bills(self, kind: str, category: str, why: str) -> Iterator[Entry]:
        for bill in self.candidates.bills(kind, 1, 120):
            yield Entry(
                category, bill["facility"], "ap_automation", invoice_key(bill), why, [(bill["number"], 0)]
            )

    def _billed(self, found: Settled, category: str, values: Row, why: str) -> Entry:
        self.network.change(
            Change("ap_automation", "invoice_lines", "alter", {"id": found.invoice["id"]}, values), self.now
        )
        return Entry(category, found.invoice["facility"], "ap_automation", found.key, why, [found.line])

    def _converted_unit(self) -> Iterator[Entry]:
        for found in self.candidates.settled(3, 40, lambda s: ITEM[s.order["item"]].factor > 1):
            item, cases = ITEM[found.order["item"]], found.invoice["quantity"]
            values = {"unit": "EA", "quantity": cases * item.factor, "price": item.price}
            yield self._billed(
                found, "unit_mismatch", values, "billed each, at the price of each: equal after conversion"
            )

    def _remit_to(self) -> Iterator[Entry]:
        for found in self.candidates.settled(3, 60, lambda s: True):
            values = {"vendor": SUPPLIER[found.order["vendor"]].remit_to}
            yield self._billed(
                found, "supplier_mismatch", values, "the supplier's other remittance address, which is mapped"
            )

    def _rounding(self) -> Iterator[Entry]:
        for found in self.candidates.settled(3, 60, lambda s: True):
            yield self._billed(
                found, "price_variance", {"amount": found.invoice["amount"] + 2}, "two cents of rounding"
            )

    def _in_tolerance(self) -> Iterator[Entry]:
        for found in self.candidates.settled(3, 60, lambda s: 20_000 < s.invoice["amount"] < 900_000):
            price = found.invoice["price"] * 1014 // 1000
            values = {
                "price": price,
                "amount": cents(price, found.invoice["quantity"], found.invoice["price_per"]),
            }
            yield self._billed(found, "price_variance", values, "1.4 % over, within the tolerance")

    def _credit_and_rebill(self) -> Iterator[Entry]:
        for found in self.candidates.settled(8, 60, lambda s: True):
            row = found.invoice
            credit = {
                "kind": "CREDIT",
                "number": f"CR-{row['number']}",
                "quantity": -row["quantity"],
                "amount": -row["amount"],
            }
            rebill = {"kind": "REBILL", "number": f"{row['number']}-RB"}
            for days, values in ((1, credit), (2, rebill)):
                self._add_copy(row, values | {"refers_to": row["number"]}, days)
            yield Entry(
                "duplicate_invoice",
                row["facility"],
                "ap_automation",
                found.key,
                "credited and billed again",
                [found.line],
            )

    def _void(self) -> Iterator[Entry]:
        for found in self.candidates.settled(8, 60, lambda s: True):
            row = found.invoice
            self._add_copy(
                row,
                {"number": row["number"].lower().replace("-", " ").replace("/", " ") + " ", "status": "VOID"},
                0,
            )
            yield Entry(
                "duplicate_invoice",
                row["facility"],
                "ap_automation",
                found.key,
                "captured twice, one voided",
                [found.line],
            )

    def _add_copy(self, row: Row, values: Row, days: int) -> None:
        at = stamp(datetime.fromisoformat(row["entered_at"]) + timedelta(days=days))
        dated = (datetime.fromisoformat(row["dated"]) + timedelta(days=days)).date().isoformat()
        copy = {column: value for column, value in row.items() if column != "id"}
        copy |= {"entered_at": at, "changed_at": at, "dated": dated, **values}
        self.network.change(Change("ap_automation", "invoice_lines", "insert", {}, copy), self.now)

    def _partial(self) -> Iterator[Entry]:
        """Delivered and billed in two parts, the second still to come or long since here."""
        split = self.network.wms.rows(
            "SELECT po, CAST(po_line AS INTEGER) AS line FROM receipts GROUP BY po, po_line HAVING count(*) = 2 ORDER BY 1, 2"
        )
        for row in self.planter.rng.sample(split, len(split)):
            order = self.network.erp.find("order_lines", {"po": row["po"], "line": row["line"]})[0]
            if not self.network.ledger.taken(row["po"], row["line"]) and order["flags"] == "":
                key, line = line_key(order), (row["po"], row["line"])
                yield Entry(
                    "over_received",
                    ERP_UNITS[order["business_unit"]],
                    "wms",
                    key,
                    "delivered and billed in two parts",
                    [line],
                )

    def _fresh_invoice(self) -> Iterator[Entry]:
        """Billed three hours ago; the goods are on the road and arrive before the two business days are over."""
        for order in self.candidates.waiting(2, 110):
            row = self.planter.invoice_row(order, self.now - timedelta(hours=3))
            self.planter.forget_plans(order["po"])
            self.network.change(Change("ap_automation", "invoice_lines", "insert", {}, row), self.now)
            at, line = stamp(self.now + timedelta(hours=4)), order["line"]
            receipt = Receipt(
                self.network.numbers.receipt(), 1, order["po"], line, row["facility"], order["item"], order["quantity"], order["unit"],
                "receipt", at, at,
            )  # fmt: skip
            self.network.intend([Event(at, receipts=[receipt], statuses=[(order["po"], line, "closed")])])
            why = "the invoice came a few hours before the goods"
            yield Entry(
                "missing_receipt",
                row["facility"],
                "ap_automation",
                line_key(order),
                why,
                [(order["po"], line)],
            )

    def _status_lag(self) -> Iterator[Entry]:
        """The ERP closed the line two minutes ago; the procurement suite hears of it in forty minutes."""
        for found in self.candidates.settled(3, 40, lambda s: True):
            po, line = found.line
            recently = stamp(self.now - timedelta(minutes=2))
            self.network.change(
                Change("erp", "order_lines", "alter", {"po": po, "line": line}, {"modified_at": recently}),
                self.now,
            )
            behind = {"state": "FULLY_RECEIVED", "updated_at": stamp(self.now - timedelta(minutes=30))}
            self.network.change(
                Change("procurement", "order_lines", "alter", {"po": f"PO-{po}", "line": line}, behind),
                self.now,
            )
            self.network.intend(
                [Event(stamp(self.now + timedelta(minutes=40)), statuses=[(po, line, "closed")])]
            )
            why = "the procurement suite hears of the closing within the hour"
            yield Entry(
                "order_status_mismatch",
                found.invoice["facility"],
                "procurement",
                found.key,
                why,
                [found.line],
            )
