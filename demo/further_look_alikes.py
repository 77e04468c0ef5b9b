"""Things beyond orders, receipts and invoice lines that look wrong and are not.

Like `look_alikes`. What would become a fault if nothing followed has its sequel in the plan.
"""

from __future__ import annotations

import json
from datetime import timedelta

from .candidates import anything, line_key
from .documents import Event
from .ledger import Change, Entry
from .order_faults import four_way, returned, second_order
from .payment_faults import credit
from .places import FACILITY
from .planter import FACILITY_OF, Entries, Planter
from .systems.store import Row
from .systems.warehouse import local_time

_AP = ("ap_automation", "invoice_lines")


def kinds(planter: Planter) -> list[Entries]:
    """Every kind, each as an endless-looking supply of ledger entries."""
    return [
        _still_to_be_approved(planter), _called_off(planter), _in_transit(planter), _rest_on_the_road(planter),
        _not_inspected_yet(planter), _returned_lately(planter), _returned_and_credited(planter),
        _freight_on_evaluated_receipt(planter), _after_the_last_run(planter),
    ]  # fmt: skip


def _still_to_be_approved(planter: Planter) -> Entries:
    for row in planter.candidates.rows("procurement", "requisitions", "state = 'ORDERED'", "requisition"):
        number, facility = (
            f"RQ-{planter.network.numbers.next('requisition') + 880000}",
            row["site"].removeprefix("LH-"),
        )
        wanted = {name: value for name, value in row.items() if name != "id"}
        planter.insert("procurement", "requisitions", wanted | {"requisition": number, "state": "PENDING"})
        key, lines = {"requisition": number, "requisition_line": str(row["line"])}, [(number, 0)]
        yield Entry(
            "not_ordered", facility, "procurement", key, "a requisition that waits for approval", lines
        )


def _called_off(planter: Planter) -> Entries:
    for order in planter.candidates.waiting(3, 30):
        asked = {"requisition": order["requisition"], "line": order["requisition_line"]}
        if not planter.network.procurement.find("requisitions", asked):
            continue
        terms = json.loads(order["terms"]) | {"ReleaseOf": "4500099001"}
        po, _ = second_order(planter, order, terms=json.dumps(terms, sort_keys=True))
        lines = [(order["po"], order["line"]), (po, order["line"])]
        key = {"requisition": asked["requisition"], "requisition_line": str(asked["line"])}
        why = "a call-off of a blanket order beside the order"
        yield Entry("ordered_twice", FACILITY_OF[order["business_unit"]], "erp", key, why, lines)


def _in_transit(planter: Planter) -> Entries:
    """Announced by the supplier; the plan of its order is forgotten, so it stays on the road."""
    for order in planter.candidates.waiting(3, 110):
        (example,) = planter.network.wms.rows("SELECT * FROM receipts ORDER BY id LIMIT 1")
        facility = FACILITY_OF[order["business_unit"]]
        planter.forget_plans(order["po"])
        row = {name: value for name, value in example.items() if name != "id"} | {
            "receipt": planter.network.numbers.receipt(), "line": 1, "site": site_of(facility), "po": order["po"],
            "po_line": f"{order['line']:04d}", "item": order["item"], "quantity": order["quantity"],
            "unit": order["unit"], "movement": "IN_TRANSIT", "posted_at": planter.ago(1), "sent": 0, "mangled": "",
        }  # fmt: skip
        planter.change(Change("wms", "receipts", "insert", {}, row))
        (posted,) = planter.network.erp.find("receipts", {"receipt": row["receipt"]})
        planter.alter("erp", "receipts", posted, {"gone": 1, "stuck": 1})
        line, why = (order["po"], order["line"]), "announced by the supplier, and still on the road"
        yield Entry("receipt_not_in_erp", facility, "wms", line_key(order), why, [line])


