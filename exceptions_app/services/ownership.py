"""Whose an exception is: claiming, assigning and releasing it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_work_on, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.lifecycle import Action
from exceptions_app.models import CaseHandBack, ExceptionCase, User

from .acting import Change, NotAllowedError, act, actor_name
from .audit import AuditTag
from .context import ActionContext


def claim(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, *, expected_version: int
) -> ExceptionCase:
    """Take an exception that nobody has. Claiming one's own again changes nothing."""

    def change() -> Change:
        return claimed(session, viewer, case)

    if case.owner_id == viewer.user_id and case.version == expected_version:
        return case
    return act(session, ctx, viewer, case, expected_version, Action.CLAIM, AuditTag.CASE_CLAIMED, change)


def claimed(session: Session, viewer: Viewer, case: ExceptionCase) -> Change:
    """The viewer's, where nobody else has it."""
    if case.owner_id is not None and case.owner_id != viewer.user_id:
        owner = actor_name(session, f"user:{case.owner_id}")
        raise NotAllowedError(f"{owner} already has it. A manager can assign it to you.")
    return owned_by(case, viewer.user_id)


def assign(
    session: Session,
    ctx: ActionContext,
    viewer: Viewer,
    case: ExceptionCase,
    *,
    expected_version: int,
    owner_id: int,
) -> ExceptionCase:
    """Give an exception to a person who can work on it; to somebody else only as a manager."""

    def change() -> Change:
        return given(receiver(session, ctx.catalog, viewer, owner_id), case)

    return act(session, ctx, viewer, case, expected_version, Action.ASSIGN, AuditTag.CASE_ASSIGNED, change)


def receiver(session: Session, catalog: Catalog, viewer: Viewer, owner_id: int) -> Viewer:
    """The person to whom the viewer may give work, as access sees them."""
    if owner_id != viewer.user_id and not can(viewer, Permission.ASSIGN_OTHERS):
        raise NotAllowedError("Only a manager assigns work to others.")
    owner = session.get(User, owner_id)
    if owner is None or not owner.active:
        raise NotAllowedError("There is no such person any more.")
    return viewer_for(owner, catalog)


def given(to: Viewer, case: ExceptionCase) -> Change:
    """Theirs, where they can work on it."""
    if not may_work_on(to, case):
        raise NotAllowedError(f"{to.name} does not work on this queue and entity.")
    return owned_by(case, to.user_id)


def can_still_work_on(session: Session, catalog: Catalog, case: ExceptionCase) -> bool:
    """Whether the owner is still there and works on this queue and entity; so for what nobody has."""
    if case.owner_id is None:
        return True
    owner = session.get(User, case.owner_id)
    return owner is not None and owner.active and may_work_on(viewer_for(owner, catalog), case)


def release(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, *, expected_version: int,
    reason: str = "",
) -> ExceptionCase:  # fmt: skip
    """Hand an exception back to its queue, for anybody; no rule gives it to its owner again in this cycle."""

    def change() -> Change:
        return handed_back(session, ctx, viewer, case, reason)

    return act(session, ctx, viewer, case, expected_version, Action.RELEASE, AuditTag.CASE_RELEASED, change)


def handed_back(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, reason: str
) -> Change:
    """Nobody's, as the rules allow it: for one exception and for many."""
    if case.owner_id != viewer.user_id and not can(viewer, Permission.ASSIGN_OTHERS):
        raise NotAllowedError("Only its owner or a manager releases it.")
    why = reason.strip() or None
    if case.owner_id is not None:
        back = CaseHandBack(case_id=case.id, user_id=case.owner_id, cycle=case.cycle, reason=why)
        back.created_at = ctx.now
        session.add(back)
    return replace(owned_by(case, None), why=why)


def owned_by(case: ExceptionCase, owner_id: int | None) -> Change:
    """Put it into somebody's hands, or back into the queue; asks nobody whether that is allowed."""
    before = {"owner_id": case.owner_id}
    case.owner_id = owner_id
    return Change(before, {"owner_id": owner_id})
