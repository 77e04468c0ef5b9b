"""The procurement suite: its own view of every order line, in its own statuses and supplier aliases.

JSON with cursor paging, behind an API key.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, jsonify, request

from ..documents import OrderLine
from ..moods import Moods
from ..places import FACILITY
from ..suppliers import SUPPLIER
from .store import Row, Store

STATUS_WORDS = {
    "approved": "APPROVED", "ordered": "ORDERED", "partially_received": "RECEIVING",
    "received": "FULLY_RECEIVED", "closed": "SOFT_CLOSED", "cancelled": "CANCELLED",
}  # fmt: skip

SCHEMA = """
CREATE TABLE IF NOT EXISTS order_lines (
  id INTEGER PRIMARY KEY, po TEXT, line INTEGER, site TEXT, requisition TEXT, supplier TEXT, item TEXT,
  description TEXT, quantity INTEGER, unit TEXT, price INTEGER, price_per INTEGER, state TEXT,
  created_at TEXT, need_by TEXT, updated_at TEXT, UNIQUE (po, line));
CREATE INDEX IF NOT EXISTS order_lines_updated ON order_lines (updated_at, id);
"""


def rows_of(lines: Sequence[OrderLine]) -> list[Row]:
    """Order lines as this system writes them."""
    return [
        {
            "po": f"PO-{line.order}", "line": line.line, "site": FACILITY[line.facility].procurement,
            "requisition": line.requisition, "supplier": SUPPLIER[line.supplier].procurement,
            "item": line.item, "description": line.description, "quantity": line.quantity, "unit": line.unit,
            "price": line.price, "price_per": line.per, "state": STATUS_WORDS[line.status],
            "created_at": line.ordered_at, "need_by": line.promised_on, "updated_at": line.changed_at,
        }
        for line in lines
    ]  # fmt: skip


def _order_line(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "po": {"number": row["po"], "line": row["line"], "requisition": row["requisition"]},
        "site": row["site"],
        "supplier": {"alias": row["supplier"]},
        "item": {"number": row["item"] or None, "description": row["description"]},
        "quantity": row["quantity"],
        "uom": row["unit"],
        "price": {"amount": row["price"] / 10_000, "per": row["price_per"], "currency": "USD"},
        "state": row["state"],
        "created_at": row["created_at"],
        "need_by": row["need_by"],
        "updated_at": row["updated_at"],
    }


def application(store: Store, moods: Moods, api_key: str) -> Flask:
    """The procurement suite's HTTP interface over its database."""
    app = Flask("demo.procurement", static_folder=None)

    @app.before_request
    def moody() -> Response | None:
        if not secrets.compare_digest(request.headers.get("X-Api-Key", ""), api_key):
            return Response('{"error": "unknown API key"}', 401, content_type="application/json")
        return moods.answer("procurement")

    @app.get("/api/v2/order-lines")
    def order_lines() -> Response:
        size = min(int(request.args.get("limit", 500)), 1000)
        cursor = request.args.get("cursor")
        place = (
            urlsafe_b64decode(cursor).decode()
            if cursor
            else f"{request.args.get('updated_since', '')[:19]}|0"
        )
        since, last = place.split("|")
        rows = store.rows(
            "SELECT * FROM order_lines WHERE (updated_at, id) > (?, ?) ORDER BY updated_at, id LIMIT ?",
            (since, int(last), size),
        )
        following = None
        if len(rows) == size:
            following = urlsafe_b64encode(f"{rows[-1]['updated_at']}|{rows[-1]['id']}".encode()).decode()
        return jsonify(data=[_order_line(row) for row in rows], next_cursor=following)

    return app
