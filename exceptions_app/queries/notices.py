"""What a person has been told: the newest first, and how many are unread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.models import ExceptionCase, Mail, Notice

PAGE_SIZE = 50
MOST_COUNTED = 99
"""Unread notices are counted no further than this."""


@dataclass(frozen=True, slots=True)
class NoticeLine:
    id: int
    kind: str
    text: str
    link: str
    created_at: datetime
    unread: bool


@dataclass(frozen=True, slots=True)
class NoticePage:
    """`before` continues it: the id of the last line; None at the end."""

    lines: tuple[NoticeLine, ...]
    before: int | None


def page(session: Session, viewer: Viewer, before: int | None = None, size: int = PAGE_SIZE) -> NoticePage:
    """One page. What the person may no longer see is left out."""
    wanted = (
        select(Notice)
        .outerjoin(ExceptionCase, ExceptionCase.id == Notice.case_id)
        .where(Notice.user_id == viewer.user_id, *visible(viewer))
    )
    if before is not None:
        wanted = wanted.where(Notice.id < before)
    found: Sequence[Notice] = session.scalars(wanted.order_by(Notice.id.desc()).limit(size + 1)).all()
    lines = tuple(
        NoticeLine(one.id, one.kind, one.text, one.link, one.created_at, one.read_at is None)
        for one in found[:size]
    )
    return NoticePage(lines, lines[-1].id if len(found) > size else None)


def unread(user_id: int | ColumnElement[int]) -> ScalarSelect[int]:
    """How many are unread, at most one more than `MOST_COUNTED`: the same cost however many there are."""
    some = (
        select(Notice.id).where(Notice.user_id == user_id, Notice.read_at.is_(None)).limit(MOST_COUNTED + 1)
    )
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def undeliverable(session: Session, user_id: int) -> Mail | None:
    """The person's newest message, where it could not be delivered."""
    newest = select(Mail).where(Mail.user_id == user_id, Mail.status.in_(("sent", "failed")))
    mail = session.scalar(newest.order_by(Mail.id.desc()).limit(1))
    return mail if mail is not None and mail.status == "failed" else None


def undeliverable_to(session: Session) -> dict[int, str]:
    """For the administrator: whose newest message could not be delivered -> why."""
    newest = select(func.max(Mail.id)).where(Mail.status.in_(("sent", "failed"))).group_by(Mail.user_id)
    failed = select(Mail.user_id, Mail.error).where(Mail.id.in_(newest), Mail.status == "failed")
    return {user_id: error or "" for user_id, error in session.execute(failed)}
