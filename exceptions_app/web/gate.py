"""Who may call an endpoint. Every view declares it; an endpoint that declares nothing is refused to
everybody.

The rules themselves are `access`'s. What a person sees within a page is the queries' business.
"""

from __future__ import annotations

from typing import cast

from flask import abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from exceptions_app.access import PUBLIC, SIGNED_IN, Permission, Viewer, can, needs, viewer_for
from exceptions_app.models import User
from exceptions_app.runtime import runtime

from . import hx

__all__ = ["PUBLIC", "SIGNED_IN", "allowed", "check", "needs", "user", "viewer"]
API = "/api/"
"""Below this path programs call, who are told what is wrong as JSON and are never sent to a sign-in page."""


def requirement_of(endpoint: str) -> Permission | str | None:
    """What an endpoint declared; None where it declared nothing."""
    if endpoint == "static":
        return PUBLIC
    return cast("Permission | str | None", getattr(current_app.view_functions[endpoint], "requirement", None))


def check() -> ResponseReturnValue | None:
    """Before every request: let through, ask to sign in, or refuse."""
    if request.endpoint is None:
        return None  # no such page: the error handler says so
    requirement = requirement_of(request.endpoint)
    if requirement == PUBLIC:
        return None
    if not current_user.is_authenticated:
        if request.path.startswith(API):
            abort(401)
        return _ask_to_sign_in()
    if requirement is None or (isinstance(requirement, Permission) and not can(viewer(), requirement)):
        abort(403)
    return None


def _ask_to_sign_in() -> ResponseReturnValue:
    back = hx.page_path() if hx.is_htmx() else None
    if request.method == "GET" and not hx.is_htmx():
        back = request.full_path.rstrip("?")
    target = url_for("auth.sign_in", next=back if back != "/" else None)
    if hx.is_htmx():
        return "", 401, {"HX-Redirect": target, "Vary": ", ".join(hx.CHOOSING_HEADERS)}
    return redirect(target, 303)


def user() -> User:
    """The person who is signed in, as the database row."""
    return cast("User", current_user._get_current_object())


def viewer() -> Viewer:
    """What the person may see and do; worked out once a request."""
    if "viewer" not in g:
        g.viewer = viewer_for(user(), runtime().catalog)
    return cast("Viewer", g.viewer)


def allowed(permission: Permission) -> bool:
    """For templates and views: may this person do that?"""
    return ("viewer" in g or bool(current_user.is_authenticated)) and can(viewer(), permission)
