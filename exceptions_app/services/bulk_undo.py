"""Takes back a bulk action: puts back what is still as it was left, and says of the others why not.

An undo is an action of its own in the trail of each exception. What has been seen by somebody since (a new version)
stays as it is now: nobody's work is undone by somebody else's undo.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, may_work_on
from exceptions_app.domain.instant import from_iso
from exceptions_app.domain.lifecycle import Action, Status
from exceptions_app.models import BulkItem, CaseComment, CaseHandBack, ExceptionCase

from . import bulk, case_clock, search_index
from .acting import Change, ConflictError, NotAllowedError, conflict, moved
from .audit import AuditTag
from .bulk_apply import Outcome, locked, store
from .context import ActionContext
from .opening import collector_paused
from .trail import Trail

UNDONE, KEPT = "undone", "kept"


def undo(
    session: Session, ctx: ActionContext, viewer: Viewer, action: Action, items: Sequence[BulkItem], why: str
) -> list[Outcome]:
    """Take one chunk of items back; what is written to the items is returned as well."""
    back = _Back(ctx, action)
    trail, comments, backs = Trail(ctx), list[int](), dict[str, list[int]]()
    with collector_paused():
        cases = locked(session, [item.case_id for item in items])
        outcomes = []
        for item in items:
            case, before = cases.get(item.case_id), json.loads(item.before or "{}")
            outcome = _one(session, viewer, item, case, before, back)
            outcomes.append(outcome[0])
            if case is not None and outcome[1] is not None:
                trail.record(
                    case, AuditTag.CASE_UNDONE, before=outcome[1].before, after=outcome[1].after, why=why
                )
                comments += [before["comment_id"]] if "comment_id" in before else []
                if (at := before.get("handed_back_at")) is not None:
                    backs.setdefault(at, []).append(case.id)
        session.flush()
        for some in bulk.in_batches(comments):
            session.execute(delete(CaseComment).where(CaseComment.id.in_(some)))
        for at, ids in backs.items():
            _never_handed_back(session, ids, from_iso(at))
        if comments:
            search_index.learn(session, ctx.catalog, sorted(cases), ctx.now)
        trail.store(session)
        store(session, outcomes)
    return outcomes


def _never_handed_back(session: Session, ids: Sequence[int], at: datetime) -> None:
    """Rules may give them to whoever handed them back at that instant again."""
    for some in bulk.in_batches(ids):
        of = bulk.is_one_of(session, CaseHandBack.case_id, some)
        gone = delete(CaseHandBack).where(of, CaseHandBack.created_at == at)
        session.execute(gone, execution_options={"synchronize_session": False})


def _one(
    session: Session, viewer: Viewer, item: BulkItem, case: ExceptionCase | None, before: dict[str, Any],
    back: _Back,
) -> tuple[Outcome, Change | None]:  # fmt: skip
    """What becomes of an item, and the change where there is one."""
    kept = (item.before, item.left_at, item.id)
    if case is None or not may_work_on(viewer, case):
        return Outcome(KEPT, "You may not work on this exception any more.", *kept), None
    status = case.status
    try:
        if case.version != item.left_at and back.action is not Action.COMMENT:
            raise conflict(session, case)
        change = back.put(case, before)
    except (NotAllowedError, ConflictError) as error:
        case.status = status
        return Outcome(KEPT, str(error), *kept), None
    return Outcome(UNDONE, None, *kept), change


class _Back:
    """How each action is taken back."""

    def __init__(self, ctx: ActionContext, action: Action) -> None:
        self._ctx, self.action = ctx, action
        self._how: dict[Action, Callable[[ExceptionCase, dict[str, Any]], Change]] = {
            Action.CLAIM: self._owner,
            Action.ASSIGN: self._owner,
            Action.RELEASE: self._owner,
            Action.HOLD: self._off_hold,
            Action.RESUME: self._on_hold,
            Action.RESOLVE: self._reopen,
            Action.WAIVE: self._reopen,
            Action.COMMENT: self._uncomment,
        }

    def put(self, case: ExceptionCase, before: dict[str, Any]) -> Change:
        """The exception as it was before the action, as far as that can be: time that has passed has passed."""
        done = self._how[self.action](case, before)
        if self.action is not Action.COMMENT:
            case.version += 1
            case.config_snapshot_id = self._ctx.snapshot_id
        return done

    def _owner(self, case: ExceptionCase, before: dict[str, Any]) -> Change:
        was, case.owner_id = case.owner_id, before["owner_id"]
        return Change({"owner_id": was}, {"owner_id": case.owner_id})

    def _off_hold(self, case: ExceptionCase, before: dict[str, Any]) -> Change:
        del before
        if case.on_hold:
            case_clock.resume(case, self._ctx.catalog, self._ctx.now)
        return Change({"on_hold": True}, {"on_hold": False, "due_at": case.due_at})

    def _on_hold(self, case: ExceptionCase, before: dict[str, Any]) -> Change:
        self._hold_again(case, before)
        return Change({"on_hold": False}, {"on_hold": case.on_hold, "ball_in_court": case.ball_in_court})

    def _reopen(self, case: ExceptionCase, before: dict[str, Any]) -> Change:
        was = {"status": str(case.status), "end_reason": case.end_reason, "owner_id": case.owner_id}
        waived, stopped_at = case.status == Status.WAIVED, case.resolved_at or self._ctx.now
        case.status = moved(case, Action.REOPEN)
        case.end_reason = case.ended_by = case.resolved_at = case.waiver_expires_at = None
        case.owner_id = before["owner_id"]
        if waived:
            case_clock.continue_stopped(case, self._ctx.catalog, stopped_at, self._ctx.now)
        else:
            case_clock.retarget(case, self._ctx.catalog, self._ctx.now)
        self._hold_again(case, before)
        after = {"status": str(case.status), "owner_id": case.owner_id, "due_at": case.due_at}
        return Change(was, after)

    def _uncomment(self, case: ExceptionCase, before: dict[str, Any]) -> Change:
        del case
        return Change({"comment_id": before["comment_id"]}, {})

    def _hold_again(self, case: ExceptionCase, before: dict[str, Any]) -> None:
        held = before.get("hold")
        until = from_iso(held["until"]) if held and held["until"] else None
        if held and not case.on_hold and (until is None or until > self._ctx.now):
            now = self._ctx.now
            case_clock.pause(
                case, self._ctx.catalog, now, until, party=held["ball"], reason=held["reason"]
            )  # fmt: skip