def _rest_on_the_road(planter: Planter) -> Entries:
    """Half of it came and all of it was billed hours ago; the rest comes this afternoon."""
    for order in planter.candidates.waiting(2, 110):
        half = order["quantity"] // 2
        if not half:
            continue
        row = planter.invoice_row(order, planter.now - timedelta(hours=3))
        planter.forget_plans(order["po"])
        planter.add_invoice(row)
        came = _received(planter, order, half, 0.2)
        planter.change(Change("wms", "receipts", "insert", {}, came))
        rest = _received(planter, order, order["quantity"] - half, -0.15)
        planter.later(0.15, Change("wms", "receipts", "insert", {}, rest))
        line, why = (order["po"], order["line"]), "half was delivered, and the rest is on the road"
        yield Entry("over_received", row["facility"], "wms", line_key(order), why, [line])


def _received(planter: Planter, order: Row, quantity: int, days_ago: float) -> Row:
    """A receipt of so much of an order line."""
    at = planter.ago(days_ago)
    same = {name: order[name] for name in ("po", "item", "unit")}
    return {
        **same, "receipt": planter.network.numbers.receipt(), "line": 1, "po_line": f"{order['line']:04d}",
        "site": site_of(FACILITY_OF[order["business_unit"]]), "quantity": quantity, "movement": "RECEIPT",
        "received_local": local_time(at), "posted_at": at, "sent": 0, "mangled": "",
    }  # fmt: skip


def site_of(facility: str) -> str:
    """The warehouse's name of a facility."""
    return FACILITY[facility].warehouse


def _not_inspected_yet(planter: Planter) -> Entries:
    for found in planter.candidates.settled(1, 4, anything, plain=four_way):
        if found.receipt["posted_at"] < planter.ago(4):
            continue
        where = {"po": found.order["po"], "po_line": found.order["line"]}
        (row,) = planter.network.wms.find("inspections", where)
        undo = planter.alter("wms", "inspections", row, {"gone": 1})
        planter.later(0.5, undo)
        why = "billed before the days for inspection are over"
        yield Entry("not_accepted", found.facility, "wms", found.key, why, [found.line])


def _returned_lately(planter: Planter) -> Entries:
    for found in planter.candidates.settled(20, 60, lambda found: found.quantity >= 4):
        back, why = returned(planter, found.receipt, 3, found.quantity // 3), "returned three days ago"
        undo = Change("wms", "receipts", "alter", {"receipt": back["receipt"], "line": 1}, {"quantity": 0})
        planter.later(20, undo)
        yield Entry("uncredited_return", found.facility, "wms", found.key, why, [found.line])


def _returned_and_credited(planter: Planter) -> Entries:
    for found in planter.candidates.settled(55, 110, lambda found: found.quantity >= 4):
        row, back = found.invoice, found.quantity // 3
        returned(planter, found.receipt, 45, back)
        amount = -(row["amount"] * back // found.quantity)
        of_line = {"po": row["po"], "po_line": row["po_line"], "quantity": -back, "amount": amount}
        credit(planter, row, 40, refers_to=row["number"], **of_line)
        yield Entry(
            "uncredited_return", found.facility, "wms", found.key, "returned, and credited", [found.line]
        )


def _freight_on_evaluated_receipt(planter: Planter) -> Entries:
    condition = "flags = 'ers' AND terms LIKE '%\"PREPAID_ADD\"%'"
    for order, settled in planter.candidates.billed(condition, 5, 100, "SETTLEMENT"):
        row = planter.invoice_row(order, planter.now - timedelta(days=5))
        planter.add_invoice(
            {**row, "kind": "FREIGHT", "quantity": 1, "price": 240_000, "amount": 2_400 + order["id"] % 97}
        )
        line, why = (order["po"], order["line"]), "only the freight is billed"
        yield Entry("ers_invoiced", settled["facility"], "ap_automation", line_key(order), why, [line])


def _after_the_last_run(planter: Planter) -> Entries:
    """Received after the last run: the next one settles it."""
    rows = planter.network.life.rows("SELECT event FROM plan WHERE event LIKE '%\"settlement\"%' ORDER BY id")
    for row in rows:
        event = Event.from_json(row["event"])
        bill = event.invoices[0]
        line = (bill.order, bill.order_line)
        if not planter.network.ledger.taken(*line):
            key = {"order_number": bill.order, "line_number": str(bill.order_line)}
            yield Entry(
                "ers_unsettled", bill.facility, "erp", key, "received after the last settlement run", [line]
            )
