"""Faults of whole invoices: wrong or unknown supplier, no order, sent twice, and rows that break their
contract.

Like `line_faults`: generators of ledger entries that alter one system before each.
"""

from __future__ import annotations

import json
from datetime import timedelta

from .candidates import Settled, anything, line_key
from .ledger import Change, Entry
from .order_faults import second_order
from .planter import FACILITY_OF, Entries, Planter, invoice_key, rewritten
from .suppliers import BLOCKED_SUPPLIER, SUPPLIER, SUPPLIERS, UNMAPPED_ALIAS, of_trade
from .systems.store import Row

NOT_MAPPED = "billed under the supplier's new name, which is not mapped"
_MANGLED = {
    "date": "a date that does not exist",
    "short": "too few fields",
    "quantity": "a quantity in words",
}


def supplier_mismatch(planter: Planter) -> Entries:
    """The invoice was captured under another supplier of the same trade."""
    others = planter.candidates.settled(4, 30, lambda found: found.order["vendor"] != BLOCKED_SUPPLIER.number)
    for found in others:
        rightly = SUPPLIER[found.order["vendor"]]
        trade = [one for one in of_trade(rightly.trade) if one not in (rightly, BLOCKED_SUPPLIER)]
        other = planter.rng.choice(trade)
        yield _renamed(planter, found, other.payables, other.name, "captured under another supplier")


def unmapped_alias(planter: Planter) -> Entries:
    """The supplier bills under its new name, which nobody has mapped."""
    for found in planter.candidates.settled(2, 100, anything, vendor=BLOCKED_SUPPLIER.payables):
        yield _renamed(
            planter, found, UNMAPPED_ALIAS, "Stryden Orthopedics LLC", NOT_MAPPED, status="ENTERED"
        )


def _renamed(planter: Planter, found: Settled, vendor: str, name: str, how: str, **also: str) -> Entry:
    """A line under another supplier. Once it was read, it becomes a new line and the old one is deleted."""
    row = found.invoice
    wrong: Row = {**row, "vendor": vendor, "vendor_name": name, **also}
    if planter.network.opened:
        wrong["id"] = planter.next_invoice_id()
        planter.change(_deletion(row["id"]))
        planter.add_invoice(wrong)
    else:
        planter.alter_invoice(row, {"vendor": vendor, "vendor_name": name, **also})
    right = {column: value for column, value in row.items() if column != "id"}
    undo = [_deletion(wrong["id"]), Change("ap_automation", "invoice_lines", "insert", {}, right)]
    return Entry("supplier_mismatch", found.facility, "ap_automation", found.key, how, [found.line], undo)


def _deletion(number: int) -> Change:
    return Change("ap_automation", "invoice_lines", "alter", {"id": number}, {"deleted": 1})


