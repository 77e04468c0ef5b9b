"""People: adding them, changing what they may see, giving them passwords. Knows neither pages nor sessions;
who signs in is `signing_in`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import Role, User, UserEntity, UserQueue

from . import passwords
from .audit import AuditTag, record_subject

MIN_PASSWORD = 12


class PersonError(Exception):
    """A person cannot be added or changed like this; the message says why."""


def create_user(
    session: Session, *, email: str, name: str, password: str, role: Role, queues: Iterable[str],
    entities: Iterable[str], by: str, now: datetime, time_zone: str = "UTC", cheap: bool = False, function: str = "",
) -> User:  # fmt: skip
    """Add a person. `queues` and `entities` may hold `*`. Raises `PersonError`."""
    email = email.strip().lower()
    _check(email, name, password, time_zone)
    if session.scalar(select(User.id).where(User.email == email)) is not None:
        raise PersonError(f"{email} is already an account")
    user = User(
        email=email, name=name.strip(), password_hash=passwords.hashed(password, cheap), role=str(role),
        time_zone=time_zone, created_at=now, function=function.strip()[:100] or None,
        queues=[UserQueue(queue=q) for q in dict.fromkeys(queues)],
        entities=[UserEntity(entity=e) for e in dict.fromkeys(entities)],
    )  # fmt: skip
    session.add(user)
    session.flush()
    _record(session, user, AuditTag.PERSON_ADDED, by, now, after=_scope(user))
    return user


def set_scope(
    session: Session, user: User, *, by: str, now: datetime, role: Role | None = None,
    queues: Iterable[str] | None = None, entities: Iterable[str] | None = None, active: bool | None = None,
    function: str | None = None,
) -> None:  # fmt: skip
    """Change a person's role, queues, entities, or whether they may sign in; what is None stays."""
    before = _scope(user)
    if role is not None:
        user.role = str(role)
    if queues is not None:
        kept = {q.queue: q for q in user.queues}
        user.queues = [kept.get(q) or UserQueue(queue=q) for q in dict.fromkeys(queues)]
    if entities is not None:
        known = {e.entity: e for e in user.entities}
        user.entities = [known.get(e) or UserEntity(entity=e) for e in dict.fromkeys(entities)]
    if function is not None:
        user.function = function.strip()[:100] or None
    if active is not None:
        user.active = active
    session.flush()
    if _scope(user) != before:
        _record(session, user, AuditTag.PERSON_CHANGED, by, now, before=before, after=_scope(user))


def set_password(
    session: Session, user: User, password: str, *, by: str, now: datetime, cheap: bool = False
) -> None:
    """Give a person a new password, which ends a lock-out and every session. Raises `PersonError` for one
    that is too short.
    """
    _check(user.email, user.name, password, user.time_zone)
    user.password_hash = passwords.hashed(password, cheap)
    user.failed_sign_ins, user.locked_until = 0, None
    session.flush()
    _record(session, user, AuditTag.PERSON_CHANGED, by, now, after={"password": "changed"})


def set_away(session: Session, user: User, until: datetime | None, *, now: datetime) -> None:
    """A person says until when no rule is to give them work; None: they are here."""
    before, user.away_until = user.away_until, until
    session.flush()
    _record(
        session, user, AuditTag.PERSON_CHANGED, f"user:{user.id}", now, before={"away_until": before},
        after={"away_until": until},
    )  # fmt: skip


def unlock(session: Session, user: User, *, by: str, now: datetime) -> None:
    """End a lock-out before its time."""
    user.failed_sign_ins, user.locked_until = 0, None
    session.flush()
    _record(session, user, AuditTag.PERSON_CHANGED, by, now, after={"lock_out": "ended"})


def user_by_email(session: Session, email: str) -> User | None:
    """The account of that address, however it is written."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def _check(email: str, name: str, password: str, time_zone: str) -> None:
    local, _, domain = email.partition("@")
    if not local or not domain or " " in email:
        raise PersonError(f"{email!r} is not an email address")
    if not name.strip():
        raise PersonError("a person needs a name")
    if len(password) < MIN_PASSWORD:
        raise PersonError(f"a password needs at least {MIN_PASSWORD} characters")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise PersonError(f"{time_zone!r} is not a time zone such as America/Chicago") from None


def _scope(user: User) -> dict[str, object]:
    return {
        "active": user.active,
        "function": user.function,
        "role": user.role,
        "queues": sorted(q.queue for q in user.queues),
        "entities": sorted(e.entity for e in user.entities),
    }


def _record(
    session: Session, user: User, tag: AuditTag, by: str, now: datetime,
    before: dict[str, object] | None = None, after: dict[str, object] | None = None,
) -> None:  # fmt: skip
    record_subject(session, f"person:{user.id}", tag, actor=by, at=now, before=before, after=after)
