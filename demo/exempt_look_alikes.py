"""Orders and invoices that look wrong and are exempt: by how they are matched, by a schedule, or for some hours.

Like `look_alikes`. What would become a fault if nothing followed has its sequel in the plan.
"""

from __future__ import annotations

from .candidates import Settled, line_key
from .documents import cents
from .ledger import Change, Entry
from .payment_faults import NUMBER_OF, charge
from .planter import FACILITY_OF, Entries, Planter, invoice_key
from .systems.store import Row


def kinds(planter: Planter) -> list[Entries]:
    """Every kind, each as an endless-looking supply of ledger entries."""
    return [
        _on_schedule(planter), _settled_without_scan(planter), _two_way(planter), _approved_in_this_hour(planter),
        _rounded_freight(planter),
    ]  # fmt: skip


def _on_schedule(planter: Planter) -> Entries:
    """A lease, which AP automation marks as spend that needs an order."""
    for bill in planter.candidates.bills("RECURRING", 1, 120):
        planter.alter_invoice(bill, {"po_required": 1})
        key, why = invoice_key(bill), "a lease on its schedule needs no order"
        yield Entry("no_valid_order", bill["facility"], "ap_automation", key, why, [(bill["number"], 0)])


def _settled_without_scan(planter: Planter) -> Entries:
    """The ERP settled by its own receipt; the dock scanned nothing."""
    for order, row in planter.candidates.billed("flags = 'ers'", 5, 100, "SETTLEMENT"):
        receipts = planter.network.wms.find(
            "receipts", {"po": order["po"], "po_line": f"{order['line']:04d}"}
        )
        for receipt in receipts:
            same = {"receipt": receipt["receipt"], "line": receipt["line"]}
            planter.alter("erp", "receipts", planter.network.erp.find("receipts", same)[0], {"stuck": 1})
            planter.alter_receipt(receipt, {"quantity": 0})
        line, why = (order["po"], order["line"]), "evaluated receipt: settled, and not scanned at the dock"
        yield Entry("missing_receipt", row["facility"], "wms", line_key(order), why, [line])


def _two_way(planter: Planter) -> Entries:
    """Received in full long ago, and billed by half: nobody accrues what is matched by order and invoice alone."""

    def old(found: Settled) -> bool:
        dear = found.quantity >= 4 and found.amount >= 40_000
        return dear and found.receipt["posted_at"] < planter.ago(36)

    for found in planter.candidates.settled(34, 110, old):
        planter.alter("erp", "order_lines", found.order, {"match_type": 2})
        half, row = found.quantity // 2, found.invoice
        values = {"quantity": half, "amount": cents(row["price"], half, row["price_per"])}
        yield planter.bill(found, "received_not_invoiced", "two-way: nothing is accrued", values)


def _approved_in_this_hour(planter: Planter) -> Entries:
    """Approved a minute ago; the ERP has nothing of it before the approval, and posts it within the hour."""
    recent = (
        f"status = 'Posted' AND stuck = 0 AND entered_at BETWEEN '{planter.ago(24)}' AND '{planter.ago(4)}'"
    )
    for header in planter.candidates.rows("erp", "invoices", recent, "number"):
        balance, lines = f"balance {header['vendor']}", _lines_of(planter, header)
        if not lines or any(planter.network.ledger.taken(*line) for line in [(balance, 0), *lines]):
            continue
        (approved,) = planter.network.ap.find("invoices", {"number": header["number"], "status": "APPROVED"})
        planter.alter("ap_automation", "invoices", approved, {"changed_at": planter.ago(0.001)})
        planter.alter("erp", "invoices", header, {"gone": 1, "stuck": 1})
        posted = Change("erp", "invoices", "alter", {"id": header["id"]}, {"gone": 0, "stuck": 0})
        planter.later(0.03, posted)
        key, facility = (
            {"supplier": header["vendor"], "currency": "USD"},
            FACILITY_OF[header["business_unit"]],
        )
        why = "approved a minute ago, and posted in the ERP within the hour"
        yield Entry(
            "vendor_balance", facility, "erp", key, why, [(balance, 0), (header["number"], 0), *lines]
        )


def _lines_of(planter: Planter, header: Row) -> list[tuple[str, int]]:
    """The order lines that an invoice bills; none where it names no order or another supplier's has its number."""
    lines = planter.network.ap.find("invoice_lines", {"number": header["number"]})
    alone = {NUMBER_OF.get(line["vendor"]) for line in lines} == {header["vendor"]}
    return [(line["po"], line["po_line"]) for line in lines if alone and line["po"]]


def _rounded_freight(planter: Planter) -> Entries:
    for found in planter.candidates.settled(4, 60, lambda found: '"PREPAID"' in found.order["terms"]):
        charge(planter, found.invoice, "FREIGHT", 1, "")
        key, why = invoice_key(found.invoice), "a cent of freight where the terms include it"
        yield Entry("freight_error", found.facility, "ap_automation", key, why, [found.line])
