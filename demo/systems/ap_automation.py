"""AP automation: invoice lines as they were captured and approved, under this system's own supplier codes.

REST with numbered pages, behind a bearer token. A line whose supplier is corrected becomes a new line; the
old one stays, marked as deleted. Writes are answered slowly, now and then later than anybody waits; it remembers
idempotency keys.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import Flask, Response, jsonify, request

from ..documents import InvoiceLine
from ..moods import Moods
from ..suppliers import SUPPLIER, of_trade
from .ledgers import AP_AUTOMATION as TABLES
from .ledgers import schema_of
from .pages import add_pages, add_table_pages, is_page
from .store import Row, Store
from .tables import listings
from .writes import SCHEMA as BOOK
from .writes import Applied, Desk, Fields, Mended, RefusedError, Tell, nobody

SCHEMA = """
CREATE TABLE IF NOT EXISTS invoice_lines (
  id INTEGER PRIMARY KEY, vendor TEXT, vendor_name TEXT, number TEXT, line INTEGER, facility TEXT, kind TEXT,
  refers_to TEXT, po TEXT, po_line INTEGER, po_required INTEGER, item TEXT, description TEXT,
  quantity INTEGER, unit TEXT, price INTEGER, price_per INTEGER, amount INTEGER, status TEXT, dated TEXT,
  entered_at TEXT, due TEXT, deleted INTEGER DEFAULT 0, changed_at TEXT,
  more TEXT DEFAULT '{}');
