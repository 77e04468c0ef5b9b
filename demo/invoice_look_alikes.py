"""Invoices that look wrong beside an order, a contract, a schedule or another invoice, and are not.

Like `look_alikes`. What would become a fault if nothing followed has its sequel in the plan.
"""

from __future__ import annotations

import json
from datetime import date, timedelta

from .candidates import anything
from .goods import ITEMS
from .invoice_faults import released
from .ledger import Change, Entry
from .payment_faults import NUMBER_OF, erp_header, schedule_key
from .planter import FACILITY_OF, Entries, Planter, invoice_key, rewritten
from .systems.store import Row

_AP = ("ap_automation", "invoice_lines")
_AGREED = frozenset(item.number for item in ITEMS[::2])
"""Items whose price is agreed: see `masters.contract_prices`."""


def kinds(planter: Planter) -> list[Entries]:
    """Every kind, each as an endless-looking supply of ledger entries."""
    return [
        _credited_duplicate(planter), _of_two_leases(planter), _offer_of_another_day(planter),
        _ordered_in_that_currency(planter), _voided_in_another_currency(planter), _posted_and_approved(planter),
        _approved_just_now(planter), _lease_in_two_lines(planter), _suspended_lease(planter), _freight_line(planter),
        _released_within_limit(planter),
    ]  # fmt: skip


def _credited_duplicate(planter: Planter) -> Entries:
    for found in planter.candidates.settled(12, 60, anything):
        row, number = found.invoice, rewritten(found.invoice["number"])
        planter.copy_invoice(row, {"number": number, "status": "APPROVED"}, 3)
        taken_back = {"kind": "CREDIT", "number": f"CR-{number}", "refers_to": number, "status": "APPROVED"}
        planter.copy_invoice(row, {**taken_back, "quantity": -row["quantity"], "amount": -row["amount"]}, 5)
        why = "captured twice, and one of the two credited"
        yield Entry("duplicate_invoice", found.facility, "ap_automation", found.key, why, [found.line])


def _of_two_leases(planter: Planter) -> Entries:
    """Two facilities pay the same lessor the same, in the same days; nobody marked the bills as recurring."""
    seen: list[Row] = []
    for bill in planter.candidates.bills("RECURRING", 5, 110):
        for other in seen:
            if _alike(bill, other) and not planter.network.ledger.taken(other["number"], 0):
                seen.remove(other)
                for row in (bill, other):
                    planter.alter_invoice(row, {"kind": "STANDARD"})
                lines, why = (
                    [(bill["number"], 0), (other["number"], 0)],
                    "two leases of one lessor, of one worth",
                )
                key = invoice_key(min(bill, other, key=lambda row: str(row["entered_at"])))
                yield Entry("duplicate_invoice", bill["facility"], "ap_automation", key, why, lines)
                break
        else:
            seen.append(bill)


def _alike(one: Row, other: Row) -> bool:
    days = date.fromisoformat(one["dated"]) - date.fromisoformat(other["dated"])
    same = all(one[name] == other[name] for name in ("vendor", "amount"))
    return same and one["facility"] != other["facility"] and abs(days) <= timedelta(days=3)


