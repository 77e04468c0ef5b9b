"""Forgets what nobody looks for any more. What was done stays in the trail, and in the lines of bulk actions. Knows no
task: whoever calls looks (`due`) and removes (`forget`) in transactions of their own, one portion after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from exceptions_app.models import BulkAction, BulkItem, Mail, Notice, Reject

from . import bulk

READ_NOTICES_KEPT = timedelta(days=30)
"""After they were read."""
NOTICES_KEPT = timedelta(days=90)
"""Read or not."""
MAIL_KEPT = timedelta(days=30)
"""After it was sent, or given up."""
BULK_ITEMS_KEPT = timedelta(days=30)
"""After their action ended."""
REJECTS_KEPT = timedelta(days=90)
"""After they were settled."""
ENDED = ("done", "cancelled", "undone")
Numbers = Select[int]


@dataclass(frozen=True, slots=True)
class Old:
    """`ids` of what may go at a time; `portion`: rows of one transaction."""

    ids: Callable[[datetime], Numbers]
    portion: int = 2_000


def due(session: Session, what: str, now: datetime) -> list[int]:
    """The ids of a portion of it that may go; none: all that may is gone."""
    old = OLD[what]
    return list(session.scalars(old.ids(now).limit(old.portion)))


def forget(session: Session, what: str, ids: Sequence[int]) -> int:
    """Remove these; how many. What a message told stays under the bell, and is not mailed again."""
    model: Any = _MODELS[what]
    unlogged = {"synchronize_session": False}
    if model is Mail:
        told = update(Notice).where(bulk.is_one_of(session, Notice.mail_id, ids))
        session.execute(told.values(mail_id=None, mail_after=None), execution_options=unlogged)
    gone = delete(model).where(bulk.is_one_of(session, model.id, ids))
    return cast("CursorResult[Any]", session.execute(gone, execution_options=unlogged)).rowcount


def _notices(now: datetime) -> Numbers:
    return select(Notice.id).where(
        or_(Notice.read_at < now - READ_NOTICES_KEPT, Notice.created_at < now - NOTICES_KEPT)
    )


def _mails(now: datetime) -> Numbers:
    """All but each person's newest: whether that arrived is shown."""
    newest = select(func.max(Mail.id)).where(Mail.status.in_(("sent", "failed"))).group_by(Mail.user_id)
    before = now - MAIL_KEPT
    sent = (Mail.status == "sent") & (Mail.sent_at < before)
    given_up = Mail.status.in_(("failed", "dropped")) & (Mail.not_before < before)
    return select(Mail.id).where(or_(sent, given_up), Mail.id.not_in(newest))


def _bulk_items(now: datetime) -> Numbers:
    ended = func.coalesce(BulkAction.undone_at, BulkAction.finished_at)
    over = select(BulkAction.id).where(BulkAction.status.in_(ENDED), ended < now - BULK_ITEMS_KEPT)
    return select(BulkItem.id).where(BulkItem.bulk_id.in_(over))


def _rejects(now: datetime) -> Numbers:
    return select(Reject.id).where(Reject.ended_at < now - REJECTS_KEPT)


_MODELS = {"notices": Notice, "mails": Mail, "bulk_items": BulkItem, "rejects": Reject}
OLD: Mapping[str, Old] = {
    "notices": Old(_notices),
    "mails": Old(_mails, portion=100),  # for each of them the notices are looked through
    "bulk_items": Old(_bulk_items),
    "rejects": Old(_rejects),
}
"""What is forgotten, in this order."""
