"""HCM and the identity platform: lists over REST, behind a bearer token and an API key. No row means anything here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from flask import Flask, Response, request

from ..moods import Moods
from ..systems.store import Store
from ..systems.tables import Table, listings


def application(
    name: str, store: Store, moods: Moods, header: str, secret: str, tables: Mapping[str, Table]
) -> Flask:
    """The HTTP interface of a system that lists `tables` to whoever sends `secret` in `header`."""
    app = Flask(f"demo.{name}", static_folder=None)

    @app.before_request
    def moody() -> Response | None:
        if not secrets.compare_digest(request.headers.get(header, ""), secret):
            return Response('{"error": "not let in"}', 401, content_type="application/json")
        return moods.answer(name)

    listings(app, store, "/api/v1", tables)
    return app
