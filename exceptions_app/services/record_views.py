"""Who has looked at the raw record of an exception: each look is an event in its trail, before anything is shown."""

from __future__ import annotations

from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, sees_case
from exceptions_app.models import ExceptionCase

from . import audit
from .acting import NotAllowedError
from .audit import AuditTag
from .context import ActionContext


def viewed(session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase) -> None:
    """Note that the person looks at the newest evidence. It changes nothing else: no version, no clock.

    Raises `NotAllowedError` where their role does not read raw records, or the exception is not theirs to see.
    """
    session.refresh(case, with_for_update=True)
    if not (can(viewer, Permission.SEE_PAYLOAD) and sees_case(viewer, case)):
        raise NotAllowedError("Your role does not read raw records.")
    audit.record(
        session, ctx, case, AuditTag.CASE_RECORD_VIEWED, after={"evidence_version": case.evidence_version}
    )
    session.flush()
