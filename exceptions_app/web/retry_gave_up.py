"""What gave up: by system and reason, one in full, and sending again or discarding one or many.

Sending many says first what it will do; one can be edited, with before and after shown before it goes.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from exceptions_app.access import Permission, can
from exceptions_app.catalog.schema import Operation
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.retry import Sent
from exceptions_app.extensions import db
from exceptions_app.models import Delivery, ExceptionCase
from exceptions_app.queries import attempts, retries
from exceptions_app.queries.deliveries import DeliveryLine, LineMaker
from exceptions_app.queries.retry_edits import Review, inputs_of, reviewed
from exceptions_app.runtime import runtime
from exceptions_app.services import dead_letters, retry_asking, retry_values
from exceptions_app.services.acting import NotAllowedError

from . import acting, gate, hx
from .forms import FormError, edits, is_number, optional, required, token
from .gate import needs
from .retries import send_soon
from .transaction import transactional

blueprint = Blueprint("retry_gave_up", __name__, url_prefix="/retries/gave-up")

PICKED_LIMIT = 200


@blueprint.get("")
@needs(Permission.SEE_RETRIES)
def index() -> ResponseReturnValue:
    session, viewer, args = db.session(), gate.viewer(), request.args
    found = retries.gave_up(
        session, viewer, runtime().catalog, now=utc_now(), system=args.get("system", ""),
        reason=args.get("class", ""), before=args.get("before", type=int),
    )  # fmt: skip
    return render_template(
        "retries/gave_up.html", found=found, todo=retries.to_do(session, viewer), paged="before" in args,
        most=dead_letters.AT_ONCE,
    )  # fmt: skip


@blueprint.post("/choose")
@needs(Permission.RETRY)
def choose() -> ResponseReturnValue:
    """From the ticked rows to the page that says what will be done with them. Changes nothing."""
    picked = _ids(request.form.getlist("pick"))[:PICKED_LIMIT]
    do = request.form.get("do", "again")
    if not picked:
        flash("Nothing was ticked.", "amber")
        return hx.go_to(url_for(".index"))
    return hx.go_to(url_for(".confirm", do=do, id=picked))


@blueprint.get("/confirm")
@needs(Permission.RETRY)
def confirm() -> ResponseReturnValue:
    return _confirm(request.args.get("do", "again"), request.args)


@blueprint.post("/again")
@needs(Permission.RETRY)
@transactional
def again() -> ResponseReturnValue:
    """Send one or many again, each as a new write; one of them with the edits that were reviewed."""
    given, found = edits(), _chosen(request.form)
    ids, ctx = found.ids, acting.context()
    edited = {ids[0]: given} if given and len(ids) == 1 else None
    try:
        if not ids:
            raise NotAllowedError("Somebody has taken care of them already: none of them gave up any more.")
        batch = dead_letters.replay(
            db.session(), ctx, gate.viewer(), ids, token(), edits=edited, reason=optional("reason")
        )
        send_soon(ctx)
    except NotAllowedError as error:
        db.session.rollback()
        if edited:
            return _one(ids[0], problem=str(error))
        return _confirm("again", request.form, str(error))
    return hx.go_to(url_for("retries.batch", batch_id=batch.id))


@blueprint.post("/discard")
@needs(Permission.RETRY)
@transactional
def discard() -> ResponseReturnValue:
    """End them for good, saying why: their exceptions stay in the queue."""
    found = _chosen(request.form)
    try:
        if not found.ids:
            raise NotAllowedError("Somebody has taken care of them already: none of them gave up any more.")
        done = dead_letters.discard(
            db.session(), acting.context(), gate.viewer(), found.ids, optional("reason")
        )
    except NotAllowedError as error:
        db.session.rollback()
        return _confirm("discard", request.form, str(error))
    flash(
        f"{wording.plural(len(done), 'retry', 'retries')} discarded: the exceptions stay in their queues.",
        "green",
    )
    return hx.go_to(url_for(".index"))


@blueprint.get("/<int:delivery_id>")
@needs(Permission.SEE_RETRIES)
def one(delivery_id: int) -> ResponseReturnValue:
    """One that gave up: every try, what was sent, and what can be done."""
    return _one(delivery_id)


@blueprint.post("/<int:delivery_id>/review")
@needs(Permission.RETRY)
@transactional
def review(delivery_id: int) -> ResponseReturnValue:
    """Before and after, before anything is sent. Changes nothing."""
    given = edits()
    if request.form.get("go") == "back":
        return _one(delivery_id)
    line, _, operation = _found(delivery_id)
    if operation is None or line.status != Sent.FAILED:
        return _one(delivery_id, problem=_too_late(line))
    try:
        reason = required("reason", "Say why: an edit needs words.")
        shown = _reviewed(delivery_id, given)
    except FormError as error:
        return _one(delivery_id, problem=str(error))
    if shown.problems:
        return _one(delivery_id, problem="Some values cannot be sent like this.", problems=shown.problems)
    body = render_template(
        "retries/review.html",
        line=line,
        review=shown,
        reason=reason,
        operation=operation,
        token=uuid.uuid4().hex,
    )
    response = hx.respond(body)
    response.headers["HX-Push-Url"] = "false"
    return response


def _one(
    delivery_id: int, *, problem: str | None = None, problems: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    viewer, catalog = gate.viewer(), runtime().catalog
    line, delivery, operation = _found(delivery_id)
    open_ = line.status == Sent.FAILED and operation is not None and can(viewer, Permission.RETRY)
    values = retry_values.loads(delivery.fields)
    body = render_template(
        "retries/one.html",
        line=line,
        tries=attempts.of_delivery(db.session(), catalog, delivery_id),
        inputs=inputs_of(viewer, operation, values) if operation and open_ else (),
        open=open_,
        problem=problem,
        problems=problems or {},
        typed=request.form,
        token=uuid.uuid4().hex,
        todo=retries.to_do(db.session(), viewer),
    )
    response = hx.respond((body, 200 if problem is None else 422))
    if request.method == "POST":
        response.headers["HX-Push-Url"] = "false"
    return response


def _found(delivery_id: int) -> tuple[DeliveryLine, Delivery, Operation | None]:
    """The retry in words, its row, and what it is sent by where that is still configured."""
    catalog = runtime().catalog
    line = retries.one(db.session(), gate.viewer(), catalog, delivery_id, now=utc_now())
    if line is None:
        abort(404)
    return line, db.session.get_one(Delivery, delivery_id), catalog.operations.get(line.operation)


def _reviewed(delivery_id: int, given: Mapping[str, str]) -> Review:
    viewer, catalog = gate.viewer(), runtime().catalog
    _, delivery, operation = _found(delivery_id)
    if operation is None:
        raise FormError("What was to be sent is no longer configured.")
    case = db.session.get_one(ExceptionCase, delivery.case_id)
    maker, values = LineMaker(viewer, catalog, utc_now(), {}), retry_values.loads(delivery.fields)
    evidence = retry_asking.evidence_of(db.session(), [case]).get(case.id, {})
    says = partial(retry_values.said, evidence, retry_values.loads(case.facts))
    shown = reviewed(maker, operation, case, values, given, says, delivery)
    if not shown.problems and not any(field.edited for field in shown.diff):
        raise FormError("Nothing differs from what gave up: change a value, or send it again as it is.")
    return shown


def _too_late(line: DeliveryLine) -> str:
    if line.status == Sent.FAILED:
        return "What was to be sent is no longer configured."
    word = retries.last_word(db.session(), gate.viewer(), line.case_id, utc_now())
    return f"Somebody has taken care of it already. {word}".strip()


def _confirm(do: str, given: MultiDict[str, str], problem: str | None = None) -> ResponseReturnValue:
    if do not in ("again", "discard"):
        abort(400)
    found = _chosen(given)
    if not found.ids and problem is None:
        flash("Somebody has taken care of them already: none of them gave up any more.", "amber")
        return hx.vary(redirect(url_for(".index"), 303))
    body = render_template(
        "retries/confirm.html",
        do=do,
        found=found,
        by_id="id" in given,
        system=given.get("system", ""),
        reason=given.get("class", ""),
        upto=max(found.ids, default=0),
        most=dead_letters.AT_ONCE,
        problem=problem,
        typed=request.form,
        token=uuid.uuid4().hex,
    )
    response = hx.respond((body, 200 if problem is None else 422))
    if request.method == "POST":
        response.headers["HX-Push-Url"] = "false"
    return response


def _chosen(given: MultiDict[str, str]) -> retries.Chosen:
    """Those with the given ids, or all of one system and reason, as far as they still gave up."""
    upto = given.get("upto", "")
    return retries.chosen(
        db.session(), gate.viewer(), runtime().catalog, ids=tuple(_ids(given.getlist("id"))) if "id" in given else None,
        system=given.get("system", ""), reason=given.get("class", ""), most=dead_letters.AT_ONCE,
        upto=int(upto) if is_number(upto) else None,
    )  # fmt: skip


def _ids(given: list[str]) -> list[int]:
    if not all(map(is_number, given)):
        abort(400)
    return sorted({int(each) for each in given})