CREATE INDEX IF NOT EXISTS invoice_lines_changed ON invoice_lines (changed_at);
CREATE INDEX IF NOT EXISTS invoice_lines_po ON invoice_lines (po, po_line);
CREATE INDEX IF NOT EXISTS invoice_lines_number ON invoice_lines (number);
"""
SCHEMA += BOOK + schema_of(TABLES)
_MORE = ("taxAmount", "taxCode", "schedule", "period", "serviceDate", "caseNumber", "lot", "serial")
_GENEROUS = frozenset(each.payables for trade in ("general", "laboratory") for each in of_trade(trade))
_STATUSES = ("ENTERED", "APPROVED", "HELD", "PAID")


def rows_of(lines: Sequence[InvoiceLine]) -> list[Row]:
    """Invoice lines as this system writes them."""
    return [
        {
            "vendor": line.alias, "vendor_name": SUPPLIER[line.supplier].name, "number": line.number,
            "line": line.line, "facility": line.facility, "kind": line.kind.upper(),
            "refers_to": line.credits, "po": line.order, "po_line": line.order_line,
            "po_required": int(line.po_required), "item": line.item, "description": line.description,
            "quantity": line.quantity, "unit": line.unit, "price": line.price, "price_per": line.per,
            "amount": line.amount, "status": line.status.upper(), "dated": line.invoice_date,
            "entered_at": line.entered_at, "due": line.due_on, "deleted": 0, "changed_at": line.changed_at,
            "more": json.dumps(line.more, sort_keys=True),
        }
        for line in lines
    ]  # fmt: skip


def _invoice_line(row: Row) -> dict[str, Any]:
    more = json.loads(row["more"])
    return {
        "id": row["id"], "vendorCode": row["vendor"], "vendorName": row["vendor_name"],
        "invoiceNumber": row["number"], "lineNo": row["line"], "facility": row["facility"],
        "documentType": row["kind"], "referencesInvoice": row["refers_to"] or None,
        "poNumber": row["po"] or None, "poLine": row["po_line"] or None,
        "requesterEmail": None if row["po"] else f"requests.{row['facility'].lower()}@hospital.example",
        "poRequired": bool(row["po_required"]), "itemNumber": row["item"] or None,
        "description": row["description"], "qty": row["quantity"], "uom": row["unit"],
        "unitPrice": row["price"] / 10_000, "pricePer": row["price_per"],
        "lineAmount": row["amount"] / 100, "currency": more.get("currency", "USD"), "status": row["status"],
        "invoiceDate": row["dated"], "enteredAt": row["entered_at"], "dueDate": row["due"],
        "deleted": bool(row["deleted"]), "changedAt": row["changed_at"],
        **{name: more.get(name) for name in _MORE}, **_discount(row),
    }  # fmt: skip


def _discount(row: Row) -> dict[str, Any]:
    """Some suppliers give 2 % to who pays within twenty days."""
    if row["vendor"] not in _GENEROUS or row["kind"] != "STANDARD":
        return {"discountUntil": None, "discountPercent": None}
    until = date.fromisoformat(row["dated"][:10]) + timedelta(days=20)
    return {"discountUntil": until.isoformat(), "discountPercent": 2}


def _invoices(store: Store, number: str) -> list[dict[str, Any]]:
    return [_invoice_line(row) for row in store.find("invoice_lines", {"number": number})]


def application(store: Store, moods: Moods, token: str, tell: Tell = nobody) -> Flask:
    """AP automation's HTTP interface over its database."""
    app = Flask("demo.ap_automation", static_folder=None)

    @app.before_request
    def moody() -> Response | None:
        given = request.headers.get("Authorization", "")
        if not is_page() and not secrets.compare_digest(given, f"Bearer {token}"):
            return Response('{"message": "not authorised"}', 401, content_type="application/json")
        return moods.answer("ap_automation")

    add_pages(
        app, "AP automation", {"invoices/<path:number>": ("Invoice", lambda number: _invoices(store, number))}
    )

    @app.get("/rest/v1/invoice-lines")
    def invoice_lines() -> Response:
        page, size = (
            max(int(request.args.get("page", 1)), 1),
            min(int(request.args.get("per_page", 500)), 1000),
        )
        since = request.args.get("changed_after", "")[:19]
        # In the order of capture: a line that changes while a client pages never moves another one out of
        # its page.
        rows = store.rows(
            "SELECT * FROM invoice_lines WHERE changed_at >= ? ORDER BY id LIMIT ? OFFSET ?",
            (since, size, (page - 1) * size),
        )
        found = store.rows("SELECT count(*) AS total FROM invoice_lines WHERE changed_at >= ?", (since,))
        return jsonify(
            invoiceLines=[_invoice_line(row) for row in rows],
            page=page,
            perPage=size,
            total=found[0]["total"],
        )

    listings(app, store, "/rest/v1", TABLES)
    add_table_pages(app, "AP automation", store, TABLES.values())
    desk = Desk("ap_automation", store, moods, honours_keys=True, tell=tell, refusal=_refusal)
    desk.route(app, "/rest/v1/payment-status", "set_status", lambda given, at: _set_status(store, given, at))
    return app


def _refusal(error: RefusedError) -> dict[str, Any]:
    return {"code": error.code, "message": error.reason}


def _set_status(store: Store, given: Fields, at: str) -> Applied:
    """A status of an invoice and its lines, in the neutral words that interfaces use."""
    vendor, number, status = given.text("vendorCode"), given.text("invoiceNumber"), given.text("status")
    if status.upper() not in _STATUSES:
        raise RefusedError(f"no status {status}", "BAD_STATUS")
    invoice = {"vendor": vendor, "number": number, "deleted": 0}
    lines = store.find("invoice_lines", invoice)
    if any(row["status"] == "VOID" for row in lines):
        raise RefusedError(f"{number} was voided", "VOIDED")
    if not lines:
        raise RefusedError(f"no invoice {number} of {vendor}", "NOT_FOUND", 404)
    values = {"status": status.upper(), "changed_at": at}
    paid = {"open_amount": 0} if values["status"] == "PAID" else {}
    store.alter("invoice_lines", invoice, values)
    store.alter("invoices", {"vendor": vendor, "number": number}, {**values, **paid})
    answer = {"vendorCode": vendor, "invoiceNumber": number, "status": values["status"], "changedAt": at}
    mended = Mended("paid_still_open", lines[0]["po"], lines[0]["po_line"]) if paid else None
    return Applied(answer, mended)
