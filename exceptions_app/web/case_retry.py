"""Retrying from the page of one exception: send it again, edit it first, read it again, and follow what becomes of it.

An edit is shown as before and after on a page of its own before anything is asked for. Asking only writes a batch; the
jobs compare the newest records first.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase
from exceptions_app.queries import case_retries as known
from exceptions_app.queries import kept, retry_words
from exceptions_app.queries.case_retries import case_retries
from exceptions_app.queries.cases import rows_where
from exceptions_app.queries.retry_edits import Review
from exceptions_app.queries.words import zone_of
from exceptions_app.runtime import runtime
from exceptions_app.services import acting as act_service
from exceptions_app.services import rereads, retry_asking
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.retry_asking import EditRefusedError

from . import acting, cases, gate, hx
from .forms import FormError, edits, is_number, optional, required, token
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("case_retry", __name__, url_prefix="/exceptions")


@blueprint.get("/<reference>/retry")
@needs(Permission.SEE_RETRIES)
def state(reference: str) -> ResponseReturnValue:
    """How its retry stands, as the part of the page that asks again while it moves."""
    case = acting.case_or_404(reference)
    if not hx.wants_fragment():
        return hx.go_to(_page_of(case))
    task_id = request.args.get("task", type=int)
    found = case_retries(
        db.session(), gate.viewer(), runtime().catalog, _stored(case), now=utc_now(), task_id=task_id
    )
    shown = request.args.get("version", case.version, type=int)
    body = render_template(
        "cases/_retry_state.html",
        retries=found,
        reference=public_id.encode(case.id),
        shown_version=shown,
        changed=case.version != shown or not found.pace,
    )
    return hx.respond(body)


@blueprint.post("/<reference>/retry")
@needs(Permission.RETRY)
@transactional
def retry(reference: str) -> ResponseReturnValue:
    """Ask for it to be sent again, as it is or with the edits that were reviewed."""
    case, given = acting.case_or_404(reference), edits()
    number, opened = case.id, "edit" if given else "retry"
    dry = request.form.get("mode") == "dry"
    try:
        _not_changed(case)
        reason = required("reason", "Say why: an edit needs words.") if given else optional("reason")
        _helps(case, given, reason)
        batch = retry_asking.start(
            db.session(), acting.context(), gate.viewer(), token=token(), case_ids=[number],
            title=_title(case), reason=reason, dry_run=dry, edits={number: given} if given else None,
        )  # fmt: skip
    except EditRefusedError as error:
        db.session.rollback()
        problems = error.problems.get(number, {})
        return cases.page(number, 422, problem=str(error), opened="edit", problems=problems)
    except cases.REFUSALS as error:
        return cases.refused(number, opened, error)
    if dry:
        return hx.go_to(url_for("retries.batch", batch_id=batch.id))
    flash("The newest records are compared first. If it is still wrong, it is sent again.", "green")
    return hx.go_to(url_for("cases.show", reference=public_id.encode(number)))


@blueprint.post("/<reference>/retry/review")
@needs(Permission.RETRY)
@transactional
def review(reference: str) -> ResponseReturnValue:
    """Before and after, before anything is asked for. Changes nothing."""
    case, given = acting.case_or_404(reference), edits()
    number = case.id
    if request.form.get("go") == "back":
        return cases.page(number, opened="edit")
    try:
        _not_changed(case)
        reason = required("reason", "Say why: an edit needs words.")
        found = _reviewed(case, given)
    except cases.REFUSALS as error:
        return cases.refused(number, "edit", error)
    if found.problems:
        return cases.page(
            number,
            422,
            problem="Some values cannot be sent like this.",
            opened="edit",
            problems=found.problems,
        )
    row = rows_where(
        db.session(), gate.viewer(), runtime().catalog, utc_now(), [ExceptionCase.id == number], 1
    )[0]
    operation = retry_asking.operation_for(runtime().catalog, case)
    body = render_template(
        "cases/review.html", row=row, review=found, reason=reason, operation=operation, token=uuid.uuid4().hex
    )
    response = hx.respond(body)
    response.headers["HX-Push-Url"] = "false"
    return response


@blueprint.post("/<reference>/reread")
@needs(Permission.RETRY)
@transactional
def reread(reference: str) -> ResponseReturnValue:
    """Ask for its record to be read again from every side, and compared. Sends nothing."""
    case = acting.case_or_404(reference)
    number = case.id
    try:
        task = rereads.ask(db.session(), acting.context(), gate.viewer(), case)
    except cases.REFUSALS as error:
        return cases.refused(number, "reread", error)
    return hx.go_to(url_for("cases.show", reference=public_id.encode(number), task=task.id))


def _not_changed(case: ExceptionCase) -> None:
    """Raises `ConflictError` where the exception is not what the form's page showed."""
    version = request.form.get("version", "")
    if not is_number(version):
        abort(400)
    if case.version != int(version):
        raise act_service.conflict(db.session(), case)


def _helps(case: ExceptionCase, given: dict[str, str], reason: str) -> None:
    """Raises `NotAllowedError` where a retry would change nothing, saying why."""
    session, catalog, viewer, now = db.session(), runtime().catalog, gate.viewer(), utc_now()
    asked = known.preparing(session, case.id)
    if asked is not None and not asked.problem and asked.token != token():
        at = retry_words.clock(asked.at, now, zone_of(viewer.time_zone))
        raise NotAllowedError(f"{asked.asked_by} asked for it {at}: it is being prepared.")
    if given:
        shown = _reviewed(case, given)
        if shown.problems:
            raise EditRefusedError({case.id: shown.problems})
    found = case_retries(session, viewer, catalog, _stored(case), now=now)
    why = found.why_no_edit if given else found.why_not
    if why is not None and not (reason and found.wants_reason and not given):
        raise NotAllowedError(why)


def _reviewed(case: ExceptionCase, given: dict[str, str]) -> Review:
    found = known.review(db.session(), gate.viewer(), runtime().catalog, _stored(case), given, now=utc_now())
    if found is None:
        raise NotAllowedError("Nothing is configured that could be sent for it.")
    if not found.problems and not any(field.edited for field in found.diff):
        raise FormError(
            "Nothing differs from what would be sent anyway: change a value, or send it again as it is."
        )
    return found


def _stored(case: ExceptionCase) -> kept.Stored:
    found = kept.stored(db.session(), gate.viewer(), case.id)
    return found if found is not None else abort(404)


def _title(case: ExceptionCase) -> str:
    category = runtime().catalog.categories.get(case.category)
    return f"{case.reference} · {category.title if category else case.category}"


def _page_of(case: ExceptionCase) -> str:
    return url_for("cases.show", reference=public_id.encode(case.id))