def _offer_of_another_day(planter: Planter) -> Entries:
    """Cheaper by contract on the day of the invoice; on the day of the order the usual price held."""
    suite = planter.network.procurement
    for found in planter.candidates.settled(5, 60, lambda found: found.amount >= 30_000):
        item, day = found.order["item"], found.invoice["dated"]
        if item not in _AGREED or _ordered_around(planter, item, day):
            continue
        (agreed,) = suite.rows(
            "SELECT * FROM contract_prices WHERE item = ? AND unit = ? AND valid_to IS NULL AND gone = 0",
            (item, found.order["unit"]),
        )
        offer = {name: value for name, value in agreed.items() if name != "id"}
        offer |= {"price": agreed["price"] * 88 // 100, "valid_from": day, "valid_to": day}
        planter.insert("procurement", "contract_prices", offer)
        why = "an offer held on the day of the invoice, and not on that of the order"
        yield Entry("contract_price_variance", found.facility, "procurement", found.key, why, [found.line])


def _ordered_around(planter: Planter, item: str, day: str) -> bool:
    """Whether the item was ordered on that day or one beside it, or has an offer of that day already."""
    first, last = (date.fromisoformat(day) + timedelta(days=days) for days in (-1, 2))
    ordered = planter.network.erp.row(
        "SELECT 1 FROM order_lines WHERE item = ? AND ordered_at BETWEEN ? AND ?",
        (item, first.isoformat(), last.isoformat()),
    )
    offered = planter.network.procurement.row(
        "SELECT 1 FROM contract_prices WHERE item = ? AND valid_from = ?", (item, day)
    )
    return bool(ordered or offered)


def _ordered_in_that_currency(planter: Planter) -> Entries:
    for found in planter.candidates.settled(5, 60, anything):
        terms = json.loads(found.order["terms"]) | {"Currency": "CAD"}
        planter.alter("erp", "order_lines", found.order, {"terms": json.dumps(terms, sort_keys=True)})
        why, values = "ordered and billed in Canadian dollars", planter.more(found.invoice, currency="CAD")
        yield planter.bill(found, "currency_mismatch", why, values)


def _voided_in_another_currency(planter: Planter) -> Entries:
    for found in planter.candidates.settled(5, 60, anything):
        row = found.invoice
        values = {"number": f"{row['number']}-C", "status": "VOID", **planter.more(row, currency="CAD")}
        planter.copy_invoice(row, values, 0)
        why = "captured in Canadian dollars, voided, and captured anew"
        yield Entry("currency_mismatch", found.facility, "ap_automation", found.key, why, [found.line])


def _posted_and_approved(planter: Planter) -> Entries:
    for found in planter.candidates.settled(4, 26, lambda found: found.invoice["status"] == "APPROVED"):
        key, why = (
            _header_key(found.invoice),
            "posted in the ERP and approved in AP automation, as it should be",
        )
        yield Entry("invoice_status_mismatch", found.facility, "erp", key, why, [found.line])


def _approved_just_now(planter: Planter) -> Entries:
    """AP automation approved a minute ago; the ERP hears of it within the hour."""
    for found in planter.candidates.settled(4, 24, lambda found: found.invoice["status"] == "APPROVED"):
        header, now = erp_header(planter, found.invoice), planter.ago(0.001)
        entered = {"status": "Entered", "posted_at": None, "changed_at": now, "stuck": 1}
        planter.alter("erp", "invoices", header, entered)
        heard = Change(*_AP, "alter", {"id": found.invoice["id"]}, {"status": "APPROVED"})
        planter.later(0.03, Change("erp", "invoices", "alter", {"id": header["id"]}, {"stuck": 0}), heard)
        key, why = _header_key(found.invoice), "the ERP hears of the approval within the hour"
        yield Entry("invoice_status_mismatch", found.facility, "erp", key, why, [found.line])


def _header_key(invoice: Row) -> dict[str, str]:
    return {"supplier": NUMBER_OF[invoice["vendor"]], "invoice_number": invoice["number"]}


def _lease_in_two_lines(planter: Planter) -> Entries:
    for bill in planter.candidates.bills("RECURRING", 1, 100):
        part = bill["amount"] // 3
        rest = {"amount": bill["amount"] - part, "price": (bill["amount"] - part) * 100}
        planter.copy_invoice(bill, {"line": 2, "amount": part, "price": part * 100}, 0)
        planter.change(Change(*_AP, "alter", {"id": bill["id"]}, rest))
        key, why = schedule_key(bill), "a lease in two lines that come to what was agreed"
        yield Entry("recurring_amount", bill["facility"], "ap_automation", key, why, [(bill["number"], 0)])


def _suspended_lease(planter: Planter) -> Entries:
    for row in planter.candidates.rows("erp", "schedules", "status = 'active'", "schedule period"):
        suspended = {"schedule": f"{row['schedule']}-B", "period": row["period"]}
        mark = " ".join(suspended.values())
        if planter.network.ledger.taken(mark, 0):
            continue
        usual = {name: value for name, value in row.items() if name != "id"}
        planter.insert("erp", "schedules", {**usual, **suspended, "status": "suspended"})
        facility, why = FACILITY_OF[row["business_unit"]], "nothing came, and the lease is suspended"
        yield Entry("recurring_absent", facility, "erp", suspended, why, [(mark, 0)])


def _released_within_limit(planter: Planter) -> Entries:
    """Billed on its own line and on a call-off, which come to its limit."""
    for order, row in planter.candidates.billed("flags = 'blanket'", 2, 100):
        [billed] = planter.network.ap.rows(
            "SELECT sum(amount) AS cents FROM invoice_lines WHERE po = ? AND status <> 'VOID' AND deleted = 0",
            (order["po"],),
        )
        left = (
            order["quantity"] * 100 - billed["cents"]
        ) // 100 - 1  # a cent more may part it from another invoice
        if left < 100 or planter.network.life.row(
            "SELECT 1 FROM plan WHERE event LIKE ?", (f'%"{order["po"]}"%',)
        ):
            continue
        po, _ = released(planter, order, left)
        lines, why = (
            [(order["po"], order["line"]), (po, order["line"])],
            "a call-off within the blanket order's limit",
        )
        key = {"order_number": order["po"]}
        yield Entry("blanket_over_limit", row["facility"], "ap_automation", key, why, lines)


def _freight_line(planter: Planter) -> Entries:
    added = planter.candidates.settled(4, 60, lambda found: '"PREPAID_ADD"' in found.order["terms"])
    for found in added:
        supplier, cents = NUMBER_OF[found.invoice["vendor"]], 1_500
        while (supplier, found.amount + cents) in planter.network.numbers.totals:
            cents += 1
        planter.network.numbers.totals.add((supplier, found.amount + cents))
        line = {
            "line": 2,
            "kind": "FREIGHT",
            "item": "",
            "description": "Freight",
            "quantity": 1,
            "unit": "EA",
        }
        planter.copy_invoice(found.invoice, {**line, "price": cents * 100, "amount": cents}, 0)
        key, why = invoice_key(found.invoice), "freight that the terms add, as a line of its own"
        yield Entry("freight_error", found.facility, "ap_automation", key, why, [found.line])
