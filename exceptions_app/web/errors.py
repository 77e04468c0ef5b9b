"""Errors as pages a person can act on: what happened, what to do next, and a reference to quote.

A failing request never shows a stack trace and never pushes its address into the browser's history.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from flask import Flask, Response, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, InternalServerError

from exceptions_app.extensions import db, login_manager

from . import gate, hx

log = logging.getLogger(__name__)

WORDS = {
    400: (
        "The request could not be read",
        "Something in it was missing or malformed. Go back and try again.",
    ),
    401: (
        "Who is asking?",
        "Send an API key as 'Authorization: Bearer ...'; it may have expired or been revoked.",
    ),
    403: (
        "This is not yours to see",
        "Your role or your queues do not include it. An administrator can change that.",
    ),
    404: (
        "Nothing here",
        "It does not exist, or it belongs to an entity or a queue that is not yours.",
    ),
    405: ("That cannot be opened like this", "The address belongs to a form. Open the page it came from."),
    409: (
        "Somebody was faster",
        "It has changed since you opened it. Open it again to see the newest version.",
    ),
    413: ("Too much at once", "The request was larger than this server accepts."),
    419: (
        "Your session has moved on",
        "The form was opened before you signed in or out. Nothing was changed: open the page and repeat it.",
    ),
    500: (
        "Something broke on our side",
        "Nothing was changed. It has been recorded under the reference below.",
    ),
    503: (
        "The database does not answer",
        "Nothing was changed. Go back, where what you typed still stands, and send it again in a moment.",
    ),
}

FOR_PROGRAMS = {
    400: "The body is not JSON, or not what is taken here; /api/v1/openapi.json says what is.",
}
"""What is said to programs instead."""


def page(status: int, detail: str | None = None) -> Response:
    """The designed page of one status; `detail` says more than the usual words."""
    title, advice = WORDS.get(status, WORDS[500 if status >= 500 else 400])
    if request.path.startswith(gate.API):
        return _problem(status, title, detail or FOR_PROGRAMS.get(status, advice))
    body = render_template("errors/index.html", status=status, title=title, advice=detail or advice)
    response = hx.respond((body, status))
    response.headers["HX-Push-Url"] = "false"
    return response


def _problem(status: int, title: str, advice: str) -> Response:
    """The same for a program: `application/problem+json`, as RFC 9457 describes it."""
    told = {"status": status, "title": title, "detail": advice, "correlation_id": g.get("correlation_id", "")}
    response = jsonify(told)
    response.status_code, response.content_type = status, "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def install(app: Flask) -> None:
    @app.errorhandler(CSRFError)
    def _csrf(_error: CSRFError) -> Response:
        return page(419)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        if error.code is not None and error.code < 400:
            return error.get_response()  # type: ignore[return-value]
        response = page(error.code or 500)
        for name, value in error.get_headers():
            if name.lower() in {"allow", "retry-after"}:
                response.headers[name] = value
        return response

    @app.errorhandler(DataError)
    @app.errorhandler(OverflowError)
    @app.errorhandler(RecursionError)
    def _beyond(error: Exception) -> Response:
        """A number that no database takes, a time that no calendar has, lists within lists: whoever asked wrote it."""
        db.session.rollback()
        log.warning(
            "request %s holds what is beyond all measure", g.get("correlation_id", "-"), exc_info=error
        )
        return page(400)

    @app.errorhandler(OperationalError)
    @app.errorhandler(PoolTimeoutError)
    def _away(error: SQLAlchemyError) -> Response:
        """Locked, full, read-only or gone: the page asks the database nothing, not even who is signed in."""
        log.error("request %s: the database does not answer", g.get("correlation_id", "-"), exc_info=error)
        with suppress(SQLAlchemyError):
            db.session.rollback()
        g._login_user = login_manager.anonymous_user()
        g.pop("viewer", None)
        response = page(503)
        response.headers["Retry-After"] = "10"
        return response

    @app.errorhandler(InternalServerError)
    def _broken(error: InternalServerError) -> Response:
        db.session.rollback()
        log.error("request %s failed", g.get("correlation_id", "-"), exc_info=error.original_exception)
        return page(500)
