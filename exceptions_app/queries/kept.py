"""One exception as it is stored, with its newest evidence and what else is kept of it at all, in one statement.

What there is none of is then not asked for: most exceptions have no retry, no comment, and nothing under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, text
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.models import (
    CaseComment,
    CaseEvidence,
    CasePause,
    CaseWatch,
    Delivery,
    ExceptionCase,
    RetryBatch,
    Task,
    User,
)

SMALL_BATCH = 200
"""A batch of so many exceptions is looked into for one of them while it is being prepared."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether there is any: deliveries (and so tries), comments, pauses of the clock in this cycle, a batch that is
    being prepared (of whatever exceptions), a reading again that is under way. `watched`: by this viewer.
    """

    deliveries: bool
    comments: bool
    pauses: bool
    preparing: bool
    rereading: bool
    watched: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """An exception, who owns it, and its newest evidence; the evidence is `{}` where none was kept."""

    case: ExceptionCase
    owner: str | None
    evidence: str
    evidence_taken_at: datetime | None
    evidence_version: int
    kept: Kept


def _reading(at: str) -> ColumnElement[bool]:
    """The state is written out: each is served by a partial index."""
    scope = bindparam("reread", type_=Task.scope.type)
    return select(Task.id).where(Task.scope == scope, text(f"task.status = '{at}'")).exists()


_ID = bindparam("case_id", type_=ExceptionCase.id.type)
_FLAGS = (
    select(Delivery.id).where(Delivery.case_id == _ID).exists(),
    select(CaseComment.id).where(CaseComment.case_id == _ID).exists(),
    select(CasePause.id)
    .where(CasePause.case_id == _ID, CasePause.cycle == ExceptionCase.cycle)
    .correlate(ExceptionCase)
    .exists(),
    select(RetryBatch.id).where(RetryBatch.status == "preparing", RetryBatch.total <= SMALL_BATCH).exists(),
    or_(_reading("running"), _reading("queued")),
    select(CaseWatch.case_id)
    .where(CaseWatch.user_id == bindparam("person"), CaseWatch.case_id == _ID)
    .exists(),
)
_STORED = (
    select(
        ExceptionCase, User.name, CaseEvidence.evidence, CaseEvidence.taken_at, CaseEvidence.version, *_FLAGS
    )
    .outerjoin(User, User.id == ExceptionCase.owner_id)
    .outerjoin(
        CaseEvidence,
        and_(
            CaseEvidence.case_id == ExceptionCase.id, CaseEvidence.version == ExceptionCase.evidence_version
        ),
    )
    .where(ExceptionCase.id == _ID)
)


def stored(session: Session, viewer: Viewer, case_id: int) -> Stored | None:
    """None when there is none that the viewer may see."""
    found = session.execute(_STORED.where(*visible(viewer)), _asked(viewer, case_id)).one_or_none()
    if found is None:
        return None
    case, owner, evidence, taken_at, version, *flags = found
    return Stored(case, owner, evidence or "{}", taken_at, version or 0, Kept(*map(bool, flags)))


def _asked(viewer: Viewer, case_id: int) -> dict[str, Any]:
    return {"case_id": case_id, "reread": f"reread:{case_id}", "person": viewer.user_id}
