"""People: adding them, changing what they may see, signing in with a lock-out. Knows neither pages nor
sessions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from exceptions_app.config import Settings
from exceptions_app.models import Role, User, UserEntity, UserQueue

from .audit import AuditTag, record_subject

MIN_PASSWORD = 12


class PersonError(Exception):
    """A person cannot be added or changed like this; the message says why."""


class SignInError(Exception):
    """Signing in was refused. The message never says whether the account exists."""


class LockedOutError(SignInError):
    """Too many failures: nobody signs in to this account before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__("Too many failed attempts. Try again later, or ask an administrator.")
        self.until = until


@cache
def _hasher(cheap: bool) -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1) if cheap else PasswordHasher()


@cache
def _decoy(cheap: bool) -> str:
    """A hash to check against where there is no account, so that both cases take equally long."""
    return _hasher(cheap).hash("nobody has this password")


def create_user(
    session: Session, *, email: str, name: str, password: str, role: Role, queues: Iterable[str],
    entities: Iterable[str], by: str, now: datetime, time_zone: str = "UTC", cheap: bool = False,
) -> User:  # fmt: skip
    """Add a person. `queues` and `entities` may hold `*`. Raises `PersonError`."""
    email = email.strip().lower()
    _check(email, name, password, time_zone)
    if session.scalar(select(User.id).where(User.email == email)) is not None:
        raise PersonError(f"{email} is already an account")
    user = User(
        email=email, name=name.strip(), password_hash=_hasher(cheap).hash(password), role=str(role),
        time_zone=time_zone, created_at=now, queues=[UserQueue(queue=q) for q in dict.fromkeys(queues)],
        entities=[UserEntity(entity=e) for e in dict.fromkeys(entities)],
    )  # fmt: skip
    session.add(user)
    session.flush()
    _record(session, user, AuditTag.PERSON_ADDED, by, now, after=_scope(user))
    return user


def set_scope(
    session: Session, user: User, *, by: str, now: datetime, role: Role | None = None,
    queues: Iterable[str] | None = None, entities: Iterable[str] | None = None, active: bool | None = None,
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
    if active is not None:
        user.active = active
    session.flush()
    if _scope(user) != before:
        _record(session, user, AuditTag.PERSON_CHANGED, by, now, before=before, after=_scope(user))


def set_password(
    session: Session, user: User, password: str, *, by: str, now: datetime, cheap: bool = False
) -> None:
    """Give a person a new password and end a lock-out. Raises `PersonError` for one that is too short."""
    _check(user.email, user.name, password, user.time_zone)
    user.password_hash = _hasher(cheap).hash(password)
    user.failed_sign_ins, user.locked_until = 0, None
    session.flush()
    _record(session, user, AuditTag.PERSON_CHANGED, by, now, after={"password": "changed"})


def unlock(session: Session, user: User, *, by: str, now: datetime) -> None:
    """End a lock-out before its time."""
    user.failed_sign_ins, user.locked_until = 0, None
    session.flush()
    _record(session, user, AuditTag.PERSON_CHANGED, by, now, after={"lock_out": "ended"})


def sign_in(session: Session, email: str, password: str, now: datetime, settings: Settings) -> User:
    """The person behind email and password. Raises `SignInError` or `LockedOutError`.

    Both outcomes write (the count of failures, the trail): the caller commits in either case.
    """
    cheap = settings.cheap_passwords
    user = user_by_email(session, email)
    if user is not None and user.is_locked(now) and user.locked_until is not None:
        raise LockedOutError(user.locked_until)
    if (
        not _matches(cheap, user.password_hash if user else _decoy(cheap), password)
        or user is None
        or not user.active
    ):
        if user is not None:
            _count_failure(session, user, now, settings)
        raise SignInError("Email or password is not right.")
    if _hasher(cheap).check_needs_rehash(user.password_hash):
        user.password_hash = _hasher(cheap).hash(password)
    user.failed_sign_ins, user.locked_until = 0, None
    _record(session, user, AuditTag.SIGNED_IN, f"user:{user.id}", now)
    return user


def user_by_email(session: Session, email: str) -> User | None:
    """The account of that address, however it is written."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def _count_failure(session: Session, user: User, now: datetime, settings: Settings) -> None:
    """Counted by the database, so that guesses made at once are all counted."""
    if user.locked_until is not None:  # a lock-out that has passed: the count starts again
        session.execute(update(User).where(User.id == user.id).values(failed_sign_ins=0, locked_until=None))
    raised = update(User).where(User.id == user.id).values(failed_sign_ins=User.failed_sign_ins + 1)
    failures = session.execute(raised.returning(User.failed_sign_ins)).scalar_one()
    actor = f"user:{user.id}"
    _record(session, user, AuditTag.SIGN_IN_FAILED, actor, now, after={"failed_sign_ins": failures})
    if failures >= settings.lockout_after:
        until = now + timedelta(minutes=settings.lockout_minutes)
        session.execute(update(User).where(User.id == user.id).values(locked_until=until))
        _record(session, user, AuditTag.LOCKED_OUT, actor, now, after={"until": until})
    session.expire(user, ["failed_sign_ins", "locked_until"])


def _matches(cheap: bool, password_hash: str, password: str) -> bool:
    try:
        return _hasher(cheap).verify(password_hash, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


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
        "role": user.role,
        "queues": sorted(q.queue for q in user.queues),
        "entities": sorted(e.entity for e in user.entities),
    }


def _record(
    session: Session, user: User, tag: AuditTag, by: str, now: datetime,
    before: dict[str, object] | None = None, after: dict[str, object] | None = None,
) -> None:  # fmt: skip
    record_subject(session, f"person:{user.id}", tag, actor=by, at=now, before=before, after=after)


def count_people(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(User)) or 0
