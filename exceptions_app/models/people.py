"""People: who may sign in, in which role, for which queues and entities."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from flask_login import UserMixin
from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, ShortText, Utc

EVERYTHING = "*"
"""As a queue or an entity in a person's scope: all of them."""


class Role(StrEnum):
    SPECIALIST = "specialist"
    MANAGER = "manager"
    ANALYST = "integration_analyst"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class User(UserMixin, Base):  # type: ignore[misc]  # flask-login has no types
    """A person. `failed_sign_ins` and `locked_until` are the lock-out."""

    __tablename__ = "user_account"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[ShortText]
    password_hash: Mapped[ShortText]
    role: Mapped[CodeText]
    active: Mapped[bool] = mapped_column(default=True)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    theme: Mapped[str] = mapped_column(String(8), default="auto")
    function: Mapped[str | None] = mapped_column(String(100))
    """What breaches are escalated to, as queues name it: Controller, Payroll manager."""
    mail_notices: Mapped[bool] = mapped_column(default=True)
    quiet_from: Mapped[str] = mapped_column(String(5), default="19:00")
    quiet_to: Mapped[str] = mapped_column(String(5), default="07:00")
    """No mail between these local times; equal: no quiet hours."""
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[Utc | None]
    last_visit_at: Mapped[Utc | None]
    away_until: Mapped[Utc | None]
    """No rule gives them work before."""
    turn: Mapped[int] = mapped_column(Big, default=0, server_default="0")
    """Grows with each exception that a rule gives to somebody: the lowest is whose turn is longest ago."""
    ended_sessions: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The sessions that were signed out while a cookie of theirs may still live: `<id> <time>`, one a line."""
    created_at: Mapped[Utc]
    queues: Mapped[list[UserQueue]] = relationship(cascade="all, delete-orphan", lazy="selectin")
    entities: Mapped[list[UserEntity]] = relationship(cascade="all, delete-orphan", lazy="selectin")

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        """What a session remembers: the person, and which password they signed in with. A new password ends
        every session.
        """
        return f"{self.id}.{hashlib.sha256(self.password_hash.encode()).hexdigest()[:32]}"

    def has_ended(self, session: str) -> bool:
        """Whether that session was signed out; so is one without an id, which could not be."""
        return not session or f"\n{session} " in f"\n{self.ended_sessions}"

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now


class ApiToken(Base):
    """A key with which a program acts as a person, in that person's scope. Only its digest is kept."""

    __tablename__ = "api_token"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    name: Mapped[ShortText]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[Utc]
    expires_at: Mapped[Utc | None]
    revoked_at: Mapped[Utc | None]


class UnknownSignIn(Base):
    """Failures to sign in with an address that no account has: counted and locked like an account's."""

    __tablename__ = "unknown_sign_in"

    address_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[Utc | None]
    first_at: Mapped[Utc] = mapped_column(index=True)


class UserQueue(Base):
    __tablename__ = "user_queue"

    user_id: Mapped[int] = mapped_column(
        Big, ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    queue: Mapped[str] = mapped_column(String(64), primary_key=True)


class UserEntity(Base):
    """An entity a person sees, with everything below it in the tree; `*` is the whole network."""

    __tablename__ = "user_entity"

    user_id: Mapped[int] = mapped_column(
        Big, ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
