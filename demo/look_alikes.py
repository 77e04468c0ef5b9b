"""Things that look wrong and are not: FLOWS's *not* column, planted and recorded so that a test can ask
for silence.

Some are simply there in the history and are only written down; others are made by altering a system in a
way that still agrees with the others.
"""

from __future__ import annotations

from datetime import timedelta

from .candidates import anything, line_key
from .documents import Event, Receipt, cents, stamp
from .goods import ITEM
from .ledger import Change, Entry
from .planter import FACILITY_OF, Entries, Planter, invoice_key, rewritten
from .suppliers import SUPPLIER
from .systems.store import Row

# What the ERP's columns say, which fault it resembles, and why it is none.
_BY_FLAG = (
    ("match_type = 2 AND basis = 'quantity'", "missing_receipt", "two-way: no receipt is expected"),
    (
        "flags = 'bill_only'",
        "missing_receipt",
        "bill-only implant: used before it was ordered, never received",
    ),
    ("flags = 'drop_ship'", "missing_receipt", "drop shipment: it went to the patient's home"),
    ("basis = 'amount' AND flags = ''", "missing_receipt", "a service by amount needs no receipt"),
    ("flags = 'blanket'", "over_ordered", "a blanket order is billed little by little"),
    ("flags = 'ers'", "received_not_invoiced", "evaluated receipt: the supplier sends no invoice"),
    ("flags = 'consigned'", "received_not_invoiced", "consigned stock is not billed when it arrives"),
    ("flags = 'no_charge'", "received_not_invoiced", "samples without charge"),
    ("flags = 'price_estimated'", "price_variance", "the order's price was an estimate"),
)


def kinds(planter: Planter) -> list[Entries]:
    """Every kind of look-alike there is, each as an endless-looking supply of ledger entries."""
    return [
        *(_flagged(planter, *row) for row in _BY_FLAG),
        _bills(planter, "RECURRING", "duplicate_invoice", "a lease, as every month"),
        _bills(planter, "UTILITY", "no_valid_order", "utilities need no order", {"po_required": 1}),
        _bills(planter, "REFUND", "no_valid_order", "a refund needs no order", {"po_required": 1}),
        _converted_unit(planter),
        _remit_to(planter),
        _rounding(planter),
        _in_tolerance(planter),
        _credit_and_rebill(planter),
        _void(planter),
        _partial(planter),
        _fresh_invoice(planter),
        _not_billed_yet(planter),
        _status_lag(planter),
    ]


def _flagged(planter: Planter, condition: str, category: str, why: str) -> Entries:
    for order in planter.candidates.flagged(condition):
        line, entity = (order["po"], order["line"]), FACILITY_OF[order["business_unit"]]
        yield Entry(category, entity, "erp", line_key(order), why, [line])


def _bills(
    planter: Planter, kind: str, category: str, why: str, values: dict[str, int] | None = None
) -> Entries:
    for bill in planter.candidates.bills(kind, 1, 120):
        if values:
            planter.alter_invoice(bill, values)
        key, line = invoice_key(bill), (bill["number"], 0)
        yield Entry(category, bill["facility"], "ap_automation", key, why, [line])


def _converted_unit(planter: Planter) -> Entries:
    for found in planter.candidates.settled(3, 40, lambda found: ITEM[found.order["item"]].factor > 1):
        item = ITEM[found.order["item"]]
        each = {"unit": "EA", "quantity": found.invoice["quantity"] * item.factor, "price": item.price}
        yield planter.bill(found, "unit_mismatch", "billed each, at the price of each: the same amount", each)


def _remit_to(planter: Planter) -> Entries:
    for found in planter.candidates.settled(3, 60, anything):
        values = {"vendor": SUPPLIER[found.order["vendor"]].remit_to}
        yield planter.bill(
            found, "supplier_mismatch", "the supplier's other address, which is mapped", values
        )


def _rounding(planter: Planter) -> Entries:
    for found in planter.candidates.settled(3, 60, anything):
        yield planter.bill(found, "price_variance", "two cents of rounding", {"amount": found.amount + 2})


def _in_tolerance(planter: Planter) -> Entries:
    for found in planter.candidates.settled(3, 60, lambda found: 20_000 < found.amount < 900_000):
        row = found.invoice
        price = row["price"] * 1014 // 1000
        values = {"price": price, "amount": cents(price, row["quantity"], row["price_per"])}
        yield planter.bill(found, "price_variance", "1.4 % over, within the tolerance", values)


