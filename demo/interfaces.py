"""What the systems tell each other: warehouse receipts reach the ERP, captured invoices become headers in AP automation
and in the ERP.

Follows every change of a receipt or an invoice line, whoever made it. A row that is `stuck` hears of nothing: that is
what planted faults of an interface look like.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from .documents import stamp
from .places import CENTRAL, FACILITIES, FACILITY
from .suppliers import SUPPLIER, SUPPLIERS
from .systems.store import Row, Store
from .systems.warehouse import UNIT_WORDS

ERP_STATUS = {"ENTERED": "Entered", "APPROVED": "Posted", "HELD": "On Hold", "PAID": "Paid", "VOID": "Voided"}
_SUPPLIER_OF = {alias: one.number for one in SUPPLIERS for alias in (one.payables, one.remit_to)}
_UNITS = {word: unit for unit, word in UNIT_WORDS.items()}
_BUSINESS_UNIT = {facility.warehouse: facility.erp for facility in FACILITIES}
_ADVANCE = ("ENTERED", "APPROVED", "PAID")
Invoice = tuple[str, str]
"""An invoice as AP automation names it: vendor, number."""


def post_receipts(erp: Store, receipts: Sequence[Row]) -> None:
    """The ERP hears of these rows of the warehouse."""
    new: list[Row] = []
    for receipt in receipts:
        row = _posted(receipt)
        known = erp.find("receipts", {"receipt": row["receipt"], "line": row["line"]})
        if not known:
            new.append(row)
        elif not known[0]["stuck"]:
            erp.alter("receipts", {"id": known[0]["id"]}, row)
    erp.add("receipts", new)


def _posted(receipt: Row) -> Row:
    """A warehouse receipt as the ERP posts it: a material document of its own, in its own units and times."""
    local = datetime.fromisoformat(receipt["received_local"]).replace(tzinfo=CENTRAL)
    return {
        "document": f"50{receipt['receipt'].removeprefix('R')}", "line": receipt["line"], "receipt": receipt["receipt"],
        "business_unit": _BUSINESS_UNIT[receipt["site"]], "po": receipt["po"], "po_line": int(receipt["po_line"]),
        "item": receipt["item"], "quantity": receipt["quantity"],
        "unit": _UNITS.get(receipt["unit"], receipt["unit"]), "movement": receipt["movement"],
        "received_at": stamp(local), "stuck": 0, "changed_at": receipt["posted_at"],
    }  # fmt: skip


def post_all_receipts(erp: Store, receipts: Iterable[Row]) -> None:
    """The same for a history: nothing is known yet."""
    erp.add("receipts", [_posted(receipt) for receipt in receipts])


def post_invoices(erp: Store, ap: Store, invoices: Iterable[Invoice]) -> None:
    """The headers of these invoices follow their lines, in AP automation and in the ERP."""
    for vendor, number in sorted(set(invoices)):
        lines = ap.find("invoice_lines", {"vendor": vendor, "number": number})
        if not lines:  # of a history that is still being made
            ap.remove("invoices", {"vendor": vendor, "number": number})
            erp.remove("invoices", {"vendor": _SUPPLIER_OF.get(vendor, ""), "number": number})
        header = _header(lines)
        if header is None:
            continue
        _put(ap, "invoices", {"vendor": vendor, "number": number}, header)
        posted = _in_erp(header)
        if posted is not None:
            _put(erp, "invoices", {"vendor": posted["vendor"], "number": number}, posted)


def post_all_invoices(erp: Store, ap: Store, lines: Iterable[Row]) -> None:
    """The same for a history."""
    of_invoice: dict[Invoice, list[Row]] = defaultdict(list)
    for line in lines:
        of_invoice[line["vendor"], line["number"]].append(line)
    headers = [header for lines in of_invoice.values() if (header := _header(lines))]
    ap.add("invoices", headers)
    erp.add("invoices", [posted for header in headers if (posted := _in_erp(header))])


def _put(store: Store, table: str, key: Mapping[str, str], row: Row) -> None:
    known = store.find(table, key)
    if not known:
        store.add(table, [row])
    elif not known[0].get("stuck"):
        store.alter(table, {"id": known[0]["id"]}, row)


def _header(lines: Sequence[Row]) -> Row | None:
    """An invoice as a whole; None where no line of it is for a facility that exists."""
    known = [line for line in lines if line["facility"] in FACILITY]
    if not known:
        return None
    live = [line for line in known if not line["deleted"]]
    standing = [line for line in live if line["status"] != "VOID"]
    status, first = _status(standing), (standing or live or known)[0]
    amount, more = sum(line["amount"] for line in standing), json.loads(first["more"])
    return {
        "vendor": first["vendor"], "vendor_name": first["vendor_name"], "number": first["number"],
        "facility": min(line["facility"] for line in known), "kind": first["kind"],
        "refers_to": first["refers_to"], "amount": amount,
        "open_amount": 0 if status in {"PAID", "VOID"} else amount, "status": status, "dated": first["dated"],
        "entered_at": min(line["entered_at"] for line in known),
        "held_since": more.get("heldSince") if status == "HELD" else None,
        "hold_reason": more.get("holdReason") if status == "HELD" else None,
        "due": first["due"], "changed_at": max(line["changed_at"] for line in lines), "gone": int(not live),
    }  # fmt: skip


def _status(standing: Sequence[Row]) -> str:
    """As far as the line that is furthest behind; held where one is held."""
    if not standing:
        return "VOID"
    words = {line["status"] for line in standing}
    return "HELD" if "HELD" in words else min(words, key=_ADVANCE.index)


def _in_erp(header: Row) -> Row | None:
    """The header as the ERP posts it; None where it does not know the supplier."""
    supplier = _SUPPLIER_OF.get(header["vendor"])
    if supplier is None:
        return None
    same = (
        "number",
        "kind",
        "refers_to",
        "amount",
        "open_amount",
        "dated",
        "entered_at",
        "due",
        "changed_at",
        "gone",
    )
    return {
        **{name: header[name] for name in same}, "vendor": supplier, "vendor_name": SUPPLIER[supplier].name,
        "business_unit": FACILITY[header["facility"]].erp, "status": ERP_STATUS[header["status"]],
        "posted_at": header["entered_at"] if header["status"] in {"APPROVED", "PAID"} else None,
        "paid_at": header["changed_at"] if header["status"] == "PAID" else None, "stuck": 0,
    }  # fmt: skip
