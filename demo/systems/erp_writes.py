"""What may be written to the ERP, and what it then does to its rows. It honours idempotency keys.

Knows no faults. A write that cannot be posted is refused with the ERP's own code and words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from ..moods import Moods
from .store import Row, Store
from .words import ERP
from .writes import Applied, Desk, Fields, Mended, RefusedError, Tell

_LINES = "/odata/v4/PurchaseOrderLines"


def add_writes(app: Flask, store: Store, moods: Moods, tell: Tell) -> None:
    """Take writes beside the reads that `app` serves."""
    desk = Desk("erp", store, moods, honours_keys=True, tell=tell, refusal=_refusal)
    writes = _Writes(store)
    desk.route(app, f"{_LINES}/Amend", "amend_price", writes.amend_price)
    desk.route(app, f"{_LINES}/SetStatus", "set_status", writes.set_status)


def _refusal(error: RefusedError) -> Mapping[str, Any]:
    return {"error": {"code": error.code, "message": error.reason}}


class _Writes:
    """The ERP's rows, changed as its users would change them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _line(self, given: Fields) -> Row:
        po, line = given.text("PurchaseOrder"), given.number("LineNumber")
        found = self._store.find("order_lines", {"po": po, "line": line})
        if not found:
            raise RefusedError(f"no purchase order line {po}/{line}", "NotFound", 404)
        return found[0]

    def amend_price(self, given: Fields, at: str) -> Applied:
        """Another unit price for an order line."""
        line, price = self._line(given), given.decimal("UnitPrice")
        if price <= 0 or price * 10_000 != int(price * 10_000):
            raise RefusedError(f"a unit price has at most four decimals and is positive: {price}", "BadPrice")
        if line["status"] == ERP["cancelled"]:
            raise RefusedError(f"{line['po']}/{line['line']} is canceled", "DocumentCanceled")
        values = {"price": int(price * 10_000), "modified_at": at}
        self._store.alter("order_lines", {"id": line["id"]}, values)
        return _done(line, at, "price_variance")

    def set_status(self, given: Fields, at: str) -> Applied:
        """A status of an order line, in the neutral words that interfaces use."""
        line, status = self._line(given), given.text("Status")
        if status not in ERP:
            raise RefusedError(f"no status {status}; known are {', '.join(ERP)}", "BadStatus")
        self._store.alter("order_lines", {"id": line["id"]}, {"status": ERP[status], "modified_at": at})
        return _done(line, at, "order_status_mismatch")


def _done(line: Row, at: str, category: str) -> Applied:
    return Applied(
        {"PurchaseOrder": line["po"], "LineNumber": line["line"], "ModifiedAt": at},
        Mended(category, line["po"], line["line"]),
    )
