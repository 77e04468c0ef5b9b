"""What readers do with notices: reading them, and saying when mail may come."""

from __future__ import annotations

from datetime import datetime, time

from sqlalchemy import update
from sqlalchemy.orm import Session

from exceptions_app.models import Notice, User

from .audit import AuditTag, record_subject
from .notices import GATHER, awake


def read(session: Session, user_id: int, now: datetime) -> None:
    """All of a person's notices are read."""
    unread = update(Notice).where(Notice.user_id == user_id, Notice.read_at.is_(None)).values(read_at=now)
    session.execute(unread.execution_options(synchronize_session=False))


def read_one(session: Session, user_id: int, notice_id: int, now: datetime) -> str | None:
    """One is read; where it leads. None where it is not this person's."""
    notice = session.get(Notice, notice_id)
    if notice is None or notice.user_id != user_id:
        return None
    notice.read_at = notice.read_at or now
    session.flush()
    return notice.link


def set_mail(
    session: Session, user: User, *, wanted: bool, quiet_from: time, quiet_to: time, now: datetime
) -> None:
    """Whether a person wants mail, and between which local times not. It holds for what waits as well."""
    before = {"mail": user.mail_notices, "quiet": f"{user.quiet_from}-{user.quiet_to}"}
    user.mail_notices = wanted
    user.quiet_from, user.quiet_to = f"{quiet_from:%H:%M}", f"{quiet_to:%H:%M}"
    waiting = update(Notice).where(
        Notice.user_id == user.id, Notice.mail_id.is_(None), Notice.mail_after > now
    )
    session.execute(
        waiting.values(mail_after=awake(user, now + GATHER) if wanted else None),
        execution_options={"synchronize_session": False},
    )
    after = {"mail": wanted, "quiet": f"{user.quiet_from}-{user.quiet_to}"}
    record_subject(
        session, f"person:{user.id}", AuditTag.PERSON_CHANGED, actor=f"user:{user.id}", at=now, before=before,
        after=after,
    )  # fmt: skip
    session.flush()
