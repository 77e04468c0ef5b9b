"""One exception: its page, and every action on it as a form.

Two people on one exception: the form carries the version its page showed. When somebody was faster, the
page comes back with the newest version, says who did what, and keeps what was typed.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, request
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.lifecycle import TransitionError
from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase
from exceptions_app.queries.words import zone_of
from exceptions_app.services import actions, comments

from . import acting, gate, hx
from .case_page import address, beside, page
from .forms import FormError, end_of, is_number, optional, required
from .gate import needs
from .transaction import transactional

__all__ = ["REFUSALS", "act", "blueprint", "page", "refused"]

REFUSALS = (FormError, actions.NotAllowedError, actions.ConflictError, TransitionError)
"""Why an action was not done: told on the page."""

blueprint = Blueprint("cases", __name__, url_prefix="/exceptions")


@blueprint.get("/<reference>")
@needs(Permission.SEE_CASES)
def show(reference: str) -> ResponseReturnValue:
    number = public_id.decode(reference)
    if number is None:
        abort(404)
    if public_id.encode(number) != reference:
        return hx.go_to(address(number))
    return page(number)


def refused(number: int, name: str, error: Exception) -> ResponseReturnValue:
    """The page again, saying why the form `name` was not done, with nothing of the person's text lost."""
    db.session.rollback()
    if isinstance(error, actions.ConflictError):
        at = wording.instant(error.at, zone_of(gate.viewer().time_zone))
        return page(number, 409, problem=f"{error.who} {error.what} on {at}.", opened=name)
    return page(number, 422, problem=str(error), opened=name)


def act(reference: str, name: str, change: Callable[[ExceptionCase, int], str]) -> ResponseReturnValue:
    """Do one action and go back to the page, or on to the next one of the filter where that was asked for; or show why
    not, with nothing of the person's text lost.
    """
    case = acting.case_or_404(reference)
    number = case.id
    following = beside(number, utc_now()).next if request.form.get("go") == "next" else None
    version = request.form.get("version", "")
    if not is_number(version):
        abort(400)
    try:
        said = change(case, int(version))
    except REFUSALS as error:
        return refused(number, name, error)
    flash(f"{case.reference}: {said[0].lower()}{said[1:]}" if following else said, "green")
    return hx.go_to(address(public_id.decode(following) or number if following else number))


@blueprint.post("/<reference>/claim")
@needs(Permission.WORK_CASES)
@transactional
def claim(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        actions.claim(db.session(), acting.context(), gate.viewer(), case, expected_version=version)
        return "It is yours now."

    return act(reference, "claim", change)


@blueprint.post("/<reference>/release")
@needs(Permission.WORK_CASES)
@transactional
def release(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        actions.release(
            db.session(), acting.context(), gate.viewer(), case, expected_version=version,
            reason=optional("reason"),
        )  # fmt: skip
        return "Handed back: anyone in the queue can claim it."

    return act(reference, "release", change)


@blueprint.post("/<reference>/assign")
@needs(Permission.ASSIGN_OTHERS)
@transactional
def assign(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        owner = request.form.get("owner", "")
        if not is_number(owner):
            raise FormError("Choose the person to assign it to.")
        actions.assign(
            db.session(), acting.context(), gate.viewer(), case, expected_version=version, owner_id=int(owner)
        )
        return "Assigned."

    return act(reference, "assign", change)


@blueprint.post("/<reference>/hold")
@needs(Permission.WORK_CASES)
@transactional
def hold(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        actions.hold(
            db.session(),
            acting.context(),
            gate.viewer(),
            case,
            expected_version=version,
            reason=required("reason", "Say why it is on hold."),
            ball_in_court=required("ball", "Say whose move it is."),
            until=end_of("until"),
        )
        return "On hold: the clock has stopped."

    return act(reference, "hold", change)


@blueprint.post("/<reference>/resume")
@needs(Permission.WORK_CASES)
@transactional
def resume(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        actions.resume(db.session(), acting.context(), gate.viewer(), case, expected_version=version)
        return "Resumed: the clock runs again."

    return act(reference, "resume", change)


@blueprint.post("/<reference>/resolve")
@needs(Permission.WORK_CASES)
@transactional
def resolve(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        actions.resolve(
            db.session(),
            acting.context(),
            gate.viewer(),
            case,
            expected_version=version,
            reason=required("reason", "Choose how it was resolved."),
            note=optional("note"),
        )
        return "Resolved. The next complete run confirms it, or brings it back."

    return act(reference, "resolve", change)


@blueprint.post("/<reference>/waive")
@needs(Permission.WAIVE)
@transactional
def waive(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        expires = end_of("expires")
        if expires is None:
            raise FormError("Say until when it is waived.")
        actions.waive(
            db.session(),
            acting.context(),
            gate.viewer(),
            case,
            expected_version=version,
            reason=required("reason", "Say why it is waived."),
            expires_at=expires,
        )
        return "Waived until then, unless its evidence changes."

    return act(reference, "waive", change)


@blueprint.post("/<reference>/reopen")
@needs(Permission.WORK_CASES)
@transactional
def reopen(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, version: int) -> str:
        actions.reopen(
            db.session(),
            acting.context(),
            gate.viewer(),
            case,
            expected_version=version,
            reason=required("reason", "Say why it is open again."),
        )
        return "Open again, on its old clock."

    return act(reference, "reopen", change)


@blueprint.post("/<reference>/comment")
@needs(Permission.WORK_CASES)
@transactional
def comment(reference: str) -> ResponseReturnValue:
    def change(case: ExceptionCase, _: int) -> str:
        text = required("text", "Write something first.")
        ctx, viewer = acting.context(), gate.viewer()
        made = actions.comment(db.session(), ctx, viewer, case, text=text)
        if not request.form.get("pin"):
            return "Comment added."
        if made.pinned_at is None:
            comments.pin(db.session(), ctx, viewer, case, comment_id=made.id, expected_version=None)
        return "Comment added and pinned."

    return act(reference, "comment", change)
