"""Things beyond orders, receipts and invoice lines that look wrong and are not.

Like `look_alikes`. What would become a fault if nothing followed has its sequel in the plan.
"""

from __future__ import annotations

import json
from datetime import timedelta

from .candidates import anything, line_key
from .documents import Event
from .ledger import Change, Entry
from .order_faults import four_way, returned, second_order, usage_of, use_key
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
        _freight_on_evaluated_receipt(planter), _after_the_last_run(planter), _used_yesterday(planter),
        _ordered_after_use(planter), _used_little_by_little(planter), _credited_use(planter), _to_the_limit(planter),
        _last_day(planter),
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


def _used_yesterday(planter: Planter) -> Entries:
    """The implant was billed yesterday; the operating room enters the usage tomorrow."""
    for order, row in planter.candidates.billed("flags = 'bill_only'", 0, 2):
        case = json.loads(row["more"])["caseNumber"]
        for usage in planter.network.wms.find("usages", {"case_number": case, "item": row["item"]}):
            planter.later(0.6, planter.alter("wms", "usages", usage, {"gone": 1}))
        line, why = (order["po"], order["line"]), "billed a day before its usage is entered"
        yield Entry("usage_missing", row["facility"], "ap_automation", line_key(order), why, [line])


def _used_one_less(planter: Planter, row: Row) -> Row:
    """The usage behind a billed line as it was; the warehouse now says one less."""
    used = usage_of(planter, row)
    planter.alter("wms", "usages", used, {"quantity": used["quantity"] - 1})
    return used


def _used_little_by_little(planter: Planter) -> Entries:
    """Two entries of usage for one billed line."""
    for order, row in planter.candidates.billed("flags = 'bill_only'", 5, 100):
        if row["quantity"] < 2:
            continue
        used = _used_one_less(planter, row)
        rest = {name: value for name, value in used.items() if name != "id"}
        planter.insert("wms", "usages", rest | {"line": used["line"] + 50, "quantity": 1})
        line, why = (order["po"], order["line"]), "used in two entries of one case"
        yield Entry("billed_over_usage", row["facility"], "wms", use_key(order, used), why, [line])


def _credited_use(planter: Planter) -> Entries:
    """One was not used, and the supplier has credited it."""
    for order, row in planter.candidates.billed("flags = 'bill_only'", 9, 100):
        if row["quantity"] < 2:
            continue
        used = _used_one_less(planter, row)
        of_line = {"po": row["po"], "po_line": row["po_line"], "amount": -(row["amount"] // row["quantity"])}
        credit(planter, row, 8, refers_to=row["number"], **of_line)
        line, why = (order["po"], order["line"]), "billed with one that was not used, and credited"
        yield Entry("billed_over_usage", row["facility"], "wms", use_key(order, used), why, [line])


def _ordered_after_use(planter: Planter) -> Entries:
    """Used in a case and billed at once; the order follows tomorrow."""
    for order, settled in planter.candidates.billed("flags = 'bill_only'", 20, 100):
        po = planter.network.numbers.order()
        more = json.loads(settled["more"]) | {
            "caseNumber": f"C26-{planter.network.numbers.next('case') + 10400}"
        }
        row = planter.invoice_row(order, planter.now - timedelta(hours=20), po) | {"more": json.dumps(more)}
        planter.add_invoice(row)
        (used,) = planter.network.wms.rows("SELECT * FROM usages ORDER BY id LIMIT 1")
        usage = {name: value for name, value in used.items() if name != "id"} | {
            "usage": f"US-{more['caseNumber']}", "line": 1, "case_number": more["caseNumber"], "item": row["item"],
            "lot": more["lot"], "site": site_of(settled["facility"]), "quantity": row["quantity"], "unit": row["unit"],
        }  # fmt: skip
        planter.insert("wms", "usages", usage)
        suite = planter.network.procurement.find(
            "order_lines", {"po": f"PO-{order['po']}", "line": order["line"]}
        )[0]
        copies = [
            Change(system, "order_lines", "insert", {}, {k: v for k, v in found.items() if k != "id"} | also)
            for system, found, also in (
                ("erp", order, {"po": po, "requisition": f"{order['requisition']}-B", "requisition_line": 1}),
                ("procurement", suite, {"po": f"PO-{po}", "requisition": f"{order['requisition']}-B"}),
            )
        ]
        planter.later(0.7, *copies)
        key, why = (
            {"order_number": po, "line_number": str(order["line"])},
            "used in a case, ordered within three days",
        )
        yield Entry("no_valid_order", settled["facility"], "ap_automation", key, why, [(po, order["line"])])


def _to_the_limit(planter: Planter) -> Entries:
    for order, row in planter.candidates.billed("flags = 'blanket'", 2, 100):
        billed = planter.network.ap.rows(
            "SELECT coalesce(sum(amount), 0) AS cents FROM invoice_lines"
            " WHERE po = ? AND status <> 'VOID' AND deleted = 0",
            (order["po"],),
        )
        if planter.network.life.row("SELECT 1 FROM plan WHERE event LIKE ?", (f'%"{order["po"]}"%',)):
            continue
        amount = row["amount"] + order["quantity"] * 100 - billed[0]["cents"]
        planter.alter_invoice(row, {"quantity": amount // 100, "amount": amount})
        line, why = (order["po"], order["line"]), "billed exactly to the limit"
        yield Entry("blanket_over_limit", row["facility"], "ap_automation", line_key(order), why, [line])


def _last_day(planter: Planter) -> Entries:
    for order, row in planter.candidates.billed("flags = 'blanket'", 2, 100):
        begins = json.loads(order["terms"])["ValidFrom"]
        planter.alter_invoice(row, planter.more(row, serviceDate=begins))
        line, why = (order["po"], order["line"]), "performed on the first day of its validity"
        yield Entry("blanket_out_of_validity", row["facility"], "ap_automation", line_key(order), why, [line])
