"""One transaction across systems, by what follows it or by its business key."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries.trace import trace
from exceptions_app.runtime import runtime
from exceptions_app.services import runs

from . import gate
from .gate import needs

blueprint = Blueprint("trace", __name__, url_prefix="/integration/trace")
_LONGEST = 200


@blueprint.get("")
@needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    asked = request.args.get("q", "").strip()[:_LONGEST]
    found = None
    if asked:
        at = runtime()
        unfinished = runs.unfinished(db.session())  # before the record store is opened
        found = trace(
            db.session(), at.settings, gate.viewer(), at.catalog, at.store, unfinished, asked, now=utc_now()
        )  # fmt: skip
    return render_template("integration/trace.html", asked=asked, trace=found)
