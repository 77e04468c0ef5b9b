"""Use of implants and bills of blanket orders that look wrong and are not.

Like `further_look_alikes`, and planted right after them.
"""

from __future__ import annotations

import json
from datetime import timedelta

from .candidates import line_key
from .further_look_alikes import site_of
from .ledger import Change, Entry
from .order_faults import usage_of, use_key
from .payment_faults import credit
from .planter import Entries, Planter
from .systems.store import Row

_AP = ("ap_automation", "invoice_lines")


def kinds(planter: Planter) -> list[Entries]:
    """Every kind, each as an endless-looking supply of ledger entries."""
    return [
        _used_yesterday(planter), _ordered_after_use(planter), _used_little_by_little(planter),
        _credited_use(planter), _to_the_limit(planter), _last_day(planter),
    ]  # fmt: skip


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
