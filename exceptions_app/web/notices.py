"""What a person has been told, and when mail may reach them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.domain import quiet
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries import notices as query
from exceptions_app.services import noticing

from . import gate, hx
from .forms import is_number
from .gate import SIGNED_IN, needs
from .transaction import transactional

blueprint = Blueprint("notices", __name__, url_prefix="/notices")


@blueprint.get("")
@needs(SIGNED_IN)
def index() -> ResponseReturnValue:
    before = request.args.get("before", "")
    found = query.page(db.session(), gate.viewer(), int(before) if is_number(before) else None)
    failed = query.undeliverable(db.session(), gate.user().id)
    return render_template("notices/index.html", page=found, failed=failed, later=not before)


@blueprint.get("/unread")
@needs(SIGNED_IN)
def bell() -> ResponseReturnValue:
    """The bell in the page's head, which asks again by itself."""
    return hx.respond(render_template("notices/_bell.html"))


@blueprint.post("/read")
@needs(SIGNED_IN)
@transactional
def read_all() -> ResponseReturnValue:
    noticing.read(db.session(), gate.user().id, utc_now())
    return hx.go_to(url_for(".index"))


@blueprint.post("/<int:notice_id>/open")
@needs(SIGNED_IN)
@transactional
def open_one(notice_id: int) -> ResponseReturnValue:
    """Read, and on to what it is about."""
    link = noticing.read_one(db.session(), gate.user().id, notice_id, utc_now())
    return redirect(link or url_for(".index"), 303)


@blueprint.post("/mail")
@needs(SIGNED_IN)
@transactional
def set_mail() -> ResponseReturnValue:
    form = request.form
    try:
        begins, ends = (quiet.time_of_day(form.get(name, "")) for name in ("quiet_from", "quiet_to"))
    except ValueError as error:
        flash(f"{error}.", "red")
        return hx.go_to(url_for("auth.me"))
    noticing.set_mail(
        db.session(),
        gate.user(),
        wanted=form.get("mail") == "yes",
        quiet_from=begins,
        quiet_to=ends,
        now=utc_now(),
    )
    flash("Mail will reach you as you said.", "green")
    return hx.go_to(url_for("auth.me"))
