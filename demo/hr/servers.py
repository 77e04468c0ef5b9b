"""Systems that list their rows to who is known to them, and show them to people. No row means anything here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, Response, request

from ..moods import Moods
from ..systems.pages import add_table_pages, is_page
from ..systems.store import Store
from ..systems.tables import Table, listings


@dataclass(frozen=True, slots=True)
class Door:
    """Who is let in to the lists: whoever sends `secret` in `header`."""

    header: str
    secret: str

    def is_open(self) -> bool:
        return secrets.compare_digest(request.headers.get(self.header, ""), self.secret)


def application(
    name: str, store: Store, moods: Moods, door: Door | None, tables: Mapping[str, Table], title: str,
) -> Flask:  # fmt: skip
    """The HTTP interface of a system: pages of its `tables`, and lists of them where it has a `door`."""
    app = Flask(f"demo.{name}", static_folder=None)

    @app.before_request
    def moody() -> Response | None:
        if not is_page() and (door is None or not door.is_open()):
            return Response('{"error": "not let in"}', 401, content_type="application/json")
        return moods.answer(name)

    if door is not None:
        listings(app, store, "/api/v1", tables)
    add_table_pages(app, title, store, tables.values())
    return app
