"""The supplier portal: takes every request politely, answers 200, and does nothing at all.

REST behind an API key. It keeps a book of what it was asked, like every system.
"""

from __future__ import annotations

import secrets

from flask import Flask, Response, request

from ..moods import Moods
from .ledgers import PORTAL as TABLES
from .ledgers import schema_of
from .pages import add_table_pages, is_page
from .store import Store
from .tables import listings
from .writes import SCHEMA as BOOK
from .writes import Applied, Desk, Fields, Tell

SCHEMA = BOOK + schema_of(TABLES)


def application(store: Store, moods: Moods, api_key: str, tell: Tell) -> Flask:
    """The portal's HTTP interface."""
    app = Flask("demo.portal", static_folder=None)

    @app.before_request
    def moody() -> Response | None:
        if not is_page() and not secrets.compare_digest(request.headers.get("X-Api-Key", ""), api_key):
            return Response('{"error": "unknown API key"}', 401, content_type="application/json")
        return moods.answer("portal")

    listings(app, store, "/v1", TABLES)
    add_table_pages(app, "Supplier portal", store, TABLES.values())
    Desk("portal", store, moods, tell=tell).route(app, "/v1/invoice-requests", "ask_for_invoice", _thank)
    return app


def _thank(given: Fields, at: str) -> Applied:
    """A polite answer."""
    return Applied({"ok": True, "message": f"Thank you. {given.text('order')} was noted.", "at": at})
