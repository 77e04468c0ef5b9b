"""Faults around invoices as a whole: charges, statuses, credits, schedules, balances.

Like `line_faults`: generators of ledger entries that alter one system before each.
"""

from __future__ import annotations

import json

from .candidates import Settled, anything
from .ledger import Change, Entry
from .masters import UNTAXED_EXCEPT
from .planter import Entries, Planter, invoice_key
from .suppliers import SUPPLIER, SUPPLIERS
from .systems.store import Row

_AP = ("ap_automation", "invoice_lines")
NUMBER_OF = {alias: one.number for one in SUPPLIERS for alias in (one.payables, one.remit_to)}


def tax_error(planter: Planter) -> Entries:
    """In turn: tax on what is exempt; tax without a code where tax is due."""
    exempt = planter.candidates.settled(4, 40, lambda found: found.facility != UNTAXED_EXCEPT)
    taxed = planter.candidates.settled(4, 40, lambda found: found.facility == UNTAXED_EXCEPT)
    while True:
        for supply, code, how in (
            (exempt, "TX1", "tax on what is exempt"),
            (taxed, "", "tax without a code"),
        ):
            found = next(supply, None)
            if found is not None:
                yield _charged(planter, found, "tax_error", "TAX", found.amount * 7 // 100, code, how)
            elif supply is exempt:
                return


def freight_error(planter: Planter) -> Entries:
    """In turn: freight although the terms include it; far more freight than is usual."""
    included = planter.candidates.settled(4, 40, lambda found: '"PREPAID"' in found.order["terms"])
    added = planter.candidates.settled(4, 40, lambda found: '"PREPAID_ADD"' in found.order["terms"])
    while True:
        found = next(included, None)
        if found is None:
            return
        how = "freight although the terms include it"
        yield _charged(planter, found, "freight_error", "FREIGHT", 1_800, "", how)
        found = next(added, None)
        if found is not None:
            dear, how = found.amount // 5 + 3_000, "more freight than is usual"
            yield _charged(planter, found, "freight_error", "FREIGHT", dear, "", how)


def charge(planter: Planter, invoice: Row, kind: str, amount: int, code: str) -> Change:
    """Charge something on an invoice; returns the step that takes it back."""
    return planter.insert("ap_automation", "charges", {
        "vendor": invoice["vendor"], "number": invoice["number"], "facility": invoice["facility"], "charge": "1",
        "kind": kind, "amount": amount, "tax_code": code, "description": kind.capitalize(),
        "changed_at": invoice["changed_at"],
    })  # fmt: skip


def _charged(
    planter: Planter, found: Settled, category: str, kind: str, amount: int, code: str, how: str
) -> Entry:
    undo = charge(planter, found.invoice, kind, amount, code)
    worse = Change("ap_automation", "charges", "alter", undo.key, {"amount": amount * 2})
    key = invoice_key(found.invoice)
    return Entry(category, found.facility, "ap_automation", key, how, [found.line], [undo], [worse])


def paid_still_open(planter: Planter) -> Entries:
    """The ERP has paid, and AP automation never heard of it."""
    values = {"status": "Paid", "open_amount": 0, "paid_at": planter.ago(1)}
    yield from _of_header(planter, "paid_still_open", values, "paid in the ERP, open in AP automation")


def invoice_status_mismatch(planter: Planter) -> Entries:
    """AP automation has approved, and the ERP still has it as entered."""
    values, how = {"status": "Entered", "posted_at": None}, "approved in AP automation, entered in the ERP"
    yield from _of_header(planter, "invoice_status_mismatch", values, how)


def _of_header(planter: Planter, category: str, values: Row, how: str) -> Entries:
    for found in planter.candidates.settled(4, 26, lambda found: found.invoice["status"] == "APPROVED"):
        header = erp_header(planter, found.invoice)
        changed = {} if planter.network.opened else {"changed_at": planter.ago(1)}
        undo = planter.alter("erp", "invoices", header, {**values, "stuck": 1, **changed})
        key = {"supplier": header["vendor"], "invoice_number": header["number"]}
        yield Entry(category, found.facility, "erp", key, how, [found.line], [undo])


def erp_header(planter: Planter, invoice: Row) -> Row:
    """The ERP's header of an invoice."""
    key = {"vendor": NUMBER_OF[invoice["vendor"]], "number": invoice["number"]}
    return planter.network.erp.find("invoices", key)[0]


def invoice_on_hold(planter: Planter) -> Entries:
    """On hold for more than the ten days that are allowed."""
    for found in planter.candidates.settled(14, 60, lambda found: found.invoice["status"] != "PAID"):
        row = found.invoice
        held, other = (
            planter.more(row, heldSince=planter.ago(12), holdReason=reason)
            for reason in ("Price in dispute", "Price and quantity in dispute")
        )
        undo = planter.alter_invoice(row, {"status": "HELD", **held})
        worse = Change(*_AP, "alter", {"id": row["id"]}, other)
        key, how = invoice_key(row), "on hold for twelve days"
        yield Entry(
            "invoice_on_hold", found.facility, "ap_automation", key, how, [found.line], [undo], [worse]
        )


def orphan_credit(planter: Planter) -> Entries:
    """A credit of an invoice that nobody has."""
    for found in planter.candidates.settled(12, 60, anything):
        row = credit(planter, found.invoice, 8, refers_to=f"{found.invoice['number']}-X")
        same = {"vendor": row["vendor"], "number": row["number"]}
        undo = Change(*_AP, "alter", same, {"status": "VOID"})
        worse = Change(*_AP, "alter", same, {"amount": row["amount"] - 500})
        key, how = invoice_key(row), "credits an invoice that is nowhere"
        yield Entry("orphan_credit", found.facility, "ap_automation", key, how, [found.line], [undo], [worse])


def credit(planter: Planter, invoice: Row, days_ago: int, **also: object) -> Row:
    """A credit of a third of an invoice, without order unless `also` says one."""
    at, number = planter.ago(days_ago), f"CM-{planter.network.numbers.next('credit memo') + 5500}"
    row = {name: value for name, value in invoice.items() if name != "id"} | {
        "number": number, "kind": "CREDIT", "po": "", "po_line": 0, "po_required": 0, "quantity": -1,
        "amount": -(invoice["amount"] // 3), "status": "ENTERED", "entered_at": at, "changed_at": at,
        "dated": planter.day(days_ago), **also,
    }  # fmt: skip
    planter.add_invoice(row)
    return row


def recurring_amount(planter: Planter) -> Entries:
    """A lease came with another amount than was agreed."""
    for bill in planter.candidates.bills("RECURRING", 1, 100):
        amounts = [bill["amount"] * percent // 100 for percent in (105, 109)]
        values, worse = ({"amount": amount, "price": amount * 100} for amount in amounts)
        undo = planter.alter_invoice(bill, values)
        later = Change(*_AP, "alter", {"id": bill["id"]}, worse)
        yield _of_schedule(bill, "recurring_amount", "another amount than scheduled", [undo], [later])


def recurring_repeated(planter: Planter) -> Entries:
    """A lease was billed a second time for the same month."""
    for bill in planter.candidates.bills("RECURRING", 1, 100):
        number = planter.network.numbers.invoice(NUMBER_OF[bill["vendor"]])
        copy = planter.copy_invoice(bill, {"number": number, "status": "ENTERED"}, 1)
        undo = Change(*_AP, "alter", {"id": copy["id"]}, {"status": "VOID"})
        worse = Change(*_AP, "alter", {"id": copy["id"]}, {"amount": copy["amount"] + 2_000})
        yield _of_schedule(bill, "recurring_repeated", "billed twice for one month", [undo], [worse], number)


def recurring_absent(planter: Planter) -> Entries:
    """A lease that was expected did not come (once it was read: it was voided)."""
    for bill in planter.candidates.bills("RECURRING", 10, 100):
        undo = planter.alter_invoice(bill, {"status": "VOID"})
        yield _of_schedule(bill, "recurring_absent", "nothing came for the month", [undo], [])


def _of_schedule(
    bill: Row, category: str, how: str, undo: list[Change], worse: list[Change], *copies: str
) -> Entry:
    """The bill's own number and those of its copies are reserved: nothing else is planted on them."""
    lines = [(number, 0) for number in (bill["number"], *copies)]
    return Entry(category, bill["facility"], "ap_automation", schedule_key(bill), how, lines, undo, worse)


def schedule_key(bill: Row) -> dict[str, str]:
    """The schedule and the month that a bill is for."""
    more = json.loads(bill["more"])
    return {"schedule": more["schedule"], "period": more["period"]}


def vendor_balance(planter: Planter) -> Entries:
    """The ERP posted an open invoice with another amount; one supplier each."""
    for found in planter.candidates.settled(4, 26, lambda found: found.invoice["status"] == "APPROVED"):
        header = erp_header(planter, found.invoice)
        supplier = SUPPLIER[header["vendor"]]
        if planter.network.ledger.taken(f"balance {supplier.number}", 0):
            continue
        values, worse = (
            {"amount": header["amount"] + more, "open_amount": header["amount"] + more}
            for more in (20_000, 31_000)
        )
        undo = planter.alter("erp", "invoices", header, {**values, "stuck": 1})
        later = Change("erp", "invoices", "alter", {"id": header["id"]}, worse)
        key, lines = (
            {"supplier": supplier.number, "currency": "USD"},
            [found.line, (f"balance {supplier.number}", 0)],
        )
        how = "an open invoice was posted with another amount"
        yield Entry("vendor_balance", found.facility, "erp", key, how, lines, [undo], [later])