def _credit_and_rebill(planter: Planter) -> Entries:
    for found in planter.candidates.settled(8, 60, anything):
        row = found.invoice
        original = {"refers_to": row["number"]}
        negative = {"quantity": -row["quantity"], "amount": -row["amount"]}
        planter.copy_invoice(
            row, {"kind": "CREDIT", "number": f"CR-{row['number']}", **negative, **original}, 1
        )
        planter.copy_invoice(row, {"kind": "REBILL", "number": f"{row['number']}-RB", **original}, 2)
        why = "credited and billed again"
        yield Entry("duplicate_invoice", found.facility, "ap_automation", found.key, why, [found.line])


def _void(planter: Planter) -> Entries:
    for found in planter.candidates.settled(8, 60, anything):
        number = rewritten(found.invoice["number"])
        planter.copy_invoice(found.invoice, {"number": number, "status": "VOID"}, 0)
        why = "captured twice, and one of the two voided"
        yield Entry("duplicate_invoice", found.facility, "ap_automation", found.key, why, [found.line])


def _partial(planter: Planter) -> Entries:
    """Delivered and billed in two parts."""
    split = planter.network.wms.rows(
        "SELECT po, CAST(po_line AS INTEGER) AS line FROM receipts"
        " GROUP BY 1, 2 HAVING count(*) = 2 ORDER BY 1, 2"
    )
    for row in planter.rng.sample(split, len(split)):
        order = planter.network.erp.find("order_lines", {"po": row["po"], "line": row["line"]})[0]
        if not planter.network.ledger.taken(row["po"], row["line"]) and order["flags"] == "":
            line, entity = (row["po"], row["line"]), FACILITY_OF[order["business_unit"]]
            yield Entry(
                "over_received", entity, "wms", line_key(order), "delivered and billed in two parts", [line]
            )


def _fresh_invoice(planter: Planter) -> Entries:
    """Billed three hours ago; the goods are on the road and arrive before the two business days are over."""
    for order in planter.candidates.waiting(2, 110):
        row = planter.invoice_row(order, planter.now - timedelta(hours=3))
        planter.forget_plans(order["po"])
        planter.add_invoice(row)
        planter.network.intend([_arrival(planter, order, row)])
        why, line = "the invoice came a few hours before the goods", (order["po"], order["line"])
        yield Entry("missing_receipt", row["facility"], "ap_automation", line_key(order), why, [line])


def _not_billed_yet(planter: Planter) -> Entries:
    """Received in the last days; the invoice is on its way, and the month is not closed."""
    came = planter.network.wms.rows(
        "SELECT DISTINCT po, CAST(po_line AS INTEGER) AS line FROM receipts WHERE posted_at > ? ORDER BY 1, 2",
        (planter.ago(10),),
    )
    for row in planter.rng.sample(came, len(came)):
        line = row["po"], row["line"]
        [order] = planter.network.erp.find("order_lines", {"po": row["po"], "line": row["line"]})
        billed = planter.network.ap.find("invoice_lines", {"po": row["po"], "po_line": row["line"]})
        if order["flags"] == "" and not billed and not planter.network.ledger.taken(*line):
            why, entity = "the supplier bills within three weeks", FACILITY_OF[order["business_unit"]]
            yield Entry("received_not_invoiced", entity, "wms", line_key(order), why, [line])


def _arrival(planter: Planter, order: Row, invoice: Row) -> Event:
    at, po, line = stamp(planter.now + timedelta(hours=4)), order["po"], order["line"]
    number, goods = planter.network.numbers.receipt(), (order["item"], order["quantity"], order["unit"])
    receipt = Receipt(number, 1, po, line, invoice["facility"], *goods, "receipt", at, at)
    return Event(at, receipts=[receipt], statuses=[(po, line, "closed")])


def _status_lag(planter: Planter) -> Entries:
    """The ERP closed the line two minutes ago; the procurement suite hears of it in forty minutes."""
    for found in planter.candidates.settled(3, 40, anything):
        po, line = found.line
        closed, behind = (stamp(planter.now - timedelta(minutes=minutes)) for minutes in (2, 30))
        planter.change(
            Change("erp", "order_lines", "alter", {"po": po, "line": line}, {"modified_at": closed})
        )
        state = {"state": "FULLY_RECEIVED", "updated_at": behind}
        planter.change(Change("procurement", "order_lines", "alter", {"po": f"PO-{po}", "line": line}, state))
        at = stamp(planter.now + timedelta(minutes=40))
        planter.network.intend([Event(at, statuses=[(po, line, "closed")])])
        why = "the procurement suite hears of the closing within the hour"
        yield Entry("order_status_mismatch", found.facility, "procurement", found.key, why, [found.line])
