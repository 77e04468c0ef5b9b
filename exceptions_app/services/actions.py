"""What people do with an exception. Each is one row change and one line in the trail, in the same flush.

Every action takes the version that the person saw: see `acting`. Resolving is a claim, which the next
complete run confirms or refutes; only a waiver ends an exception on a person's word alone, and never for
good.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, may_waive
from exceptions_app.catalog.schema import Category, Reason
from exceptions_app.domain.lifecycle import Action, Status
from exceptions_app.models import CaseComment, ExceptionCase

from . import audit, case_clock, comments, search_index
from .acting import Change, ConflictError, NotAllowedError, act, locked
from .audit import AuditTag
from .context import ActionContext
from .ownership import assign, claim, release

__all__ = [
    "BALLS", "ConflictError", "NotAllowedError", "assign", "claim", "comment",
    "hold", "release", "reopen", "resolve", "resume", "waive",
]  # fmt: skip

BALLS: tuple[str, ...] = get_args(Category.model_fields["ball"].annotation)
"""Whose move it can be while an exception is on hold."""

WAIVED = "waived"


def hold(
    session: Session,
    ctx: ActionContext,
    viewer: Viewer,
    case: ExceptionCase,
    *,
    expected_version: int,
    reason: str,
    ball_in_court: str,
    until: datetime | None = None,
) -> ExceptionCase:
    """Stop the clock, saying why and whose move it is. With `until`, the sweep resumes it then."""

    def change() -> Change:
        return held(ctx, case, reason, ball_in_court, until)

    return act(session, ctx, viewer, case, expected_version, Action.HOLD, AuditTag.CASE_HELD, change)


def held(
    ctx: ActionContext, case: ExceptionCase, reason: str, ball_in_court: str, until: datetime | None
) -> Change:
    """On hold, as the rules allow it: for one exception and for many."""
    if case.on_hold:
        raise NotAllowedError("It is on hold already: resume it first.")
    _need(reason, "a hold")
    if ball_in_court not in BALLS:
        raise NotAllowedError(f"Say whose move it is: one of {', '.join(BALLS)}.")
    if until is not None and until <= ctx.now:
        raise NotAllowedError("A hold ends in the future.")
    before = {"on_hold": False, "sla_stage": str(case.sla_stage)}
    case_clock.pause(case, ctx.catalog, ctx.now, until, party=ball_in_court, reason=reason.strip())
    after = {"on_hold": True, "ball_in_court": ball_in_court, "hold_until": until}
    return Change(before, after, reason.strip())


def resume(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, *, expected_version: int
) -> ExceptionCase:
    """Let the clock run again: the business time on hold is added to the deadlines."""

    def change() -> Change:
        return off_hold(ctx, case)

    return act(session, ctx, viewer, case, expected_version, Action.RESUME, AuditTag.CASE_RESUMED, change)


def off_hold(ctx: ActionContext, case: ExceptionCase) -> Change:
    """Off hold because somebody says so: for one exception and for many."""
    if not case.on_hold:
        raise NotAllowedError("It is not on hold.")
    return resumed(ctx, case)


def resumed(ctx: ActionContext, case: ExceptionCase) -> Change:
    """Off hold, for people and for the sweep alike."""
    before = {
        "on_hold": True,
        "ball_in_court": case.ball_in_court,
        "due_at": case.due_at,
        "held_at": case.held_at,
    }
    case_clock.resume(case, ctx.catalog, ctx.now)
    return Change(before, {"on_hold": False, "due_at": case.due_at, "sla_stage": str(case.sla_stage)})


def resolve(
    session: Session,
    ctx: ActionContext,
    viewer: Viewer,
    case: ExceptionCase,
    *,
    expected_version: int,
    reason: str,
    note: str = "",
) -> ExceptionCase:
    """Claim that it is fixed, by one of the category's reason codes. The data has the last word."""

    def change() -> Change:
        done = resolved(ctx, viewer, case, reason, note)
        if note.strip():
            _add_comment(session, ctx, viewer, case, note)
        return done

    return act(session, ctx, viewer, case, expected_version, Action.RESOLVE, AuditTag.CASE_RESOLVED, change)


def resolved(ctx: ActionContext, viewer: Viewer, case: ExceptionCase, reason: str, note: str) -> Change:
    """Claimed to be fixed, as the rules allow it: for one exception and for many. The note is no comment yet."""
    known = [each.code for each in _reasons(ctx, case)]
    if reason not in known:
        raise NotAllowedError(f"Choose one of the reasons: {', '.join(known)}.")
    return _end(ctx, viewer, case, reason, note)


