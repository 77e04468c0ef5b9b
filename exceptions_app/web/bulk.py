"""One action on many exceptions: the page that says what it will do, its progress, its results, its undo.

Which exceptions are meant, ticked ones or all that fit the filter, stays in the address until it is confirmed.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.lifecycle import Action
from exceptions_app.extensions import db
from exceptions_app.models import BulkAction
from exceptions_app.queries import bulk, people
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.runtime import runtime
from exceptions_app.services import bulk_actions
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.actions import BALLS
from exceptions_app.services.bulk_apply import Asked
from exceptions_app.services.forgetting import BULK_ITEMS_KEPT

from . import acting, facets, gate, hx
from .forms import FormError, end_of, filter_of_form, is_number, optional, required, token
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("bulk", __name__, url_prefix="/bulk")

PICKED_LIMIT = 200
VERBS = {
    Action.CLAIM: "Claim",
    Action.ASSIGN: "Assign",
    Action.RELEASE: "Hand back",
    Action.HOLD: "Put on hold",
    Action.RESUME: "Resume",
    Action.RESOLVE: "Resolve",
    Action.WAIVE: "Waive",
    Action.COMMENT: "Comment on",
}
Picked = list[tuple[int, int]]


@blueprint.get("")
@needs(Permission.WORK_CASES)
def index() -> ResponseReturnValue:
    """What the person did to many at once, newest first: a long one is found again here."""
    return render_template("bulk/index.html", history=bulk.history(db.session(), gate.viewer(), utc_now()))


@blueprint.post("/choose")
@needs(Permission.WORK_CASES)
def choose() -> ResponseReturnValue:
    """From the queue to the page that says what it will do. Changes nothing."""
    action, wanted, picked = _action(request.form), filter_of_form(), picked_in(request.form)
    if not picked and not request.form.get("all"):
        flash("Nothing was ticked.", "amber")
        return hx.go_to(facets.address(wanted))
    chosen: dict[str, Any] = {"all": "yes"} if request.form.get("all") else {"pick": _as_text(picked)}
    return hx.go_to(url_for(".new", action=action.value, **chosen, **wanted.to_args()))


@blueprint.get("/new")
@needs(Permission.WORK_CASES)
def new() -> ResponseReturnValue:
    """What the action would do to the ticked ones, or to all that fit a filter. Changes nothing."""
    picked = None if request.args.get("all") else picked_in(request.args)
    return _confirm(_action(request.args), picked, QueueFilter.from_args(request.args))


@blueprint.post("")
@needs(Permission.WORK_CASES)
@transactional
def start() -> ResponseReturnValue:
    """Do what was confirmed, or begin to; what has changed since is shown for another look."""
    action, wanted = _action(request.form), filter_of_form()
    picked = None if request.form.get("all") else picked_in(request.form)
    found = _plan(action, picked, wanted)
    if found.stamp != request.form.get("stamp") and not _started(token()):
        said = "What fits has changed since you looked. This is what it would do now."
        return _confirm(action, picked, wanted, said)
    title = f"{VERBS[action]} {wording.plural(found.count, 'exception')}"
    try:
        made = bulk_actions.start(
            db.session(), acting.context(), gate.viewer(), token=token(), action=action, asked=_asked(action),
            title=title, picked=picked, wanted=wanted,
        )  # fmt: skip
    except (NotAllowedError, FormError) as error:
        db.session.rollback()
        return _confirm(action, picked, wanted, str(error))
    return hx.go_to(url_for(".show", bulk_id=made.id, **wanted.to_args()))


@blueprint.get("/<int:bulk_id>")
@needs(Permission.WORK_CASES)
def show(bulk_id: int) -> ResponseReturnValue:
    """One bulk action; as a fragment its progress alone, which asks again while there is some to show."""
    session = db.session()
    found = bulk.bulk_action(session, gate.viewer(), bulk_id, utc_now())
    if found is None:
        abort(404)
    back = facets.address(QueueFilter.from_args(request.args))
    if hx.wants_fragment():
        return hx.respond(render_template("bulk/_progress.html", bulk=found, back=back))
    kind, after = request.args.get("kind", ""), request.args.get("after", 0, type=int)
    lines = bulk.items(session, gate.viewer(), bulk_id, kind=kind, after=after)
    more = lines[bulk.PAGE - 1].id if len(lines) > bulk.PAGE else None
    return hx.respond(
        render_template(
            "bulk/one.html",
            bulk=found,
            kept_for=BULK_ITEMS_KEPT,
            back=back,
            lines=lines[: bulk.PAGE],
            more=more,
            kind=kind,
            after=after,
        )
    )


@blueprint.post("/<int:bulk_id>/cancel")
@needs(Permission.WORK_CASES)
@transactional
def cancel(bulk_id: int) -> ResponseReturnValue:
    return _steer(bulk_id, bulk_actions.cancel, "Cancelled: what had not had its turn is left alone.")


@blueprint.post("/<int:bulk_id>/undo")
@needs(Permission.WORK_CASES)
@transactional
def undo(bulk_id: int) -> ResponseReturnValue:
    return _steer(bulk_id, bulk_actions.undo, "Undone, as far as nobody has changed it since.")


def _steer(bulk_id: int, change: Any, said: str) -> ResponseReturnValue:
    made = db.session.get(BulkAction, bulk_id)
    if made is None or made.requested_by_id != gate.viewer().user_id:
        abort(404)
    try:
        change(db.session(), acting.context(), gate.viewer(), made)
    except NotAllowedError as error:
        db.session.rollback()
        flash(str(error), "amber")
    else:
        flash("It is being undone." if made.status == "undoing" else said, "green")
    return hx.go_to(url_for(".show", bulk_id=bulk_id))


def _confirm(
    action: Action, picked: Picked | None, wanted: QueueFilter, problem: str = ""
) -> ResponseReturnValue:
    viewer, catalog, session = gate.viewer(), runtime().catalog, db.session()
    team = people.colleagues(session)
    found = _plan(action, picked, wanted)
    body = render_template(
        "bulk/new.html",
        plan=found,
        action=action.value,
        verb=VERBS[action],
        picked=None if picked is None else _as_text(picked),
        wanted=wanted,
        chips=facets.chips(catalog, wanted, team, viewer) if picked is None else [],
        team=team,
        balls=BALLS,
        problem=problem,
        typed=request.form,
        token=uuid.uuid4().hex,
        back=facets.address(wanted),
        at_once=bulk_actions.AT_ONCE,
        most=bulk_actions.MOST,
        window=int(bulk_actions.UNDO_WINDOW.total_seconds()) // 60,
    )
    return hx.respond((body, 422 if problem else 200))


def _plan(action: Action, picked: Picked | None, wanted: QueueFilter) -> bulk.Plan:
    ids = None if picked is None else [number for number, _ in picked]
    return bulk.plan(
        db.session(), gate.viewer(), runtime().catalog, action, ids=ids, wanted=wanted, now=utc_now()
    )


def _started(given: str) -> bool:
    """Whether this form was sent before: then what it did is shown, whatever fits the filter by now."""
    known = db.session.query(BulkAction.id).filter_by(token=given, requested_by_id=gate.viewer().user_id)
    return known.first() is not None


def _asked(action: Action) -> Asked:
    """What the form says, as far as the action needs it."""
    match action:
        case Action.ASSIGN:
            owner = optional("owner")
            if not is_number(owner):
                raise FormError("Choose a person.")
            return Asked(owner_id=int(owner))
        case Action.HOLD:
            said = required("reason", "Say why it waits.")
            return Asked(reason=said, ball=required("ball", "Say whose move it is."), until=end_of("until"))
        case Action.RESOLVE:
            return Asked(reason=required("reason", "Choose a reason."), text=optional("text"))
        case Action.WAIVE:
            until = end_of("until")
            if until is None:
                raise FormError("Say until when it is waived.")
            return Asked(reason=required("reason", "Say why it is accepted."), until=until)
        case Action.COMMENT:
            return Asked(text=required("text", "Write something."))
        case _:  # the others ask for nothing, or for a reason that need not be given
            return Asked(reason=optional("reason"))


def _action(given: Any) -> Action:
    try:
        found = Action(given.get("action", ""))
    except ValueError:
        abort(400)
    return found if found in VERBS else abort(400)


def picked_in(given: Any) -> Picked:
    """The ticked rows as (id, version the person saw)."""
    found = []
    for value in given.getlist("pick")[:PICKED_LIMIT]:
        number, _, version = value.partition(":")
        if not (is_number(number) and is_number(version)):
            abort(400)
        found.append((int(number), int(version)))
    return found


def _as_text(picked: Picked) -> list[str]:
    return [f"{number}:{version}" for number, version in picked]
