"""Things on suppliers, taxes and payments that look wrong and are not.

Like `look_alikes`. What would become a fault if nothing followed has its sequel in the plan.
"""

from __future__ import annotations

from .candidates import line_key
from .ledger import Change, Entry
from .master_faults import NETWORK, accounts, again, approved, exclusion, masters_alone
from .masters import UNTAXED_EXCEPT
from .payment_faults import charge, credit, erp_header, schedule_key
from .planter import Entries, Planter, invoice_key
from .suppliers import SUPPLIER

_AP = ("ap_automation", "invoice_lines")


def kinds(planter: Planter) -> list[Entries]:
    """Every kind, each as an endless-looking supply of ledger entries."""
    return [
        _nobody_confirms(planter), _namesake(planter), _reinstated(planter), _other_address(planter),
        _same_name(planter), _approved_account(planter), _taxed(planter), _rounded_tax(planter),
        _usual_freight(planter), _held_lately(planter), _paid_just_now(planter), _credit_of_its_line(planter),
        _lease_billed_anew(planter), _in_approval(planter),
    ]  # fmt: skip


def _nobody_confirms(planter: Planter) -> Entries:
    for order, row in planter.candidates.billed("basis = 'amount' AND flags = '' AND terms = '{}'", 2, 100):
        line, why = (order["po"], order["line"]), "a service that nobody has to confirm"
        yield Entry("service_over_confirmed", row["facility"], "ap_automation", line_key(order), why, [line])


def _namesake(planter: Planter) -> Entries:
    for vendor in masters_alone(planter):
        supplier = SUPPLIER[vendor["vendor"]]
        if planter.network.ledger.taken(f"standing {supplier.number}", 0):
            continue
        planter.insert("portal", "exclusions", exclusion(planter, supplier.name, "99-0000001"))
        key, lines = {"supplier": supplier.payables}, [(f"standing {supplier.number}", 0)]
        yield Entry(
            "supplier_excluded", NETWORK, "portal", key, "another company of that name is excluded", lines
        )


def _reinstated(planter: Planter) -> Entries:
    for vendor in masters_alone(planter):
        supplier = SUPPLIER[vendor["vendor"]]
        if planter.network.ledger.taken(f"standing {supplier.number}", 0):
            continue
        row = exclusion(
            planter, supplier.name, supplier.tax_id, excluded_on="2021-03-01", reinstated_on="2024-02-10"
        )
        planter.insert("portal", "exclusions", row)
        key, lines = {"supplier": supplier.payables}, [(f"standing {supplier.number}", 0)]
        yield Entry("supplier_excluded", NETWORK, "portal", key, "excluded once, and reinstated", lines)


def _approved_account(planter: Planter) -> Entries:
    for row in accounts(planter):
        vendor, account = row["vendor"], str(int(row["account"]) + 31)
        planter.insert("erp", "approved_changes", approved(planter, vendor, account))
        planter.alter("erp", "bank_accounts", row, {"account": account, "altered_at": planter.ago(2)})
        key, lines = {"supplier": vendor, "site": "main"}, [(f"account {vendor}", 0)]
        why = "changed in the ERP with approval, and not yet elsewhere"
        yield Entry("bank_account_differs", NETWORK, "erp", key, why, lines)


def _other_address(planter: Planter) -> Entries:
    for vendor in masters_alone(planter):
        again(planter, vendor, 2, remit_to_of=vendor["vendor"])
        key, lines = {"supplier_id": vendor["vendor"]}, [(f"standing {vendor['vendor']}", 0)]
        yield Entry("duplicate_supplier", NETWORK, "erp", key, "another address of the same supplier", lines)


def _same_name(planter: Planter) -> Entries:
    for vendor in masters_alone(planter):
        if planter.network.ledger.taken(f"standing {vendor['vendor']}", 0):
            continue
        again(planter, vendor, 3, name=f"{vendor['name']} LLC", tax_id=f"98-7{vendor['vendor'][1:]}23")
        key, lines = {"supplier_id": vendor["vendor"]}, [(f"standing {vendor['vendor']}", 0)]
        yield Entry(
            "duplicate_supplier", NETWORK, "erp", key, "a company of that name with another tax ID", lines
        )


