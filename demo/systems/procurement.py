"""The procurement suite: its own view of every order line, in its own statuses and supplier aliases.

JSON with cursor paging, behind an API key. It knows nothing of idempotency keys: what is sent twice is applied twice,
and entered twice in its book; who is not sure looks first.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Flask, Response, jsonify, request

from ..documents import OrderLine, cents, instant, stamp
from ..moods import Moods
from ..places import FACILITY
from ..suppliers import SUPPLIER
from .ledgers import PROCUREMENT as TABLES
from .ledgers import schema_of
from .pages import Finder, add_pages, add_table_pages, is_page
from .store import Row, Store
from .tables import listings
from .words import PROCUREMENT
from .writes import SCHEMA as BOOK
from .writes import Applied, Desk, Fields, Mended, RefusedError, Tell, nobody

_NEUTRAL = {word: status for status, word in PROCUREMENT.items()}

SCHEMA = """
CREATE TABLE IF NOT EXISTS order_lines (
  id INTEGER PRIMARY KEY, po TEXT, line INTEGER, site TEXT, requisition TEXT, supplier TEXT, item TEXT,
  description TEXT, quantity INTEGER, unit TEXT, price INTEGER, price_per INTEGER, state TEXT,
  created_at TEXT, need_by TEXT, updated_at TEXT, UNIQUE (po, line));
CREATE INDEX IF NOT EXISTS order_lines_updated ON order_lines (updated_at, id);
"""
SCHEMA += BOOK + schema_of(TABLES)


def rows_of(lines: Sequence[OrderLine]) -> list[Row]:
    """Order lines as this system writes them."""
    return [
        {
            "po": f"PO-{line.order}", "line": line.line, "site": FACILITY[line.facility].procurement,
            "requisition": line.requisition, "supplier": SUPPLIER[line.supplier].procurement,
            "item": line.item, "description": line.description, "quantity": line.quantity, "unit": line.unit,
            "price": line.price, "price_per": line.per, "state": PROCUREMENT[line.status],
            "created_at": line.ordered_at, "need_by": line.promised_on, "updated_at": line.changed_at,
        }
        for line in lines
    ]  # fmt: skip


def requisitions_of(lines: Sequence[OrderLine]) -> list[Row]:
    """The requisition lines that these order lines came from, approved the day before."""
    return [
        {
            "requisition": line.requisition, "line": line.line, "site": FACILITY[line.facility].procurement,
            "requester": f"Department {int(line.requisition[3:]) % 37 + 100}",
            "supplier": SUPPLIER[line.supplier].procurement, "supplier_name": SUPPLIER[line.supplier].name,
            "item": line.item, "description": line.description, "quantity": line.quantity, "unit": line.unit,
            "amount": cents(line.price, line.quantity, line.per),
            "state": "CANCELLED" if line.status == "cancelled" else "ORDERED",
            "approved_at": stamp(instant(line.ordered_at) - timedelta(days=1)), "changed_at": line.changed_at,
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


def _pages(store: Store) -> dict[str, tuple[str, Finder]]:
    """An order by its number, with or without what this suite puts before it; a requisition by its own."""
    requisition = TABLES["requisitions"]

    def orders(order: str, line: int | None = None) -> list[dict[str, Any]]:
        more = {} if line is None else {"line": line}
        numbers = dict.fromkeys((order, f"PO-{order}", order.removeprefix("PO-")))
        return [_order_line(row) for po in numbers for row in store.find("order_lines", {"po": po, **more})]

    def requisitions(number: str) -> list[dict[str, Any]]:
        """As long as they are shown; of older ones, what was ordered for them."""
        named = {"requisition": number}
        found = [requisition.told(row) for row in store.find("requisitions", named)]
        return found or [_order_line(row) for row in store.find("order_lines", named)]

    return {
        "orders/<order>": ("Order", orders), "orders/<order>/<int:line>": ("Order line", orders),
        "requisitions/<number>": ("Requisition", requisitions),
    }  # fmt: skip


def application(store: Store, moods: Moods, api_key: str, tell: Tell = nobody) -> Flask:
    """The procurement suite's HTTP interface over its database."""
    app = Flask("demo.procurement", static_folder=None)

    @app.before_request
    def moody() -> Response | None:
        if not is_page() and not secrets.compare_digest(request.headers.get("X-Api-Key", ""), api_key):
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

    @app.get("/api/v2/order-lines/<po>/<int:line>")
    def one(po: str, line: int) -> tuple[Response, int]:
        row = _find(store, po, line)
        if row is None:
            return jsonify(error="not_found", message=f"no order line {po}/{line}"), 404
        return jsonify({**_order_line(row), "status": _NEUTRAL[row["state"]]}), 200

    listings(app, store, "/api/v2", TABLES)
    add_pages(app, "Procurement suite", _pages(store))
    add_table_pages(app, "Procurement suite", store, TABLES.values())
    Desk("procurement", store, moods, tell=tell).route(
        app, "/api/v2/order-status", "set_status", lambda given, at: _set_status(store, given, at)
    )
    return app


def _find(store: Store, po: str, line: int) -> Row | None:
    """An order line, by its number with or without the prefix that this system gives it."""
    number = po if po.startswith("PO-") else f"PO-{po}"
    return next(iter(store.find("order_lines", {"po": number, "line": line})), None)


def _set_status(store: Store, given: Fields, at: str) -> Applied:
    """A status of an order line, in the neutral words that interfaces use."""
    po, line, status = given.text("po"), given.number("line"), given.text("status")
    row = _find(store, po, line)
    if row is None:
        raise RefusedError(f"no order line {po}/{line}", "not_found", 404)
    if status not in PROCUREMENT:
        raise RefusedError(f"no status {status}; known are {', '.join(PROCUREMENT)}", "bad_status")
    store.alter("order_lines", {"id": row["id"]}, {"state": PROCUREMENT[status], "updated_at": at})
    return Applied(
        {"po": row["po"], "line": line, "state": PROCUREMENT[status], "updated_at": at},
        Mended("order_status_mismatch", row["po"].removeprefix("PO-"), line),
    )
