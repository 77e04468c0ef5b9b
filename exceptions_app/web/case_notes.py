"""Beside the actions on one exception: the comment that is pinned to it, and a look at its raw record.

A look at the raw record is a form that is sent, never a link: it is noted in the trail before anything is shown.
"""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase
from exceptions_app.queries.cases import rows_where
from exceptions_app.queries.raw_record import raw_record
from exceptions_app.runtime import runtime
from exceptions_app.services import comments, record_views
from exceptions_app.services.acting import NotAllowedError

from . import acting, gate, hx
from .case_page import around
from .cases import act
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("case_notes", __name__, url_prefix="/exceptions")


@blueprint.post("/<reference>/comments/<int:comment_id>/pin")
@needs(Permission.WORK_CASES)
@transactional
def pin(reference: str, comment_id: int) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        comments.pin(
            db.session(),
            acting.context(),
            gate.viewer(),
            case,
            comment_id=comment_id,
            expected_version=version,
        )
        return "Pinned: it also stands on its row of the queue."

    return act(reference, "pin", change)


@blueprint.post("/<reference>/unpin")
@needs(Permission.WORK_CASES)
@transactional
def unpin(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        comments.unpin(db.session(), acting.context(), gate.viewer(), case, expected_version=version)
        return "No longer pinned; the comment stays."

    return act(reference, "unpin", change)


@blueprint.post("/<reference>/record")
@needs(Permission.SEE_PAYLOAD)
@transactional
def record(reference: str) -> ResponseReturnValue:
    """What was kept of it, in full, for those allowed; who looked, and when, is in its trail."""
    case = acting.case_or_404(reference)
    session, viewer, catalog = db.session(), gate.viewer(), runtime().catalog
    try:
        record_views.viewed(session, acting.context(), viewer, case)
    except NotAllowedError:
        abort(403)
    body = render_template(
        "cases/record.html",
        row=rows_where(session, viewer, catalog, utc_now(), [ExceptionCase.id == case.id], 1)[0],
        record=raw_record(session, viewer, catalog, case),
        around=around(),
    )
    response = hx.respond(body)
    response.headers["HX-Push-Url"] = "false"
    return response
