"""Signing in, in two steps, and the lock-out. Knows neither pages nor sessions.

`attempt` reads and does the slow work; `sign_in` then writes, shortly. An address without an account is
counted, locked and answered exactly as one with: nobody learns which accounts exist.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from exceptions_app.config import Settings
from exceptions_app.domain.instant import iso
from exceptions_app.models import UnknownSignIn, User

from . import passwords
from .audit import AuditTag, record_subject
from .conflict import insert_unless_exists
from .engine import reading

_FORGOTTEN_AFTER = timedelta(days=90)
"""How long failures at an address without an account are remembered."""


_MARGIN = timedelta(hours=1)
"""For a cookie that was being written while its session was signed out."""


class SignInError(Exception):
    """Signing in was refused. The message never says whether the account exists."""

    def __init__(self, message: str = "Email or password is not right.") -> None:
        super().__init__(message)


class LockedOutError(SignInError):
    """Too many failures: nobody signs in with this address before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__("Too many failed attempts. Try again later, or ask an administrator.")
        self.until = until


class PasswordMovedError(SignInError):
    """The password was set, or its hash renewed, since it was checked: check it again. Nothing is counted."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of checking a password: `checked` is the hash it was checked against (None: no account)."""

    address: str
    checked: str | None
    right: bool
    renewed: str | None = None


def attempt(session: Session, email: str, password: str, now: datetime, settings: Settings) -> Attempt:
    """Check a password. Reads only: end that transaction before `sign_in`, which writes.

    Raises `LockedOutError` without looking at the password.
    """
    reading(session)
    address, cheap = _normalised(email), settings.cheap_passwords
    user = session.scalar(select(User).where(User.email == address))
    until = (
        user.locked_until
        if user is not None
        else session.scalar(select(UnknownSignIn.locked_until).where(_is(address)))
    )
    if until is not None and until > now:
        raise LockedOutError(until)
    checked = passwords.decoy(cheap) if user is None else user.password_hash
    right = passwords.matches(checked, password, cheap) and user is not None and user.active
    renew = right and passwords.is_outdated(checked, cheap)
    renewed = passwords.hashed(password, cheap) if renew else None
    return Attempt(address, None if user is None else checked, right, renewed)


def sign_in(session: Session, made: Attempt, now: datetime, settings: Settings) -> User:
    """The person who made the attempt. Raises `SignInError` or `LockedOutError`.

    Both outcomes write (the count of failures, the trail): the caller commits in either case.
    """
    found = select(User).where(User.email == made.address).execution_options(populate_existing=True)
    user: User | None = session.scalar(found.with_for_update())
    if user is None:
        _count_unknown(session, made.address, now, settings)
        raise SignInError
    if user.locked_until is not None and user.locked_until > now:  # by guesses made at the same time
        raise LockedOutError(user.locked_until)
    if made.right and user.active and user.password_hash != made.checked:
        raise PasswordMovedError
    if not made.right or not user.active:
        _count_known(session, user, now, settings)
        raise SignInError
    if made.renewed is not None:
        user.password_hash = made.renewed
    user.failed_sign_ins, user.locked_until = 0, None
    _record(session, user, AuditTag.SIGNED_IN, now)
    session.flush()
    return user


def sign_out(session: Session, user_id: int, ended: str, now: datetime, lifetime: timedelta) -> None:
    """End one session of a person, and every copy of its cookie. Remembered while a cookie of it may live: `lifetime`
    after it was last signed, which was now at the latest.
    """
    found = select(User).where(User.id == user_id).execution_options(populate_existing=True)
    user: User = session.scalars(found.with_for_update()).one()
    oldest = iso(now - lifetime - _MARGIN)
    kept = [line for line in user.ended_sessions.splitlines() if line.rpartition(" ")[2] > oldest]
    user.ended_sessions = "\n".join([*kept, f"{ended} {iso(now)}"])
    _record(session, user, AuditTag.SIGNED_OUT, now)
    session.flush()


def _normalised(email: str) -> str:
    """An address as accounts keep it, however it is written."""
    return email.strip().lower()


def _is(address: str) -> ColumnElement[bool]:
    return UnknownSignIn.address_digest == _digest(address)


def _digest(address: str) -> bytes:
    """What is typed there may be anything, a password too: it is not kept in clear."""
    return hashlib.sha256(address.encode(errors="replace")).digest()


def _count_known(session: Session, user: User, now: datetime, settings: Settings) -> None:
    failures, until = _count(session, User, User.id == user.id, now, settings)
    _record(session, user, AuditTag.SIGN_IN_FAILED, now, {"failed_sign_ins": failures})
    if until is not None:
        _record(session, user, AuditTag.LOCKED_OUT, now, {"until": until})
    session.expire(user, ["failed_sign_ins", "locked_until"])


def _count_unknown(session: Session, address: str, now: datetime, settings: Settings) -> None:
    old = UnknownSignIn.first_at < now - _FORGOTTEN_AFTER
    session.execute(delete(UnknownSignIn).where(old, _is_free(UnknownSignIn, now)))
    insert_unless_exists(
        session, UnknownSignIn, address_digest=_digest(address), failed_sign_ins=0, first_at=now
    )
    _count(session, UnknownSignIn, _is(address), now, settings)


def _count(
    session: Session, model: type[User] | type[UnknownSignIn], row: ColumnElement[bool], now: datetime,
    settings: Settings,
) -> tuple[int, datetime | None]:  # fmt: skip
    """One more failure, counted by the database so that guesses made at once are all counted; and until when
    it locks.
    """
    over = update(model).where(row, model.locked_until <= now)  # a lock-out that has passed: count anew
    session.execute(over.values(failed_sign_ins=0, locked_until=None))
    raised = update(model).where(row, _is_free(model, now)).values(failed_sign_ins=model.failed_sign_ins + 1)
    failures = session.execute(raised.returning(model.failed_sign_ins)).scalar_one_or_none()
    if failures is None or failures < settings.lockout_after:
        return failures or settings.lockout_after, None
    until = now + timedelta(minutes=settings.lockout_minutes)
    session.execute(update(model).where(row).values(locked_until=until))
    return failures, until


def _is_free(model: type[User] | type[UnknownSignIn], now: datetime) -> ColumnElement[bool]:
    return or_(model.locked_until.is_(None), model.locked_until <= now)


def _record(
    session: Session, user: User, tag: AuditTag, now: datetime, after: dict[str, object] | None = None
) -> None:
    record_subject(session, f"person:{user.id}", tag, actor=f"user:{user.id}", at=now, after=after)
