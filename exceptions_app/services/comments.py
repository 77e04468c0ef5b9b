"""The one comment of an exception that stands above all: pinned on its page, and shortened on its row of the queue.

Pinning changes the row, so it is guarded by the version that the person saw, like any action; `actions.comment`, which
only adds, is not. Unpinning keeps the comment.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.models import CaseComment, ExceptionCase

from . import audit
from .acting import NotAllowedError, conflict, locked
from .audit import AuditTag
from .context import ActionContext

SENT_TWICE = timedelta(minutes=1)
"""The same words again within this are the same comment."""
NOTE_LIMIT = 300
"""What fits the row of the queue, as `ExceptionCase.note`."""


def pin(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, *, comment_id: int,
    expected_version: int | None,
) -> CaseComment:  # fmt: skip
    """Pin one comment in the place of any other. `expected_version` None: it was written just now, in this
    transaction.

    Raises `ConflictError` where the row is past that version, `NotAllowedError` where it is no comment of this
    exception or is pinned already.
    """
    with locked(session, viewer, case):
        _same(session, case, expected_version)
        chosen = session.get(CaseComment, comment_id)
        if chosen is None or chosen.case_id != case.id:
            raise NotAllowedError("That comment is not here any more.")
        if chosen.pinned_at is not None:
            raise NotAllowedError("That comment is pinned already.")
        before = _unpin(session, case)
        chosen.pinned_at, case.note = ctx.now, note_of(chosen.text)
        case.version += 1
        audit.record(session, ctx, case, AuditTag.CASE_PINNED, before=before, after={"comment_id": chosen.id})
    return chosen


def unpin(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, *, expected_version: int
) -> None:
    """Take the pinned comment down. Raises as `pin` does; `NotAllowedError` where none is pinned."""
    with locked(session, viewer, case):
        _same(session, case, expected_version)
        before = _unpin(session, case)
        if before is None:
            raise NotAllowedError("No comment is pinned.")
        case.note = None
        case.version += 1
        audit.record(session, ctx, case, AuditTag.CASE_UNPINNED, before=before)


def sent_twice(
    session: Session, author_id: int, case: ExceptionCase, text: str, now: datetime
) -> CaseComment | None:
    """The newest comment, where the same person has just said the same: a double click, or a page sent again."""
    newest = (
        select(CaseComment).where(CaseComment.case_id == case.id).order_by(CaseComment.id.desc()).limit(1)
    )
    known = session.scalar(newest)
    if known is None or (known.author_id, known.text) != (author_id, text.strip()):
        return None
    return known if now - known.created_at < SENT_TWICE else None


def note_of(text: str) -> str:
    """A comment on one line, cut at a word where it is too long for a row."""
    line = " ".join(text.split())
    if len(line) <= NOTE_LIMIT:
        return line
    cut = line[: NOTE_LIMIT - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip() + "…"


def _same(session: Session, case: ExceptionCase, expected_version: int | None) -> None:
    if expected_version is not None and case.version != expected_version:
        raise conflict(session, case)


def _unpin(session: Session, case: ExceptionCase) -> dict[str, int] | None:
    """What was pinned, which no longer is; None where nothing was."""
    pinned = (CaseComment.case_id == case.id, CaseComment.pinned_at.is_not(None))
    known = session.scalar(select(CaseComment.id).where(*pinned))
    if known is None:
        return None
    session.execute(update(CaseComment).where(*pinned).values(pinned_at=None))
    return {"comment_id": known}