def _taxed(planter: Planter) -> Entries:
    for found in planter.candidates.settled(4, 60, lambda found: found.facility == UNTAXED_EXCEPT):
        charge(planter, found.invoice, "TAX", found.amount * 7 // 100, "TX1")
        key, why = invoice_key(found.invoice), "tax with a code, where tax is due"
        yield Entry("tax_error", found.facility, "ap_automation", key, why, [found.line])


def _rounded_tax(planter: Planter) -> Entries:
    for found in planter.candidates.settled(4, 60, lambda found: found.facility != UNTAXED_EXCEPT):
        charge(planter, found.invoice, "TAX", 1, "TX1")
        key, why = invoice_key(found.invoice), "a cent of rounding"
        yield Entry("tax_error", found.facility, "ap_automation", key, why, [found.line])


def _usual_freight(planter: Planter) -> Entries:
    for found in planter.candidates.settled(4, 60, lambda found: '"PREPAID_ADD"' in found.order["terms"]):
        charge(planter, found.invoice, "FREIGHT", 2_000, "")
        key, why = invoice_key(found.invoice), "freight that the terms add"
        yield Entry("freight_error", found.facility, "ap_automation", key, why, [found.line])


def _held_lately(planter: Planter) -> Entries:
    for found in planter.candidates.settled(4, 20, lambda found: found.invoice["status"] != "PAID"):
        row = found.invoice
        since = planter.ago(3)
        held = planter.more(row, heldSince=since, holdReason="Waits for a receipt")
        planter.later(3, planter.alter_invoice(row, {"status": "HELD", "changed_at": since, **held}))
        key, why = invoice_key(row), "on hold since three days"
        yield Entry("invoice_on_hold", found.facility, "ap_automation", key, why, [found.line])


def _paid_just_now(planter: Planter) -> Entries:
    """The ERP paid a minute ago; AP automation hears of it within the hour."""
    for found in planter.candidates.settled(6, 24, lambda found: found.invoice["status"] == "APPROVED"):
        header, now = erp_header(planter, found.invoice), planter.ago(0.001)
        paid = {"status": "Paid", "open_amount": 0, "paid_at": now, "changed_at": now, "stuck": 1}
        planter.alter("erp", "invoices", header, paid)
        heard = Change(*_AP, "alter", {"id": found.invoice["id"]}, {"status": "PAID"})
        planter.later(0.03, Change("erp", "invoices", "alter", {"id": header["id"]}, {"stuck": 0}), heard)
        key = {"supplier": header["vendor"], "invoice_number": header["number"]}
        why = "AP automation hears of the payment within the hour"
        yield Entry("paid_still_open", found.facility, "erp", key, why, [found.line])


def _credit_of_its_line(planter: Planter) -> Entries:
    """An allowance on the order line, which names no invoice: too small to be a price variance."""
    for found in planter.candidates.settled(20, 60, lambda found: found.amount > 60_000):
        row = found.invoice
        of_line = {"po": row["po"], "po_line": row["po_line"], "quantity": 0, "amount": -400}
        key = invoice_key(credit(planter, row, 8, refers_to="", **of_line))
        why = "a credit that names no invoice, on the line of one"
        yield Entry("orphan_credit", found.facility, "ap_automation", key, why, [found.line])


def _lease_billed_anew(planter: Planter) -> Entries:
    for bill in planter.candidates.bills("RECURRING", 8, 100):
        same = {"refers_to": bill["number"]}
        negative = {
            "kind": "CREDIT",
            "number": f"CR-{bill['number']}",
            "quantity": -1,
            "amount": -bill["amount"],
        }
        planter.copy_invoice(bill, {**same, **negative}, 1)
        planter.copy_invoice(bill, {**same, "kind": "REBILL", "number": f"{bill['number']}-RB"}, 2)
        key, why = schedule_key(bill), "a lease that was credited and billed again"
        yield Entry("recurring_repeated", bill["facility"], "ap_automation", key, why, [(bill["number"], 0)])


def _in_approval(planter: Planter) -> Entries:
    """Captured, not approved, and so not in the ERP yet."""
    for found in planter.candidates.settled(1, 4, lambda found: found.invoice["status"] == "ENTERED"):
        header = erp_header(planter, found.invoice)
        if planter.network.ledger.taken(f"balance {header['vendor']}", 0):
            continue
        planter.alter("erp", "invoices", header, {"gone": 1, "stuck": 1})
        key = {"supplier": header["vendor"], "currency": "USD"}
        lines, why = (
            [found.line, (f"balance {header['vendor']}", 0)],
            "still in approval, and so not in the ERP",
        )
        yield Entry("vendor_balance", found.facility, "erp", key, why, lines)
