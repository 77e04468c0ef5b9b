"""Who a program is: the person whose key it sends. Errors are `application/problem+json`."""

from __future__ import annotations

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Request, Response, g, jsonify
from flask_login import current_user

from exceptions_app.access import Viewer, viewer_for
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db, login_manager
from exceptions_app.models import User
from exceptions_app.runtime import runtime
from exceptions_app.services import api_keys

_SCHEME = "Bearer "


def install(app: APIFlask) -> None:
    app.security_schemes = {"key": {"type": "http", "scheme": "bearer"}}
    app.config["SPEC_FORMAT"] = "json"
    login_manager.request_loader(_by_key)

    app.error_callback = _problem  # `error_processor` would answer the pages' errors, too


def _problem(error: HTTPError) -> Response:
    """What a program sent wrong, field by field."""
    told = {"status": error.status_code, "title": error.message, "detail": error.detail}
    response = jsonify(told | {"correlation_id": g.get("correlation_id", "")})
    response.status_code, response.content_type = error.status_code, "application/problem+json"
    return response


def _by_key(request: Request) -> User | None:
    """The person behind `Authorization: Bearer <key>`; only below `/api/`, so that pages stay with sessions."""
    said = request.headers.get("Authorization", "")
    if not request.path.startswith("/api/") or not said.startswith(_SCHEME):
        return None
    return api_keys.person_of(db.session(), said.removeprefix(_SCHEME), utc_now())


def viewer() -> Viewer:
    """What the program may see."""
    return viewer_for(current_user._get_current_object(), runtime().catalog)