def waive(
    session: Session,
    ctx: ActionContext,
    viewer: Viewer,
    case: ExceptionCase,
    *,
    expected_version: int,
    reason: str,
    expires_at: datetime,
) -> ExceptionCase:
    """Accept it as it is until `expires_at`, unless its evidence changes before."""

    def change() -> Change:
        return waived(ctx, viewer, case, reason, expires_at)

    return act(session, ctx, viewer, case, expected_version, Action.WAIVE, AuditTag.CASE_WAIVED, change)


def waived(
    ctx: ActionContext, viewer: Viewer, case: ExceptionCase, reason: str, expires_at: datetime
) -> Change:
    """Accepted for a time, as the rules allow it: for one exception and for many."""
    _need(reason, "a waiver")
    category = ctx.catalog.categories.get(case.category)
    if category is not None and not category.waivable:
        raise NotAllowedError("Exceptions of this category are never waived.")
    if not may_waive(viewer, case, ctx.catalog):
        raise NotAllowedError("This one takes a manager to waive.")
    if expires_at <= ctx.now:
        raise NotAllowedError("A waiver ends in the future.")
    case.waiver_expires_at = expires_at
    return _end(ctx, viewer, case, WAIVED, reason)


def reopen(
    session: Session,
    ctx: ActionContext,
    viewer: Viewer,
    case: ExceptionCase,
    *,
    expected_version: int,
    reason: str,
) -> ExceptionCase:
    """Take back a claim or a waiver. The old clock goes on; a waived one from where it stopped."""
    was_waived = case.status == Status.WAIVED

    def change() -> Change:
        _need(reason, "reopening")
        before = {"status": WAIVED if was_waived else "awaiting_confirmation", "end_reason": case.end_reason}
        stopped_at = case.resolved_at or ctx.now
        case.end_reason = case.ended_by = case.resolved_at = case.waiver_expires_at = None
        if was_waived:
            case_clock.continue_stopped(case, ctx.catalog, stopped_at, ctx.now)
        else:
            case_clock.retarget(case, ctx.catalog, ctx.now)
        return Change(
            before,
            {"status": "open", "due_at": case.due_at, "sla_stage": str(case.sla_stage)},
            reason.strip(),
        )

    return act(session, ctx, viewer, case, expected_version, Action.REOPEN, AuditTag.CASE_REOPENED, change)


def comment(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, *, text: str
) -> CaseComment:
    """Add a note. It never conflicts with what others do, whatever version its writer saw; a form that is sent twice
    adds one.
    """
    with locked(session, viewer, case):
        _need(text, "a comment")
        if (known := comments.sent_twice(session, viewer.user_id, case, text, ctx.now)) is not None:
            return known
        if case.status == Status.OPEN:
            case_clock.responded(case, ctx.now)
        made = _add_comment(session, ctx, viewer, case, text)
        audit.record(session, ctx, case, AuditTag.CASE_COMMENTED, after={"comment_id": made.id})
    return made


def _end(ctx: ActionContext, viewer: Viewer, case: ExceptionCase, end_reason: str, why: str) -> Change:
    before = {"status": "open", "owner_id": case.owner_id, "on_hold": case.on_hold}
    case.end_reason, case.ended_by, case.resolved_at = end_reason, str(ctx.actor), ctx.now
    case.owner_id = case.owner_id or viewer.user_id
    case_clock.stop(case, ctx.catalog, ctx.now)
    after = {
        "status": str(case.status), "end_reason": end_reason, "owner_id": case.owner_id,
        "waiver_expires_at": case.waiver_expires_at,
    }  # fmt: skip
    return Change(
        before, {key: value for key, value in after.items() if value is not None}, why.strip() or None
    )


def _add_comment(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, text: str
) -> CaseComment:
    made = CaseComment(case_id=case.id, author_id=viewer.user_id, text=text.strip(), created_at=ctx.now)
    session.add(made)
    search_index.refresh(session, ctx.catalog, [case.id])
    return made


def _reasons(ctx: ActionContext, case: ExceptionCase) -> Sequence[Reason]:
    """The category's reasons; the common ones where the configuration no longer has the category."""
    known = case.category in ctx.catalog.categories
    return ctx.catalog.reasons(case.category) if known else ctx.catalog.common_reasons


def _need(text: str, what: str) -> None:
    if not text.strip():
        raise NotAllowedError(f"Say why: {what} needs words.")
