"""What follows in other books when goods arrive or an invoice comes: inspections, usage, confirmations, settlements.

Pure: rows out of documents, all in agreement. It plants nothing, and knows no database. What is settled by evaluated
receipt is settled by the first run after the receipt; runs are on Mondays, six o'clock UTC.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .documents import Event, InvoiceLine, Receipt, cents, instant, stamp
from .places import FACILITY
from .suppliers import SUPPLIER
from .systems.store import Row
from .trade import Numbers

RUN_DAY, RUN_HOUR = 0, 6
_AFTER_RUN = timedelta(minutes=10)
Orders = Mapping[tuple[str, int], Row]
"""ERP order lines by order and line."""


@dataclass(slots=True)
class Books:
    """Rows for the tables of the same names, and what is still to come."""

    inspections: list[Row] = field(default_factory=list)
    usages: list[Row] = field(default_factory=list)
    confirmations: list[Row] = field(default_factory=list)
    settlements: list[Event] = field(default_factory=list)


def next_run(at: datetime) -> datetime:
    """The first settlement run after a time."""
    days = (RUN_DAY - at.weekday()) % 7
    run = (at + timedelta(days=days)).replace(hour=RUN_HOUR, minute=0, second=0, microsecond=0)
    return run if run > at else run + timedelta(days=7)


def follow(
    receipts: Sequence[Receipt], invoices: Sequence[InvoiceLine], orders: Orders, numbers: Numbers
) -> Books:
    """What these documents entail."""
    books = Books()
    for receipt in receipts:
        if orders[receipt.order, receipt.order_line]["match_type"] == 4:
            books.inspections.append(_inspection(receipt))
    for invoice in invoices:
        order = orders.get((invoice.order, invoice.order_line))
        if order is None:
            continue
        if "caseNumber" in invoice.more:
            books.usages.append(usage(invoice))
        if json.loads(order["terms"]).get("NeedsConfirmation"):
            books.confirmations.append(_confirmation(invoice))
    books.settlements = list(_settlements(receipts, orders, numbers))
    return books


def _inspection(receipt: Receipt) -> Row:
    return {
        "inspection": f"QI{receipt.number.removeprefix('R')}", "line": receipt.line,
        "site": FACILITY[receipt.facility].warehouse, "receipt": receipt.number, "po": receipt.order,
        "po_line": receipt.order_line, "item": receipt.item, "accepted": receipt.quantity, "rejected": 0,
        "unit": receipt.unit, "inspected_at": receipt.received_at, "changed_at": receipt.changed_at,
    }  # fmt: skip


def usage(invoice: InvoiceLine) -> Row:
    """What was used in the case that a line bills: two days before it was entered."""
    used = stamp(instant(invoice.entered_at) - timedelta(days=2))
    return {
        "usage": f"US-{invoice.more['caseNumber']}", "line": invoice.line, "site": FACILITY[invoice.facility].warehouse,
        "case_number": invoice.more["caseNumber"], "item": invoice.item, "lot": invoice.more.get("lot", ""),
        "serial": invoice.more.get("serial", ""), "quantity": invoice.quantity, "unit": invoice.unit,
        "used_at": used, "changed_at": invoice.changed_at,
    }  # fmt: skip


def _confirmation(invoice: InvoiceLine) -> Row:
    return {
        "confirmation": f"SC-{invoice.supplier}-{invoice.number}", "site": FACILITY[invoice.facility].procurement,
        "po": f"PO-{invoice.order}", "line": invoice.order_line, "amount": invoice.amount,
        "service_date": invoice.more.get("serviceDate"), "confirmed_at": invoice.entered_at,
        "changed_at": invoice.changed_at,
    }  # fmt: skip


def _settlements(receipts: Iterable[Receipt], orders: Orders, numbers: Numbers) -> Iterable[Event]:
    """One document per receipt of evaluated-receipt lines, at the run that follows it."""
    of_receipt: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        if "ers" in orders[receipt.order, receipt.order_line]["flags"].split(","):
            of_receipt[receipt.number].append(receipt)
    for rows in of_receipt.values():
        at = next_run(instant(rows[0].received_at)) + _AFTER_RUN
        yield Event(stamp(at), invoices=_settlement(rows, orders, numbers, at))


def _settlement(rows: Sequence[Receipt], orders: Orders, numbers: Numbers, at: datetime) -> list[InvoiceLine]:
    number, entered = f"ERS{numbers.next('settlement') + 70000:07d}", stamp(at)
    supplier = SUPPLIER[orders[rows[0].order, rows[0].order_line]["vendor"]]
    lines = []
    for index, row in enumerate(rows):
        order = orders[row.order, row.order_line]
        lines.append(
            InvoiceLine(
                supplier.number, supplier.payables, number, index + 1, row.facility, "settlement", "", row.order,
                row.order_line, True, row.item, order["description"], row.quantity, row.unit, order["price"],
                order["price_per"], cents(order["price"], row.quantity, order["price_per"]), "entered",
                at.date().isoformat(), entered, (at + timedelta(days=30)).date().isoformat(), entered,
            )
        )  # fmt: skip
    while (supplier.number, sum(line.amount for line in lines)) in numbers.totals:
        lines[0].amount += 1
    numbers.totals.add((supplier.number, sum(line.amount for line in lines)))
    return lines
