"""Read it again: pull an exception's record from every side and compare, sending nothing."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, may_retry
from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import ExceptionCase, Task

from . import audit, tasks
from .acting import NotAllowedError
from .audit import AuditTag
from .context import ActionContext


def ask(session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase) -> Task:
    """Ask for the task `reread`; one that is queued or running for this exception is enough.

    Raises `NotAllowedError` where the person may not, or where the exception has ended for good.
    """
    session.refresh(case, with_for_update=True)
    if not may_retry(viewer, case):
        raise NotAllowedError("You may not have this exception read again.")
    if case.status == Status.RESOLVED:
        raise NotAllowedError("It is resolved: the next run looks at it anyway.")
    scope = f"reread:{case.id}"
    at_work = select(Task).where(
        Task.kind == "reread", Task.scope == scope, Task.status.in_(["queued", "running"])
    )
    known = session.scalar(at_work.limit(1))
    if known is not None:
        return known
    task = tasks.request(
        session,
        "reread",
        scope,
        {"case": case.id},
        viewer.user_id,
        ctx.now,
        correlation_id=ctx.correlation_id,
    )
    audit.record(session, ctx, case, AuditTag.CASE_REREAD_ASKED, after={"task_id": task.id})
    session.flush()
    return task
