"""Watching an exception: being told what others do with it. A reader's own affair: nothing of it changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.models import CaseWatch

from .conflict import insert_unless_exists


def watch(session: Session, viewer: Viewer, case_id: int, now: datetime) -> None:
    """From now on; watching twice is watching. Whoever calls has made sure that the viewer sees the exception."""
    insert_unless_exists(session, CaseWatch, case_id=case_id, user_id=viewer.user_id, created_at=now)


def unwatch(session: Session, viewer: Viewer, case_id: int) -> None:
    """No longer."""
    mine = CaseWatch.case_id == case_id, CaseWatch.user_id == viewer.user_id
    session.execute(delete(CaseWatch).where(*mine).execution_options(synchronize_session=False))
