"""The append-only trail: a hash chain per exception (or per subject), payloads stored apart."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, ShortText, Utc


class AuditEvent(Base):
    """Who or which job did what, when. `hash` = SHA-256 over the fields, the payload's hash and `prev_hash`.

    `case_id` is NULL for what is not about one exception (sign-ins, configuration, people): those form one chain
    per `subject`. Encoding: `services.audit`.
    """

    __tablename__ = "audit_event"

    id: Mapped[Id]
    case_id: Mapped[int | None] = mapped_column(Big, ForeignKey("exception_case.id"))
    subject: Mapped[str | None] = mapped_column(String(100))
    tag: Mapped[CodeText]
    actor: Mapped[ShortText]
    at: Mapped[Utc]
    correlation_id: Mapped[CodeText]
    config_snapshot_id: Mapped[int | None] = mapped_column(Big)
    payload_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    prev_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))

    __table_args__ = (Index(None, "case_id", "id"), Index(None, "subject", "id"), Index(None, "at"))


class AuditPayload(Base):
    """Before, after and why, as JSON. May be erased; the chain holds its hash, so it stays verifiable."""

    __tablename__ = "audit_payload"

    event_id: Mapped[int] = mapped_column(Big, ForeignKey("audit_event.id"), primary_key=True)
    payload: Mapped[LongText]


class AuditCheckpoint(Base):
    """A periodic seal over all events up to one id, so that truncation shows."""

    __tablename__ = "audit_checkpoint"

    id: Mapped[Id]
    through_event_id: Mapped[int] = mapped_column(Big)
    events: Mapped[int] = mapped_column(Big)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[Utc]
