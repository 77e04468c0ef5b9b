"""Batches of retries: what one would do before it is asked for, the list, one with its live progress, steering it.

What people decide about single retries is `retry_decisions`'; what gave up is `retry_gave_up`'s.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import RetryBatch
from exceptions_app.queries import people, retries, retry_batches, retry_systems
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.queries.retry_selection import MOST, Selection, selection
from exceptions_app.runtime import runtime
from exceptions_app.services import outbox, retry_asking, system_gates
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.context import ActionContext

from . import acting, facets, gate, hx
from .forms import filter_of_form, is_number, optional, token
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("retries", __name__, url_prefix="/retries")

PICKED_LIMIT = 200
Step = Callable[[Session, ActionContext, Viewer, RetryBatch], RetryBatch]
STEPS: dict[str, tuple[Step, str]] = {
    "send": (retry_asking.send, "The newest records are compared once more, then it is sent."),
    "pause": (retry_asking.pause, "Paused: what waits is not sent until it is resumed."),
    "resume": (retry_asking.resume, "Resumed."),
    "cancel": (
        retry_asking.cancel,
        "Cancelled: what waited is not sent. What was under way ends truthfully.",
    ),
}


@blueprint.get("")
@needs(Permission.SEE_RETRIES)
def index() -> ResponseReturnValue:
    viewer = gate.viewer()
    found = retry_batches.batches(db.session(), viewer, before=request.args.get("before", type=int))
    return render_template(
        "retries/index.html",
        page=found,
        todo=retries.to_do(db.session(), viewer),
        paged="before" in request.args,
    )


@blueprint.get("/new")
@needs(Permission.RETRY)
def new() -> ResponseReturnValue:
    """What a retry of the chosen exceptions, or of all that fit a filter, would do. Changes nothing."""
    return _confirm(_cases(request.args.getlist("case")), QueueFilter.from_args(request.args))


@blueprint.post("")
@needs(Permission.RETRY)
@transactional
def start() -> ResponseReturnValue:
    """Ask for the batch that was confirmed; without a mode it is tried, and nothing is sent."""
    cases = _cases(request.form.getlist("case"))
    wanted = filter_of_form()
    dry = request.form.get("mode") != "send"
    found = _selection(cases, wanted)
    if not found.sendable or found.too_many:
        return _confirm(cases, wanted, "Nothing of this can be sent." if not found.too_many else "")
    try:
        batch = retry_asking.start(
            db.session(), acting.context(), gate.viewer(), token=token(), case_ids=cases,
            filters=None if cases is not None else wanted, title=_title(found, cases, wanted),
            reason=optional("reason"), dry_run=dry,
        )  # fmt: skip
    except NotAllowedError as error:
        db.session.rollback()
        return _confirm(cases, wanted, str(error))
    return hx.go_to(url_for(".batch", batch_id=batch.id))


@blueprint.get("/<int:batch_id>")
@needs(Permission.SEE_RETRIES)
def batch(batch_id: int) -> ResponseReturnValue:
    """One batch; as a fragment its progress alone, which asks again while there is progress to show."""
    session, viewer, now = db.session(), gate.viewer(), utc_now()
    found = retry_batches.batch(session, viewer, batch_id)
    if found is None:
        abort(404)
    if hx.wants_fragment():
        return hx.respond(render_template("retries/_progress.html", batch=found))
    kind = request.args.get("kind", "")
    after = request.args.get("after", type=int)
    items = retry_batches.items(session, viewer, runtime().catalog, batch_id, now=now, kind=kind, after=after)
    return hx.respond(render_template("retries/batch.html", batch=found, items=items, kind=kind, after=after))


@blueprint.post("/<int:batch_id>/<any(send, pause, resume, cancel):step>")
@needs(Permission.RETRY)
@transactional
def steer(batch_id: int, step: str) -> ResponseReturnValue:
    session, viewer = db.session(), gate.viewer()
    if retry_batches.batch(session, viewer, batch_id) is None:
        abort(404)
    do, done = STEPS[step]
    ctx = acting.context()
    try:
        do(session, ctx, viewer, session.get_one(RetryBatch, batch_id))
        if step == "resume":
            send_soon(ctx)
        flash(done, "green")
    except NotAllowedError as error:
        session.rollback()
        flash(str(error), "amber")
    return hx.go_to(url_for(".batch", batch_id=batch_id))


@blueprint.get("/systems")
@needs(Permission.SEE_RETRIES)
def systems() -> ResponseReturnValue:
    session, viewer = db.session(), gate.viewer()
    found = retry_systems.systems(session, viewer, runtime().catalog, now=utc_now())
    return render_template("retries/systems.html", systems=found, todo=retries.to_do(session, viewer))


def send_soon(ctx: ActionContext) -> None:
    """Have the jobs look at what may be sent now, without waiting for their next round."""
    db.session.flush()
    for system in outbox.due_systems(db.session(), ctx.now):
        system_gates.ask_to_send(db.session(), system, ctx.now)


def _confirm(cases: list[int] | None, wanted: QueueFilter, problem: str | None = None) -> ResponseReturnValue:
    if cases is not None and not cases:
        return hx.vary(redirect(url_for("queues.index"), 303))
    viewer, catalog = gate.viewer(), runtime().catalog
    body = render_template(
        "retries/new.html",
        found=_selection(cases, wanted),
        cases=cases,
        wanted=wanted,
        chips=facets.chips(catalog, wanted, people.colleagues(db.session()), viewer) if cases is None else [],
        most=MOST,
        problem=problem,
        typed=request.form,
        token=uuid.uuid4().hex,
    )
    response = hx.respond((body, 422 if problem is not None else 200))
    if request.method == "POST":
        response.headers["HX-Push-Url"] = "false"
    return response


def _selection(cases: list[int] | None, wanted: QueueFilter) -> Selection:
    return selection(
        db.session(), gate.viewer(), runtime().catalog, case_ids=cases, wanted=wanted, now=utc_now()
    )


def _cases(given: list[str]) -> list[int] | None:
    """The chosen exceptions; None where all that fit the filter are meant."""
    if not given:
        return None
    if not all(map(is_number, given)):
        abort(400)
    return sorted({int(each) for each in given})[:PICKED_LIMIT]


def _title(found: Selection, cases: list[int] | None, wanted: QueueFilter) -> str:
    """What a batch is called in the list: how many, and how they were chosen."""
    many = wording.plural(found.count, "exception")
    if cases is not None:
        return f"{many}: " + "; ".join(write.title for write in found.writes[:3])
    catalog, viewer = runtime().catalog, gate.viewer()
    chips = facets.chips(catalog, wanted, people.colleagues(db.session()), viewer)
    return f"{many}: " + ("; ".join(f"{c.label}: {c.value}" for c in chips) or "all of the queue")
