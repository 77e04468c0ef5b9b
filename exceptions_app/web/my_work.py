"""The first page: what is breached, due, new, waiting, and which feeds are out."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, render_template, session
from flask.typing import ResponseReturnValue
from sqlalchemy import update

from exceptions_app.access import Permission
from exceptions_app.domain.instant import from_iso, iso, utc_now
from exceptions_app.extensions import db
from exceptions_app.models import User
from exceptions_app.queries.my_work import my_work
from exceptions_app.runtime import runtime

from . import gate
from .gate import needs

blueprint = Blueprint("my_work", __name__)

VISIT_ENDS_AFTER = timedelta(minutes=30)
"""A page asked for this long after the one before begins a new visit."""


@blueprint.get("/")
@needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    now, viewer = utc_now(), gate.viewer()
    last_visit = _previous_visit(gate.user(), now)
    work = my_work(db.session(), viewer, runtime().catalog, now=now, last_visit=last_visit)
    page = render_template("my_work/index.html", work=work, last_visit=last_visit, now=now)
    _remember_visit(gate.user(), now)
    return page


def _previous_visit(user: User, now: datetime) -> datetime | None:
    """The end of the visit before this one: it stays the same while this visit lasts."""
    seen = user.last_visit_at
    if seen is not None and now - seen < VISIT_ENDS_AFTER and "visit_before" in session:
        known = session["visit_before"]
        return from_iso(known) if known else None
    session["visit_before"] = iso(seen) if seen else ""
    return seen


def _remember_visit(user: User, now: datetime) -> None:
    """The one thing a page view writes. Once a minute is enough, in a transaction of its own."""
    user_id, seen = user.id, user.last_visit_at
    if seen is not None and now - seen < timedelta(minutes=1):
        return
    db.session.rollback()  # the reading ends here; this begins as a writer
    db.session.execute(update(User).where(User.id == user_id).values(last_visit_at=now))
    db.session.commit()
