"""The warehouse's HTTP interface beside its file drop: asked for a receipt, it posts what its docks have scanned.

It rejects for business reasons: nothing was ever delivered, the period is closed, the receipt was posted already.
It knows nothing of idempotency keys, and offers nothing to look.
"""

from __future__ import annotations

import secrets

from flask import Flask, Response, request

from ..moods import Moods
from .ledgers import WMS
from .pages import add_pages, add_table_pages, is_page
from .store import Store
from .tables import listings
from .warehouse import local_time
from .writes import Applied, Desk, Fields, Mended, RefusedError, Tell, nobody


def application(store: Store, moods: Moods, api_key: str, tell: Tell = nobody) -> Flask:
    """The interface over the warehouse's database."""
    app = Flask("demo.warehouse_api", static_folder=None)

    @app.before_request
    def moody() -> Response | None:
        if not is_page() and not secrets.compare_digest(request.headers.get("X-Api-Key", ""), api_key):
            return Response('{"error": "unknown API key"}', 401, content_type="application/json")
        return moods.answer("wms")

    listings(app, store, "/api/v1", WMS)
    add_table_pages(app, "Warehouse", store, WMS.values())
    add_pages(
        app,
        "Warehouse",
        {"receipts/<number>": ("Receipt", lambda number: store.find("receipts", {"receipt": number}))},
    )
    Desk("wms", store, moods, tell=tell).route(
        app, "/api/v1/receipt-requests", "send_receipt", lambda given, at: _send_receipt(store, given, at)
    )
    return app


def _send_receipt(store: Store, given: Fields, at: str) -> Applied:
    """Post what a dock has scanned and never sent; the next file has it."""
    po, line = given.text("po_no"), given.number("po_line")
    where = {"po": po, "po_line": f"{line:04d}"}
    scans = store.find("dock_scans", where)
    if not scans and store.find("receipts", where):
        raise RefusedError(f"the receipt of {po}/{line} was sent already", "ALREADY_SENT")
    if not scans:
        raise RefusedError(f"no such delivery: no dock has scanned anything for {po}/{line}", "NO_DELIVERY")
    if any(scan["period_closed"] for scan in scans):
        raise RefusedError(
            f"period closed: {po}/{line} was scanned before the inventory close", "PERIOD_CLOSED"
        )
    receipts = [
        {
            **{
                name: scan[name]
                for name in ("receipt", "line", "site", "po", "po_line", "item", "quantity", "unit")
            },
            **{
                "movement": "RECEIPT",
                "received_local": local_time(at),
                "posted_at": at,
                "mangled": "",
                "sent": 0,
            },
        }
        for scan in scans
    ]
    store.add("receipts", receipts)
    store.remove("dock_scans", where)
    return Applied(
        {"receipts": [row["receipt"] for row in receipts], "posted_at": at},
        Mended("missing_receipt", po, line),
    )