def no_valid_order(planter: Planter) -> Entries:
    """In turn: an invoice names an order that no system knows; its order was cancelled; again one that is unknown; it
    names none although one is required.
    """
    for index, found in enumerate(planter.candidates.settled(5, 40, lambda found: found.amount >= 20_000)):
        if index % 4 == 1:
            yield _cancelled(planter, found)
            continue
        unknown = f"4500{planter.network.numbers.next('unknown order') + 930000:06d}" if index % 4 < 3 else ""
        entered = planter.now - timedelta(days=planter.rng.randint(5, 20))
        row = planter.invoice_row(found.order, entered, unknown)
        if not unknown:
            row["po_line"] = 0
        planter.add_invoice(row)
        same = {"vendor": row["vendor"], "number": row["number"]}
        undo = Change("ap_automation", "invoice_lines", "alter", same, {"status": "VOID"})
        worse = Change("ap_automation", "invoice_lines", "alter", same, {"amount": row["amount"] * 11 // 10})
        key = line_key({"po": unknown, "line": row["po_line"]}) if unknown else invoice_key(row)
        how = "names an order that no system knows" if unknown else "needs an order, and names none"
        yield Entry("no_valid_order", row["facility"], "ap_automation", key, how, (), [undo], [worse])


def _cancelled(planter: Planter, found: Settled) -> Entry:
    """The order was cancelled in every system, after all of it was received and billed."""
    suite, (po, line) = planter.network.procurement, found.line
    asked = {"requisition": found.order["requisition"], "line": found.order["requisition_line"]}
    [ordered] = suite.find("order_lines", {"po": f"PO-{po}", "line": line})
    undo = [
        planter.alter("erp", "order_lines", found.order, {"status": "Canceled"}),
        planter.alter("procurement", "order_lines", ordered, {"state": "CANCELLED"}),
        *(
            planter.alter("procurement", "requisitions", row, {"state": "CANCELLED"})
            for row in suite.find("requisitions", asked)
        ),
    ]
    worse = Change(
        "ap_automation", "invoice_lines", "alter", {"id": found.invoice["id"]}, {"amount": found.amount + 300}
    )
    how = "its order was cancelled"
    return Entry("no_valid_order", found.facility, "erp", found.key, how, [found.line], undo, [worse])


def released_over_limit(planter: Planter) -> Entries:
    """Each order is billed as it should be; a blanket order and what it released come to more than its limit."""
    for order, _ in planter.candidates.billed("flags = 'blanket'", 2, 60):
        po, row = released(planter, order, order["quantity"])
        same = {"vendor": row["vendor"], "number": row["number"]}
        undo, worse = (
            Change("ap_automation", "invoice_lines", "alter", same, values)
            for values in ({"status": "VOID"}, {"amount": row["amount"] + 1_000})
        )
        lines, how = (
            [(order["po"], order["line"]), (po, order["line"])],
            "released beyond the blanket order's limit",
        )
        key = {"order_number": order["po"]}
        yield Entry("blanket_over_limit", row["facility"], "ap_automation", key, how, lines, [undo], [worse])


def released(planter: Planter, blanket: Row, dollars: int) -> tuple[str, Row]:
    """A call-off of a blanket order, billed in full four days ago: the number of its order, its invoice line."""
    terms = json.dumps({"ReleaseOf": blanket["po"]})
    wanted = {**blanket, "quantity": dollars}
    po, _ = second_order(planter, wanted, terms=terms, flags="")
    row = planter.invoice_row(wanted, planter.now - timedelta(days=4), po)
    planter.add_invoice(row)
    return po, row


def duplicate_invoice(planter: Planter) -> Entries:
    """In turn: sent twice with the number written differently; billed to two facilities under two numbers."""
    ordered = planter.candidates.settled(16, 40, anything)
    for found, bill in zip(ordered, planter.candidates.bills("STANDARD", 10, 80), strict=False):
        row = found.invoice
        copy = planter.copy_invoice(row, {"number": rewritten(row["number"]), "status": "APPROVED"}, 9)
        how = "sent twice, the number written differently"
        undo = Change("ap_automation", "invoice_lines", "alter", {"id": copy["id"]}, {"status": "VOID"})
        more = {"amount": copy["amount"] + 300}
        worse = Change("ap_automation", "invoice_lines", "alter", {"id": copy["id"]}, more)
        key = invoice_key(row)
        yield Entry(
            "duplicate_invoice", found.facility, "ap_automation", key, how, [found.line], [undo], [worse]
        )

        others = [one.code for one in planter.network.facilities if one.code != bill["facility"]]
        elsewhere = planter.rng.choice(others)
        supplier = next(one.number for one in SUPPLIERS if one.payables == bill["vendor"])
        number = planter.network.numbers.invoice(supplier)
        values = {"number": number, "facility": elsewhere, "status": "APPROVED"}
        copy = planter.copy_invoice(bill, values, 2)
        how, both = "billed to two facilities under two numbers", [(bill["number"], 0), (number, 0)]
        undo = Change("ap_automation", "invoice_lines", "alter", {"id": copy["id"]}, {"status": "VOID"})
        key = invoice_key(bill)
        yield Entry("duplicate_invoice", bill["facility"], "ap_automation", key, how, both, [undo])


def rejected_rows(planter: Planter) -> Entries:
    """Records of the warehouse's files that break their contract: of samples, so nothing else follows."""
    samples = planter.candidates.flagged("flags = 'no_charge'")
    for mangled, order in zip(tuple(_MANGLED) * 50, samples, strict=False):
        line = (order["po"], order["line"])
        receipts = planter.network.wms.find(
            "receipts", {"po": order["po"], "po_line": f"{order['line']:04d}"}
        )
        for receipt in receipts[:1]:
            undo = planter.alter_receipt(receipt, {"mangled": mangled})
            key = {"feed": "wms_receipts", "source_id": f"{receipt['receipt']}/{receipt['line']}"}
            entity = FACILITY_OF[order["business_unit"]]
            yield Entry("rejected_rows", entity, "wms", key, _MANGLED[mangled], [line], [undo])


def unknown_facility(planter: Planter) -> Entries:
    """A utility bill for a facility code that nobody knows."""
    for bill in planter.candidates.bills("UTILITY", 5, 60):
        undo = planter.alter_invoice(bill, {"facility": "ZZQ"})
        key, line = {"feed": "ap_invoices", "source_id": str(bill["id"])}, (bill["number"], 0)
        yield Entry(
            "rejected_rows",
            bill["facility"],
            "ap_automation",
            key,
            "an unknown facility code",
            [line],
            [undo],
        )
