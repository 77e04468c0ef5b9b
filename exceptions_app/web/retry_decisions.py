"""What takes a person: approving what somebody else edited, and saying whether a write arrived that was never answered.

Both can be done from a list and from the page of the exception; either comes back with what was typed.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries import attempts, retries
from exceptions_app.queries.deliveries import DeliveryLine
from exceptions_app.runtime import runtime
from exceptions_app.services import dead_letters, retry_asking
from exceptions_app.services.acting import NotAllowedError

from . import acting, cases, gate, hx
from .forms import optional
from .gate import needs
from .retries import send_soon
from .transaction import transactional

blueprint = Blueprint("retry_decisions", __name__, url_prefix="/retries")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a form of one retry was not done, and what was typed into it."""

    delivery_id: int
    problem: str
    reason: str


@blueprint.get("/approvals")
@needs(Permission.SEE_RETRIES)
def approvals() -> ResponseReturnValue:
    return _approvals()


@blueprint.post("/approvals/<int:delivery_id>/<any(approve, decline):verdict>")
@needs(Permission.APPROVE_RETRY)
@transactional
def judge(delivery_id: int, verdict: str) -> ResponseReturnValue:
    """Let it be sent, or say why not."""
    line, ctx, viewer = _line_or_404(delivery_id), acting.context(), gate.viewer()
    try:
        if verdict == "approve":
            retry_asking.approve(db.session(), ctx, viewer, delivery_id)
            send_soon(ctx)
            said = f"Approved: it is sent to {line.system_name}."
        else:
            retry_asking.decline(db.session(), ctx, viewer, delivery_id, optional("reason"))
            said = f"Declined: nothing is sent, and {line.asked_by} sees why."
    except NotAllowedError as error:
        return _refused(line, str(error), "approvals")
    flash(said, "green")
    return hx.go_to(_back(line, "approvals"))


@blueprint.get("/decisions")
@needs(Permission.SEE_RETRIES)
def decisions() -> ResponseReturnValue:
    return _decisions()


@blueprint.post("/decisions/<int:delivery_id>")
@needs(Permission.RETRY)
@transactional
def decide(delivery_id: int) -> ResponseReturnValue:
    """It arrived; it did not and is sent again; or it did not and is left alone."""
    line, ctx, what = _line_or_404(delivery_id), acting.context(), request.form.get("found", "")
    said = {
        "arrived": "Noted: it arrived. The next run confirms it, or brings it back.",
        "again": f"Noted: it did not arrive. It is sent to {line.system_name} again.",
        "stop": "Noted: it did not arrive, and is not sent again. It is among those that gave up.",
    }.get(what)
    if said is None:
        abort(400)
    try:
        dead_letters.decide(
            db.session(), ctx, gate.viewer(), delivery_id, arrived=what == "arrived", reason=optional("reason"),
            send_again=what == "again",
        )  # fmt: skip
        send_soon(ctx)
    except NotAllowedError as error:
        return _refused(line, str(error), "decisions")
    flash(said, "green")
    return hx.go_to(_back(line, "decisions"))


def _approvals(refused: Refused | None = None) -> ResponseReturnValue:
    session, viewer, before = db.session(), gate.viewer(), request.args.get("before", type=int)
    found, more = retries.approvals(session, viewer, runtime().catalog, now=utc_now(), before=before)
    body = render_template(
        "retries/approvals.html", waiting=found, next_before=more, before=before, refused=refused,
        todo=retries.to_do(session, viewer),
    )  # fmt: skip
    return _answer(body, refused)


def _decisions(refused: Refused | None = None) -> ResponseReturnValue:
    session, viewer, before = db.session(), gate.viewer(), request.args.get("before", type=int)
    found = retries.decisions(session, viewer, runtime().catalog, now=utc_now(), before=before)
    tries = attempts.newest_of(session, runtime().catalog, [line.id for line in found.lines])
    body = render_template(
        "retries/decisions.html", page=found, tries=tries, before=before, refused=refused,
        todo=retries.to_do(session, viewer),
    )  # fmt: skip
    return _answer(body, refused)


def _answer(body: str, refused: Refused | None) -> ResponseReturnValue:
    response = hx.respond((body, 200 if refused is None else 422))
    if refused is not None:
        response.headers["HX-Push-Url"] = "false"
    return response


def _line_or_404(delivery_id: int) -> DeliveryLine:
    """A retry whose exception the person sees."""
    found = retries.one(db.session(), gate.viewer(), runtime().catalog, delivery_id, now=utc_now())
    return found if found is not None else abort(404)


def _refused(line: DeliveryLine, problem: str, place: str) -> ResponseReturnValue:
    """Where the form came from, saying why; where somebody else was faster, who did what."""
    session = db.session()
    session.rollback()
    now = utc_now()
    newest = retries.one(session, gate.viewer(), runtime().catalog, line.id, now=now)
    if newest is None or newest.status != line.status or newest.status not in ("awaiting_approval", "unsure"):
        problem = f"{problem} {retries.last_word(session, gate.viewer(), line.case_id, now)}".strip()
    if request.form.get("from") == "case":
        return cases.page(line.case_id, 422, problem=problem, opened=place)
    shown = Refused(line.id, problem, optional("reason"))
    return _approvals(shown) if place == "approvals" else _decisions(shown)


def _back(line: DeliveryLine, place: str) -> str:
    if request.form.get("from") == "case":
        return url_for("cases.show", reference=public_id.encode(line.case_id))
    return url_for(f".{place}")
