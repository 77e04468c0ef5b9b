"""The JSON API for programs, `/api/v1`, described as OpenAPI at `/api/v1/openapi.json`.

A program acts as a person, with a key of that person's, and sees exactly what that person sees. Must not know the
pages; like them it fetches and authorises, calls one service or query, and answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiflask import APIFlask

SPEC = "/api/v1/openapi.json"


def register(app: APIFlask) -> None:
    """Make `app` serve the API. The extensions are bound already."""
    from exceptions_app.access import PUBLIC, needs
    from exceptions_app.extensions import csrf

    from . import caller, cases, events, validate

    caller.install(app)
    csrf.exempt(cases.blueprint)  # it only reads; and a browser's cookie alone never lets a program write
    csrf.exempt(events.blueprint)  # a sender has no session: its signature says who it is
    csrf.exempt(validate.blueprint)  # it only reads
    app.register_blueprint(cases.blueprint)
    app.register_blueprint(validate.blueprint)
    app.register_blueprint(events.blueprint)
    needs(PUBLIC)(app.view_functions["openapi.spec"])
