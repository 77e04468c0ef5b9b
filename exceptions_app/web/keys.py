"""A person's own API keys: what programs may use in their name. A new key's text is shown once."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.services import api_keys

from . import gate, hx
from .gate import SIGNED_IN, needs
from .transaction import transactional

blueprint = Blueprint("keys", __name__, url_prefix="/me/keys")

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "one year", "": "until it is revoked"}


@blueprint.get("")
@needs(SIGNED_IN)
def index() -> ResponseReturnValue:
    return _page()


@blueprint.post("")
@needs(SIGNED_IN)
@transactional
def make() -> ResponseReturnValue:
    name, days = request.form.get("name", "").strip(), request.form.get("days", "30")
    if days not in LIFETIMES:
        abort(400)
    if not name:
        return _page(problem="Say what the key is for."), 422
    now, user = utc_now(), gate.user()
    expires_at = now + timedelta(days=int(days)) if days else None
    _, text = api_keys.make(db.session(), user, name, by=f"user:{user.id}", now=now, expires_at=expires_at)
    return _page(made=text)


@blueprint.post("/<int:key_id>/revoke")
@needs(SIGNED_IN)
@transactional
def revoke(key_id: int) -> ResponseReturnValue:
    user = gate.user()
    key = next((each for each in api_keys.keys_of(db.session(), user.id) if each.id == key_id), None)
    if key is None:
        abort(404)
    api_keys.revoke(db.session(), key, by=f"user:{user.id}", now=utc_now())
    flash(f"The key “{key.name}” is refused from now on.", "green")
    return hx.go_to(url_for("keys.index"))


def _page(*, made: str | None = None, problem: str | None = None) -> str:
    now: datetime = utc_now()
    keys = api_keys.keys_of(db.session(), gate.user().id)
    return render_template(
        "auth/keys.html", keys=keys, lifetimes=LIFETIMES, made=made, problem=problem, now=now
    )
