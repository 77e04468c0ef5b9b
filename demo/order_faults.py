"""Faults around orders and receipts: requisitions, inspections, returns, settlements, usage, blanket orders, services.

Like `line_faults`: generators of ledger entries that alter one system before each (an order that is doubled or priced
above its contract is wrong in every system that has it).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from .candidates import Settled, anything, line_key
from .documents import cents
from .goods import ITEMS
from .ledger import Change, Entry
from .planter import FACILITY_OF, Entries, Planter
from .systems.store import Row
from .systems.warehouse import local_time

_AGREED = frozenset(item.number for item in ITEMS[::2])
_AP = ("ap_automation", "invoice_lines")


def not_ordered(planter: Planter) -> Entries:
    """A requisition was approved days ago, and nobody ordered it."""
    for row in planter.candidates.rows("procurement", "requisitions", "state = 'ORDERED'", "requisition"):
        number, facility = (
            f"RQ-{planter.network.numbers.next('requisition') + 880000}",
            row["site"].removeprefix("LH-"),
        )
        at = planter.ago(planter.rng.randint(3, 12))
        wanted = {**row, "requisition": number, "state": "APPROVED", "approved_at": at, "changed_at": at}
        undo = planter.insert("procurement", "requisitions", {k: v for k, v in wanted.items() if k != "id"})
        withdrawn = Change("procurement", "requisitions", "alter", undo.key, {"state": "CANCELLED"})
        worse = Change("procurement", "requisitions", "alter", undo.key, {"quantity": row["quantity"] + 5})
        key = {"requisition": number, "requisition_line": str(row["line"])}
        how = "approved days ago, and nobody ordered it"
        yield Entry("not_ordered", facility, "procurement", key, how, [(number, 0)], [withdrawn], [worse])


def ordered_twice(planter: Planter) -> Entries:
    """The same requisition line was ordered a second time."""
    for order in planter.candidates.waiting(3, 30):
        asked = {"requisition": order["requisition"], "line": order["requisition_line"]}
        if not planter.network.procurement.find("requisitions", asked):
            continue
        po, undo = second_order(planter, order)
        key = {"requisition": asked["requisition"], "requisition_line": str(asked["line"])}
        lines = [(order["po"], order["line"]), (po, order["line"])]
        how = "ordered twice from one requisition line"
        yield Entry("ordered_twice", FACILITY_OF[order["business_unit"]], "erp", key, how, lines, undo)


def second_order(planter: Planter, order: Row, **also: str) -> tuple[str, list[Change]]:
    """The order line again, in the ERP and in the procurement suite; the steps that cancel it."""
    po, line = planter.network.numbers.order(), {"line": order["line"]}
    suite = planter.network.procurement.find("order_lines", {"po": f"PO-{order['po']}", **line})[0]
    for system, row, number in (("erp", order, po), ("procurement", suite, f"PO-{po}")):
        copy = {name: value for name, value in row.items() if name != "id"} | {"po": number}
        planter.change(Change(system, "order_lines", "insert", {}, copy | (also if system == "erp" else {})))
    return po, [
        Change("erp", "order_lines", "alter", {"po": po, **line}, {"status": "Canceled"}),
        Change("procurement", "order_lines", "alter", {"po": f"PO-{po}", **line}, {"state": "CANCELLED"}),
    ]


def receipt_not_in_erp(planter: Planter) -> Entries:
    """The interface lost a receipt: the warehouse has it, the ERP does not."""
    for found in planter.candidates.settled(3, 40, lambda found: found.quantity >= 2):
        numbers = {"receipt": found.receipt["receipt"], "line": found.receipt["line"]}
        row = planter.network.erp.find("receipts", numbers)[0]
        planter.alter("erp", "receipts", row, {"gone": 1, "stuck": 1})
        whole = {"gone": 0, "stuck": 0, "quantity": row["quantity"]}
        undo = Change("erp", "receipts", "alter", {"id": row["id"]}, whole)
        part = Change(
            "erp", "receipts", "alter", {"id": row["id"]}, {"gone": 0, "quantity": row["quantity"] - 1}
        )
        how = "the warehouse's receipt never reached the ERP"
        yield Entry("receipt_not_in_erp", found.facility, "erp", found.key, how, [found.line], [undo], [part])


def not_accepted(planter: Planter) -> Entries:
    """Part of a four-way line failed its inspection, and all of it was billed."""
    for found in planter.candidates.settled(8, 90, _Suits(planter.ago(8)), plain=four_way):
        where = {"po": found.order["po"], "po_line": found.order["line"]}
        row, good = planter.network.wms.find("inspections", where)[0], found.quantity * 2 // 3
        undo = planter.alter("wms", "inspections", row, {"accepted": good, "rejected": found.quantity - good})
        fewer = {"accepted": good - 1, "rejected": found.quantity - good + 1}
        worse = Change("wms", "inspections", "alter", {"id": row["id"]}, fewer)
        how = "billed in full, accepted in part"
        yield Entry("not_accepted", found.facility, "wms", found.key, how, [found.line], [undo], [worse])


def four_way(order: Row) -> bool:
    return bool(order["match_type"] == 4 and order["flags"] == "")


class _Suits:
    """A line of at least four, received before a time."""

    def __init__(self, before: str) -> None:
        self._before = before

    def __call__(self, found: Settled) -> bool:
        return found.quantity >= 4 and found.receipt["posted_at"] < self._before


def uncredited_return(planter: Planter) -> Entries:
    """Goods went back more than a month ago, and no credit came."""
    for found in planter.candidates.settled(45, 115, _Suits(planter.ago(50))):
        row = returned(planter, found.receipt, 38, found.quantity // 2)
        key = {"receipt": row["receipt"], "line": row["line"]}
        undo = Change("wms", "receipts", "alter", key, {"quantity": 0})
        worse = Change("wms", "receipts", "alter", key, {"quantity": row["quantity"] - 1})
        how = "returned more than a month ago, and never credited"
        yield Entry("uncredited_return", found.facility, "wms", found.key, how, [found.line], [undo], [worse])


def returned(planter: Planter, receipt: Row, days_ago: int, quantity: int) -> Row:
    """A return of part of a receipt."""
    at = planter.ago(days_ago)
    row = {name: value for name, value in receipt.items() if name != "id"} | {
        "receipt": planter.network.numbers.receipt(), "line": 1, "quantity": -quantity, "movement": "RETURN",
        "received_local": local_time(at), "posted_at": at, "sent": 0,
    }  # fmt: skip
    planter.change(Change("wms", "receipts", "insert", {}, row))
    return row


def ers_invoiced(planter: Planter) -> Entries:
    """The supplier billed a line that is paid by evaluated receipt."""
    for order, _ in planter.candidates.billed("flags = 'ers'", 5, 100, "SETTLEMENT"):
        row = planter.invoice_row(order, planter.now - timedelta(days=5))
        planter.add_invoice(row)
        same = {"vendor": row["vendor"], "number": row["number"]}
        undo, worse = (Change(*_AP, "alter", same, values) for values in (
            {"status": "VOID"}, {"amount": row["amount"] + 300},
        ))  # fmt: skip
        line, how = (order["po"], order["line"]), "billed, although it is paid by evaluated receipt"
        key = line_key(order)
        yield Entry("ers_invoiced", row["facility"], "ap_automation", key, how, [line], [undo], [worse])


def ers_unsettled(planter: Planter) -> Entries:
    """A run left out a receipt."""
    for order, row in planter.candidates.billed("flags = 'ers'", 3, 100, "SETTLEMENT"):
        undo = planter.alter_invoice(row, {"status": "VOID"})
        line, how = (order["po"], order["line"]), "left out by the settlement run"
        yield Entry("ers_unsettled", row["facility"], "ap_automation", line_key(order), how, [line], [undo])


def usage_missing(planter: Planter) -> Entries:
    """An implant was billed with a lot that nobody used in that case."""
    for order, row in planter.candidates.billed("flags = 'bill_only'", 5, 100):
        undo = planter.alter_invoice(row, planter.more(row, lot="L0000X1"))
        worse = Change(*_AP, "alter", {"id": row["id"]}, planter.more(row, lot="L0000X2"))
        line, how = (order["po"], order["line"]), "billed with a lot that nobody used"
        key = line_key(order)
        yield Entry("usage_missing", row["facility"], "ap_automation", key, how, [line], [undo], [worse])


def billed_over_usage(planter: Planter) -> Entries:
    """An implant fewer was used than was billed."""
    for order, row in planter.candidates.billed("flags = 'bill_only'", 5, 100):
        if row["quantity"] < 3:
            continue
        used = usage_of(planter, row)
        fewer, least = ({"quantity": used["quantity"] - short} for short in (1, 2))
        undo = planter.alter("wms", "usages", used, fewer)
        worse = Change("wms", "usages", "alter", {"id": used["id"]}, least)
        line, how = (order["po"], order["line"]), "fewer were used than were billed"
        key = use_key(order, used)
        yield Entry("billed_over_usage", row["facility"], "wms", key, how, [line], [undo], [worse])


def use_key(order: Row, used: Row) -> dict[str, str]:
    """The business key of what was used in a case and ordered by a line."""
    return line_key(order) | {"case_number": used["case_number"], "tracking": f"lot {used['lot']}"}


def usage_of(planter: Planter, invoice: Row) -> Row:
    """What the warehouse noted as used in the case that an invoice line bills."""
    case = json.loads(invoice["more"])["caseNumber"]
    (row,) = planter.network.wms.find("usages", {"case_number": case, "item": invoice["item"]})
    return row


def blanket_over_limit(planter: Planter) -> Entries:
    """More was billed on a blanket order than its limit."""
    for order, row in planter.candidates.billed("flags = 'blanket'", 2, 60):
        dollars = order["quantity"] * 11 // 10
        undo = planter.alter_invoice(row, {"quantity": dollars, "amount": dollars * 100})
        more = {"quantity": dollars + 100, "amount": dollars * 100 + 10_000}
        worse = Change(*_AP, "alter", {"id": row["id"]}, more)
        line, how, key = (
            (order["po"], order["line"]),
            "billed beyond the blanket order's limit",
            line_key(order),
        )
        yield Entry("blanket_over_limit", row["facility"], "ap_automation", key, how, [line], [undo], [worse])


def blanket_out_of_validity(planter: Planter) -> Entries:
    """A service from before the blanket order began."""
    for order, row in planter.candidates.billed("flags = 'blanket'", 2, 60):
        begins = datetime.fromisoformat(json.loads(order["terms"])["ValidFrom"])
        first, second = ((begins - timedelta(days=days)).date().isoformat() for days in (4, 9))
        undo = planter.alter_invoice(row, planter.more(row, serviceDate=first))
        worse = Change(*_AP, "alter", {"id": row["id"]}, planter.more(row, serviceDate=second))
        line, how, key = (
            (order["po"], order["line"]),
            "performed before the blanket order began",
            line_key(order),
        )
        yield Entry(
            "blanket_out_of_validity", row["facility"], "ap_automation", key, how, [line], [undo], [worse]
        )


def service_over_confirmed(planter: Planter) -> Entries:
    """A service was billed with more than the department confirmed."""
    condition = "basis = 'amount' AND terms LIKE '%NeedsConfirmation%'"
    for order, row in planter.candidates.billed(condition, 2, 60):
        first, second = (row["quantity"] * percent // 100 for percent in (112, 120))
        undo = planter.alter_invoice(row, {"quantity": first, "amount": first * 100})
        worse = Change(*_AP, "alter", {"id": row["id"]}, {"quantity": second, "amount": second * 100})
        line, how, key = (order["po"], order["line"]), "billed with more than was confirmed", line_key(order)
        yield Entry(
            "service_over_confirmed", row["facility"], "ap_automation", key, how, [line], [undo], [worse]
        )


def contract_price_variance(planter: Planter) -> Entries:
    """Ordered and billed at one price, which is a tenth above the contract's."""
    for found in planter.candidates.settled(5, 40, lambda found: found.amount >= 30_000):
        if found.order["item"] not in _AGREED:
            continue
        price, row = found.order["price"] * 11 // 10, found.invoice
        suite = {"po": f"PO-{found.order['po']}", "line": found.order["line"]}
        ordered = planter.network.procurement.find("order_lines", suite)[0]
        billed = {"price": price, "amount": cents(price, row["quantity"], row["price_per"])}
        undo = [
            planter.alter("erp", "order_lines", found.order, {"price": price}),
            planter.alter("procurement", "order_lines", ordered, {"price": price}),
            planter.alter_invoice(row, billed),
        ]
        worse = Change(*_AP, "alter", {"id": row["id"]}, {"amount": billed["amount"] + 300})
        how = "ordered and billed above the contract's price"
        yield Entry(
            "contract_price_variance", found.facility, "erp", found.key, how, [found.line], undo, [worse]
        )


def currency_mismatch(planter: Planter) -> Entries:
    """Billed in Canadian dollars, ordered in our own."""
    for found in planter.candidates.settled(5, 25, anything):
        values, worse = (planter.more(found.invoice, currency=code) for code in ("CAD", "EUR"))
        how = "billed in another currency than ordered"
        yield planter.bill(found, "currency_mismatch", how, values, worse)
