"""The cloud ERP: order lines, vendors and units by an OData-style API behind OAuth2 client credentials.

Tokens live for seconds and are sometimes revoked early; now and then it answers 429 with `Retry-After`.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, jsonify, request

from ..documents import ITEM_FLAGS, OrderLine
from ..goods import unit_rows
from ..hr.tables import ERP as PEOPLE
from ..moods import Moods
from ..places import FACILITY
from ..suppliers import BLOCKED_SUPPLIER, SUPPLIER, SUPPLIERS
from .erp_writes import add_writes
from .ledgers import ERP as BOOKS
from .ledgers import schema_of
from .pages import Finder, add_pages, add_table_pages, is_page
from .store import Row, Store
from .tables import entity_sets, odata_view
from .words import ERP
from .writes import SCHEMA as BOOK
from .writes import Tell, nobody

TOKEN_SECONDS = 25
_FLAG_WORDS = (
    "EvaluatedReceipt",
    "Consigned",
    "BillOnly",
    "DropShip",
    "Blanket",
    "NoCharge",
    "PriceEstimated",
)
_TERMS = (
    "FreightTerms", "TaxExempt", "DeliveryConfirmed", "NeedsConfirmation", "InspectionDays", "LimitAmount", "ValidFrom",
    "ValidTo", "ReleaseOf",
)  # fmt: skip
"""The ERP's flexible fields: most lines have none of them."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS order_lines (
  id INTEGER PRIMARY KEY, po TEXT, line INTEGER, business_unit TEXT, requisition TEXT, vendor TEXT, item TEXT,
  description TEXT, quantity INTEGER, unit TEXT, price INTEGER, price_per INTEGER, match_type INTEGER,
  basis TEXT, flags TEXT, status TEXT, ordered_at TEXT, promised_on TEXT, modified_at TEXT,
  requisition_line INTEGER, terms TEXT DEFAULT '{}', UNIQUE (po, line));
CREATE INDEX IF NOT EXISTS order_lines_requisition ON order_lines (requisition);
CREATE INDEX IF NOT EXISTS order_lines_modified ON order_lines (modified_at, id);
"""
TABLES = {**BOOKS, **PEOPLE}
SCHEMA += BOOK + schema_of(TABLES)


def rows_of(lines: Sequence[OrderLine]) -> list[Row]:
    """Order lines as this system writes them."""
    return [
        {
            "po": line.order, "line": line.line, "business_unit": FACILITY[line.facility].erp,
            "requisition": line.requisition, "vendor": line.supplier, "item": line.item,
            "description": line.description, "quantity": line.quantity, "unit": line.unit,
            "price": line.price, "price_per": line.per, "match_type": line.match, "basis": line.basis,
            "flags": ",".join(line.flags), "status": ERP[line.status], "ordered_at": line.ordered_at,
            "promised_on": line.promised_on, "modified_at": line.changed_at,
            "requisition_line": line.line, "terms": json.dumps(line.terms, sort_keys=True),
        }
        for line in lines
    ]  # fmt: skip


def _order_line(row: Row) -> dict[str, Any]:
    flags, terms = row["flags"].split(","), json.loads(row["terms"])
    return {
        "PurchaseOrder": row["po"], "LineNumber": row["line"], "BusinessUnit": row["business_unit"],
        "Requisition": row["requisition"], "RequisitionLine": row["requisition_line"], "Vendor": row["vendor"],
        "VendorName": SUPPLIER[row["vendor"]].name, "Item": row["item"] or None,
        "Description": row["description"], "OrderQuantity": row["quantity"], "UnitOfMeasure": row["unit"],
        "UnitPrice": f"{row['price'] / 10_000:.4f}", "PricePer": row["price_per"],
        "Currency": terms.get("Currency", "USD"),
        "Status": row["status"], "MatchType": row["match_type"], "Basis": row["basis"],
        **{word: flag in flags for flag, word in zip(ITEM_FLAGS, _FLAG_WORDS, strict=True)},
        **{name: terms.get(name) for name in _TERMS},
        "RequesterEmail": _requester(row["requisition"]),
        "OrderedAt": row["ordered_at"], "PromisedOn": row["promised_on"], "ModifiedAt": row["modified_at"],
    }  # fmt: skip


def _requester(requisition: str | None) -> str | None:
    """Whom the department that asked for it is written to."""
    digits = "".join(filter(str.isdigit, requisition or ""))
    return f"department.{int(digits) % 37 + 100}@hospital.example" if digits else None


def _vendor(row: Row) -> dict[str, Any]:
    """A vendor with the address that its orders and questions go to; one that nobody knows has none."""
    known = SUPPLIER.get(row["vendor"])
    words = re.findall(r"[a-z0-9]+", known.name.lower()) if known else []
    return {**TABLES["Vendors"].told(row), "email": f"orders@{'-'.join(words)}.example" if words else None}


def _pages(store: Store) -> dict[str, tuple[str, Finder]]:
    def orders(order: str, line: int | None = None) -> list[dict[str, Any]]:
        where = {"po": order} | ({} if line is None else {"line": line})
        return [_order_line(row) for row in store.find("order_lines", where)]

    def vendors(vendor: str) -> list[dict[str, Any]]:
        return [_vendor(row) for row in store.find("vendors", {"vendor": vendor})]

    return {
        "orders/<order>": ("Order", orders), "orders/<order>/<int:line>": ("Order line", orders),
        "vendors/<vendor>": ("Vendor", vendors),
    }  # fmt: skip


class Tokens:
    """The access tokens that are valid now."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._client = (client_id, client_secret)
        self._until: dict[str, float] = {}

    def issue(self, client_id: str | None, client_secret: str | None) -> str | None:
        """A new token for the one client there is; None for anybody else."""
        if not secrets.compare_digest(f"{client_id}\0{client_secret}", "\0".join(self._client)):
            return None
        token, now = secrets.token_urlsafe(24), time.monotonic()
        self._until = {known: until for known, until in self._until.items() if until > now} | {
            token: now + TOKEN_SECONDS
        }
        return token

    def valid(self, authorization: str) -> bool:
        return self._until.get(authorization.removeprefix("Bearer "), 0.0) > time.monotonic()

    def revoke_all(self) -> None:
        """Every client has to ask again, in the middle of whatever it was reading."""
        self._until.clear()


