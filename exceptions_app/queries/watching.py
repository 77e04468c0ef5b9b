"""Whether a person watches an exception."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.models import CaseWatch


def watches(session: Session, viewer: Viewer, case_id: int) -> bool:
    """Whether the viewer is told what others do with it."""
    mine = select(CaseWatch.case_id).where(CaseWatch.user_id == viewer.user_id, CaseWatch.case_id == case_id)
    return session.scalar(mine) is not None
