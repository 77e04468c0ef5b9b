"""Faults on an order line: what was ordered, received and billed there no longer agrees.

Each function yields entries for the ledger for as long as documents that suit can be found, and alters one
system before each. A fault never touches an order line that another ledger row speaks of.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import zip_longest

from .candidates import Settled, anything, line_key
from .documents import cents, stamp
from .goods import ITEM
from .ledger import Change, Entry
from .places import FACILITY
from .planter import FACILITY_OF, Entries, Planter
from .systems.store import Row
from .systems.warehouse import local_time


def price_variance(planter: Planter) -> Entries:
    """The supplier charges 6 to 18 % more than the order says."""
    for found in planter.candidates.settled(5, 25, lambda found: found.amount >= 30_000):
        row = found.invoice
        percent = planter.rng.randint(106, 118)
        values, worse = ({"price": price, "amount": cents(price, row["quantity"], row["price_per"])} for price in (
            row["price"] * percent // 100, row["price"] * (percent + 9) // 100,
        ))  # fmt: skip
        how = "the supplier charged more than the order says"
        yield planter.bill(found, "price_variance", how, values, worse)


def over_received(planter: Planter) -> Entries:
    """The dock counted fewer than the supplier billed, longer ago than the rest of a delivery is awaited."""
    for found in planter.candidates.settled(7, 27, lambda found: found.quantity >= 4):
        counted = found.quantity * planter.rng.randint(50, 80) // 100
        how = "the dock counted fewer than were billed"
        yield planter.count(found, "over_received", how, counted, counted - 1)


def over_ordered(planter: Planter) -> Entries:
    """In turn: a two-way line is billed half as much again; a three-way line is delivered it."""
    two_way = planter.candidates.flagged("match_type = 2 AND basis = 'quantity'", ordered_before_days=15)
    received = planter.candidates.settled(1, 20, lambda found: found.quantity >= 4)
    for order, found in zip_longest(two_way, received):
        if order is not None:
            yield from _billed_beyond_order(planter, order)
        if found is not None:
            how = "half as much again was delivered as was ordered"
            yield planter.count(found, "over_ordered", how, found.quantity * 3 // 2, found.quantity * 2)


def _billed_beyond_order(planter: Planter, order: Row) -> Entries:
    billed = planter.network.ap.find("invoice_lines", {"po": order["po"], "po_line": order["line"]})
    if len(billed) != 1 or billed[0]["quantity"] != order["quantity"]:
        return
    row = billed[0]
    quantity = row["quantity"] * 3 // 2
    undo = planter.alter_invoice(
        row, {"quantity": quantity, "amount": cents(row["price"], quantity, row["price_per"])}
    )
    line, how = (order["po"], order["line"]), "half as much again was billed as was ordered"
    yield Entry("over_ordered", row["facility"], "ap_automation", line_key(order), how, [line], [undo])


def unit_mismatch(planter: Planter) -> Entries:
    """In turn: billed each at the price of a case; billed in packs, which no conversion knows."""
    packed = planter.candidates.settled(5, 25, lambda found: ITEM[found.order["item"]].factor > 1)
    for index, found in enumerate(packed):
        if index % 2:
            how = "billed in packs, which no conversion knows"
            yield planter.bill(found, "unit_mismatch", how, {"unit": "PK"}, {"unit": "PAC"})
        else:
            yield planter.bill(found, "unit_mismatch", "billed each at the price of a case", {"unit": "EA"})


def received_not_invoiced(planter: Planter) -> Entries:
    """In turn: received more than a month ago, and the invoice never came (or, once it was read, was voided); one
    less was billed than was received, too little to ask for: only the close of its month brings it up.
    """

    def old(found: Settled) -> bool:
        return found.amount >= 20_000 and found.receipt["posted_at"] < planter.ago(36)

    def closed(found: Settled) -> bool:
        cheap = found.order["price"] < 900_000 and found.order["price_per"] == 1
        return cheap and found.quantity >= 4 and found.receipt["posted_at"] < planter.ago(70)

    whole, nearly = planter.candidates.settled(34, 80, old), planter.candidates.settled(50, 115, closed)
    for found, other in zip_longest(whole, nearly):
        if found is not None:
            yield _never_billed(planter, found)
        if other is not None:
            row, how = other.invoice, "one less was billed than received, when its month was closed"
            fewer, least = (
                {"quantity": quantity, "amount": cents(row["price"], quantity, 1)}
                for quantity in (row["quantity"] - 1, row["quantity"] - 2)
            )
            yield planter.bill(other, "received_not_invoiced", how, fewer, least)


def _never_billed(planter: Planter, found: Settled) -> Entry:
    row = found.invoice
    if planter.network.opened:
        undo = planter.alter_invoice(row, {"status": "VOID"})
    else:
        planter.change(Change("ap_automation", "invoice_lines", "remove", {"id": row["id"]}, {}))
        undo = Change("ap_automation", "invoice_lines", "insert", {}, row)
    how = "received more than a month ago, and never billed"
    whole, fewer = (
        Change("wms", "receipts", "alter", {"id": found.receipt["id"]}, {"quantity": quantity})
        for quantity in (found.quantity, found.quantity - 1)
    )
    return Entry(
        "received_not_invoiced", found.facility, "ap_automation", found.key, how, [found.line], [undo, whole],
        [fewer] if found.quantity >= 4 else (),
    )  # fmt: skip


def missing_receipt(planter: Planter) -> Entries:
    """In turn: billed more than a week ago, and no receipt came; billed, sent to a patient's home, and the requester
    has not confirmed that it came.
    """
    sent_home = planter.candidates.billed("flags = 'drop_ship'", 8, 60)
    for awaited, sent in zip_longest(_never_received(planter), sent_home):
        if awaited is not None:
            yield awaited
        if sent is not None:
            yield _not_confirmed(planter, *sent)


def _not_confirmed(planter: Planter, order: Row, invoice: Row) -> Entry:
    terms = json.loads(order["terms"])
    said = {"terms": json.dumps({**terms, "DeliveryConfirmed": None}, sort_keys=True)}
    undo = planter.alter("erp", "order_lines", order, said)
    line, how = (order["po"], order["line"]), "a drop shipment that the requester has not confirmed"
    little = {"amount": invoice["amount"] + 300}
    worse = Change("ap_automation", "invoice_lines", "alter", {"id": invoice["id"]}, little)
    return Entry("missing_receipt", invoice["facility"], "erp", line_key(order), how, [line], [undo], [worse])


def _never_received(planter: Planter) -> Entries:
    """In turn: the dock scanned it and never sent it; nothing was delivered; it was scanned before the warehouse closed
    its period.
    """
    for order in planter.candidates.waiting(12, 110):
        ordered = datetime.fromisoformat(order["ordered_at"])
        billed = planter.now - timedelta(days=planter.rng.randint(8, 20))
        row = planter.invoice_row(order, max(ordered + timedelta(days=2), billed))
        planter.forget_plans(order["po"])
        planter.add_invoice(row)
        late = _late_receipt(planter, order)
        kind = planter.network.numbers.next("missing receipt") % 3
        if kind != 2:
            scan = ("po", "po_line", "receipt", "line", "site", "item", "quantity", "unit")
            scanned = {name: late[name] for name in scan} | {"period_closed": int(kind == 0)}
            planter.network.wms.add("dock_scans", [scanned])
        undo = Change("wms", "receipts", "insert", {}, late)
        line, how = (order["po"], order["line"]), "billed, and nobody recorded a receipt"
        worse = _a_little_more(row)
        yield Entry(
            "missing_receipt", row["facility"], "ap_automation", line_key(order), how, [line], [undo], [worse]
        )


def _a_little_more(invoice: Row) -> Change:
    """The invoice is corrected by three dollars: within every tolerance of prices, and other than before."""
    same = {"vendor": invoice["vendor"], "number": invoice["number"]}
    return Change("ap_automation", "invoice_lines", "alter", same, {"amount": invoice["amount"] + 300})


def _late_receipt(planter: Planter, order: Row) -> Row:
    """The receipt that repairs it: the goods came long ago, and it is entered now."""
    came = datetime.fromisoformat(order["ordered_at"]) + timedelta(days=4)
    return {
        **{"receipt": planter.network.numbers.receipt(), "line": 1, "movement": "RECEIPT", "mangled": ""},
        **{
            "site": FACILITY[FACILITY_OF[order["business_unit"]]].warehouse,
            "received_local": local_time(stamp(came)),
        },
        **{"po": order["po"], "po_line": f"{order['line']:04d}", "posted_at": stamp(planter.now)},
        **{"item": order["item"], "quantity": order["quantity"], "unit": order["unit"]},
    }


def order_status_mismatch(planter: Planter) -> Entries:
    """The procurement suite never heard that the line was received and closed."""
    for found in planter.candidates.settled(5, 40, anything):
        key = {"po": f"PO-{found.order['po']}", "line": found.order["line"]}
        row = planter.network.procurement.find("order_lines", key)[0]
        values = {"state": "ORDERED", "updated_at": row["created_at"]}
        planter.change(Change("procurement", "order_lines", "alter", key, values))
        undo = Change("procurement", "order_lines", "alter", key, {"state": row["state"]})
        how = "the procurement suite never heard that the line was closed"
        worse = Change("procurement", "order_lines", "alter", key, {"state": "RECEIVING"})
        yield Entry(
            "order_status_mismatch",
            found.facility,
            "procurement",
            found.key,
            how,
            [found.line],
            [undo],
            [worse],
        )