def application(store: Store, moods: Moods, client_id: str, client_secret: str, tell: Tell = nobody) -> Flask:
    """The ERP's HTTP interface over its database."""
    app, tokens = Flask("demo.erp", static_folder=None), Tokens(client_id, client_secret)

    @app.before_request
    def moody() -> Response | None:
        answer = moods.answer("erp")
        if answer is not None or request.path == "/oauth2/token" or is_page():
            return answer
        if moods.throttled():
            return Response("Too many requests", 429, {"Retry-After": "1"})
        if moods.chance(0.01):
            tokens.revoke_all()
        if not tokens.valid(request.headers.get("Authorization", "")):
            return Response('{"error": {"code": "InvalidToken"}}', 401, content_type="application/json")
        return None

    @app.post("/oauth2/token")
    def token() -> Response:
        given = request.authorization
        if given and given.type == "basic":
            issued = tokens.issue(given.username, given.password)
        else:
            issued = tokens.issue(request.form.get("client_id"), request.form.get("client_secret"))
        if issued is None or request.form.get("grant_type") != "client_credentials":
            return Response('{"error": "invalid_client"}', 401, content_type="application/json")
        return jsonify(access_token=issued, token_type="Bearer", expires_in=TOKEN_SECONDS)

    path = "/odata/v4/PurchaseOrderLines"
    app.add_url_rule(
        path, "order_lines", odata_view(path, lambda *place: _changed(store, *place), _order_line)
    )
    vendors = TABLES["Vendors"]
    entity_sets(app, store, {name: table for name, table in TABLES.items() if table is not vendors})
    path = "/odata/v4/Vendors"
    app.add_url_rule(path, "vendors", odata_view(path, lambda *place: vendors.after(store, *place), _vendor))
    add_pages(app, "Cloud ERP", _pages(store))
    add_table_pages(app, "Cloud ERP", store, TABLES.values())
    app.add_url_rule("/odata/v4/ItemUnits", view_func=_item_units)
    app.add_url_rule("/odata/v4/VendorAccounts", view_func=_vendor_accounts)
    add_writes(app, store, moods, tell)
    return app


def _changed(store: Store, since: str, last: int, size: int) -> list[Row]:
    sql = "SELECT * FROM order_lines WHERE (modified_at, id) > (?, ?) ORDER BY modified_at, id LIMIT ?"
    return store.rows(sql, (since, last, size))


def _vendor_accounts() -> Response:
    """Whose invoices nobody pays, for nobody knows who they are, holds deliveries."""
    held = BLOCKED_SUPPLIER.number
    accounts = [{"Vendor": each.number, "DeliveriesHeld": each.number == held} for each in SUPPLIERS]
    return jsonify({"value": accounts})


def _item_units() -> Response:
    units = [{"Item": item, "UnitOfMeasure": unit, "BaseUnits": factor} for item, unit, factor in unit_rows()]
    return jsonify({"value": units})
