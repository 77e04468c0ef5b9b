"""Watching an exception, from its page. Anyone who sees it may."""

from __future__ import annotations

from flask import Blueprint, flash
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.services import watching

from . import acting, gate, hx
from .case_page import address
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("watching", __name__, url_prefix="/exceptions")


@blueprint.post("/<reference>/watch")
@needs(Permission.SEE_CASES)
@transactional
def watch(reference: str) -> ResponseReturnValue:
    case = acting.case_or_404(reference)
    watching.watch(db.session(), gate.viewer(), case.id, utc_now())
    flash("You are told what others do with it.", "green")
    return hx.go_to(address(case.id))


@blueprint.post("/<reference>/unwatch")
@needs(Permission.SEE_CASES)
@transactional
def unwatch(reference: str) -> ResponseReturnValue:
    case = acting.case_or_404(reference)
    watching.unwatch(db.session(), gate.viewer(), case.id)
    flash("You are no longer told of it.", "green")
    return hx.go_to(address(case.id))
