"""Keys with which programs act as a person. A key is shown once; only its digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from exceptions_app.models import ApiToken, User

from . import audit
from .audit import AuditTag

PREFIX = "tieout_"
"""So that a key that leaks is recognised by those who look for secrets."""


def make(
    session: Session, user: User, name: str, *, by: str, now: datetime, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new key for `user`, and its text, which nobody can read again. Audited under the person."""
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiToken(
        user_id=user.id, name=name.strip()[:200], digest=_digest(text), created_at=now, expires_at=expires_at
    )
    session.add(key)
    session.flush()
    audit.record_subject(
        session,
        f"person:{user.id}",
        AuditTag.KEY_MADE,
        actor=by,
        at=now,
        after={"key": key.id, "name": key.name},
    )
    return key, text


def revoke(session: Session, key: ApiToken, *, by: str, now: datetime) -> None:
    """End a key; what it opened is refused from now on. Without effect on one that has ended."""
    if key.revoked_at is None:
        key.revoked_at = now
        audit.record_subject(
            session,
            f"person:{key.user_id}",
            AuditTag.KEY_REVOKED,
            actor=by,
            at=now,
            after={"key": key.id, "name": key.name},
        )
        session.flush()


def keys_of(session: Session, user_id: int) -> list[ApiToken]:
    """A person's keys, the newest first."""
    found = select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.id.desc())
    return list(session.scalars(found))


def person_of(session: Session, text: str, now: datetime) -> User | None:
    """Whose key this is; nobody's where it is unknown, revoked or expired, or the person is no longer active."""
    key = select(ApiToken.user_id).where(
        ApiToken.digest == _digest(text),
        ApiToken.revoked_at.is_(None),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
    )
    whole = (joinedload(User.queues), joinedload(User.entities))
    found = select(User).where(User.id.in_(key), User.active.is_(True)).options(*whole)
    return session.scalars(found).unique().one_or_none()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
