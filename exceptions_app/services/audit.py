"""The append-only trail. Every write adds its event here, in the same flush; nothing is ever changed or
removed.

Encoding. An event's hash is SHA-256 over netstrings (`<length>:<bytes>`) of: the chain (`case:42` or
`subject:…`), tag, actor, time (ISO 8601, UTC), correlation id, configuration snapshot id (empty for none),
the SHA-256 of the payload, and the hash of the event before it in the chain (32 zero bytes for the first).
The payload, canonical JSON of before, after and why, is stored apart and may be erased: the chain holds
only its hash.

An exception's chain ends at `ExceptionCase.audit_head`; a subject's at its newest row, one writer at a
time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain.fingerprint import netstring
from exceptions_app.domain.instant import iso
from exceptions_app.models import AuditEvent, AuditPayload, ExceptionCase

from .context import ActionContext

GENESIS = bytes(32)


class AuditTag(StrEnum):
    """What can stand in the trail."""

    CASE_OPENED = "case:opened"
    CASE_EVIDENCE_CHANGED = "case:evidence_changed"
    CASE_RECURRED = "case:recurred"
    CASE_RETURNED = "case:returned"
    CASE_NOT_CONFIRMED = "case:not_confirmed"
    CASE_CONFIRMED = "case:confirmed"
    CASE_CLOSED = "case:closed"
    CASE_UNWAIVED = "case:unwaived"
    CASE_CLAIMED = "case:claimed"
    CASE_ASSIGNED = "case:assigned"
    CASE_RELEASED = "case:released"
    CASE_HELD = "case:held"
    CASE_RESUMED = "case:resumed"
    CASE_RESOLVED = "case:resolved"
    CASE_WAIVED = "case:waived"
    CASE_REOPENED = "case:reopened"
    CASE_COMMENTED = "case:commented"
    CASE_PINNED = "case:pinned"
    CASE_UNPINNED = "case:unpinned"
    CASE_RECORD_VIEWED = "case:record_viewed"
    CASE_DUE_SOON = "case:due_soon"
    CASE_BREACHED = "case:breached"
    CASE_HALF = "case:half"
    CASE_RESPONSE_MISSED = "case:response_missed"
    CASE_RECLOCKED = "case:reclocked"
    CASE_RETRY_ASKED = "case:retry_asked"
    CASE_RETRY_APPROVED = "case:retry_approved"
    CASE_RETRY_DECLINED = "case:retry_declined"
    CASE_RETRY_SKIPPED = "case:retry_skipped"
    CASE_RETRY_ACCEPTED = "case:retry_accepted"
    CASE_RETRY_CONFIRMED = "case:retry_confirmed"
    CASE_RETRY_NOT_CONFIRMED = "case:retry_not_confirmed"
    CASE_RETRY_FAILED = "case:retry_failed"
    CASE_RETRY_UNSURE = "case:retry_unsure"
    CASE_RETRY_DECIDED = "case:retry_decided"
    CASE_RETRY_DISCARDED = "case:retry_discarded"
    CASE_REREAD_ASKED = "case:reread_asked"
    CASE_UNDONE = "case:undone"
    CASE_CAUSE_CHANGED = "case:cause_changed"
    RETRY_ASKED = "retry:asked"
    RETRY_SENT = "retry:sent"
    RETRY_PAUSED = "retry:paused"
    RETRY_RESUMED = "retry:resumed"
    RETRY_CANCELLED = "retry:cancelled"
    BULK_ASKED = "bulk:asked"
    BULK_CANCELLED = "bulk:cancelled"
    BULK_UNDONE = "bulk:undone"
    CONFIGURATION_ACCEPTED = "configuration:accepted"
    ADDITION_APPLIED = "configuration:addition_applied"
    ADDITION_WITHDRAWN = "configuration:addition_withdrawn"
    PERSON_ADDED = "person:added"
    PERSON_CHANGED = "person:changed"
    SIGNED_IN = "person:signed_in"
    SIGNED_OUT = "person:signed_out"
    SIGN_IN_FAILED = "person:sign_in_failed"
    LOCKED_OUT = "person:locked_out"
    KEY_MADE = "person:key_made"
    KEY_REVOKED = "person:key_revoked"
    EXPORT_ASKED = "export:asked"
    TASK_ASKED = "task:asked"
    FEED_REREAD = "feed:reread"
    PAYLOADS_ERASED = "audit:erased"
    FEED_PAUSED = "feed:paused"
    FEED_RESUMED = "feed:resumed"
    FEED_READ_AGAIN = "feed:read_again"
    EVENT_REPLAYED = "event:replayed"
    EVENT_DISCARDED = "event:discarded"
    STORM_RELEASED = "storm:released"
    STORM_DISCARDED = "storm:discarded"


class Link(NamedTuple):
    """One event, hashed and ready to be stored. `payload` is canonical JSON."""

    tag: str
    actor: str
    at: datetime
    correlation_id: str
    config_snapshot_id: int | None
    payload: str
    payload_hash: bytes
    prev_hash: bytes
    hash: bytes


class Stamp:
    """What is the same in many events of one action: everything but the chain and the event before."""

    def __init__(
        self, tag: str, actor: str, at: datetime, correlation_id: str, config_snapshot_id: int | None,
        payload: str,
    ) -> None:  # fmt: skip
        self._fields = (tag, actor, at, correlation_id, config_snapshot_id, payload)
        self._payload_hash = sha256(payload.encode()).digest()
        self._framed = _framed(tag, actor, at, correlation_id, config_snapshot_id, self._payload_hash)

    def link(self, chain: str, prev_hash: bytes) -> Link:
        """The next event of a chain, not yet stored."""
        return Link(*self._fields, self._payload_hash, prev_hash, _hash(chain, self._framed, prev_hash))


def stamp(ctx: ActionContext, tag: AuditTag, payload: str) -> Stamp:
    """What this action does, for any number of chains."""
    return Stamp(tag.value, str(ctx.actor), ctx.now, ctx.correlation_id, ctx.snapshot_id, payload)


def case_chain(case_id: int) -> str:
    return f"case:{case_id}"


def subject_chain(subject: str) -> str:
    return f"subject:{subject}"


def event_hash(
    chain: str, tag: str, actor: str, at: datetime, correlation_id: str, config_snapshot_id: int | None,
    payload_hash: bytes, prev_hash: bytes,
) -> bytes:  # fmt: skip
    """The hash that the module's docstring defines."""
    return _hash(chain, _framed(tag, actor, at, correlation_id, config_snapshot_id, payload_hash), prev_hash)


def _hash(chain: str, framed: bytes, prev_hash: bytes) -> bytes:
    return sha256(netstring(chain) + framed + b"32:" + prev_hash).digest()


def _framed(
    tag: str,
    actor: str,
    at: datetime,
    correlation_id: str,
    config_snapshot_id: int | None,
    payload_hash: bytes,
) -> bytes:
    snapshot = "" if config_snapshot_id is None else str(config_snapshot_id)
    parts = map(netstring, (tag, actor, iso(at), correlation_id, snapshot))
    return b"".join(parts) + b"32:" + payload_hash


def payload_text(
    before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None, why: str | None = None
) -> str:
    """The canonical payload: only what is given is in it; times are ISO, everything else is JSON already."""
    parts = {"before": _plain(before), "after": _plain(after), "why": why}
    return canonical({key: value for key, value in parts.items() if value is not None})


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {key: iso(value) if isinstance(value, datetime) else value for key, value in values.items()}


def record(
    session: Session, ctx: ActionContext, case: ExceptionCase, tag: AuditTag, *,
    before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None, why: str | None = None,
) -> AuditEvent:  # fmt: skip
    """Add an event to an exception's chain and move its head. The caller guards the row (lock or version)."""
    made = stamp(ctx, tag, payload_text(before, after, why)).link(case_chain(case.id), case.audit_head)
    case.audit_head = made.hash
    return _store(session, made, case_id=case.id, subject=None)


def record_subject(
    session: Session, subject: str, tag: AuditTag, *, actor: str, at: datetime, correlation_id: str = "",
    config_snapshot_id: int | None = None, before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None, why: str | None = None,
) -> AuditEvent:  # fmt: skip
    """Add an event about something that is no exception (`person:12`, `configuration`) to its subject's
    chain.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))"), {"subject": subject}
        )
    newest = (
        select(AuditEvent.hash).where(AuditEvent.subject == subject).order_by(AuditEvent.id.desc()).limit(1)
    )
    prev_hash = session.scalar(newest) or GENESIS
    same = Stamp(tag, actor, at, correlation_id, config_snapshot_id, payload_text(before, after, why))
    made = same.link(subject_chain(subject), prev_hash)
    return _store(session, made, case_id=None, subject=subject)


def _store(session: Session, made: Link, *, case_id: int | None, subject: str | None) -> AuditEvent:
    event = AuditEvent(
        case_id=case_id, subject=subject, tag=made.tag, actor=made.actor, at=made.at,
        correlation_id=made.correlation_id, config_snapshot_id=made.config_snapshot_id,
        payload_hash=made.payload_hash, prev_hash=made.prev_hash, hash=made.hash,
    )  # fmt: skip
    session.add(event)
    session.flush()
    session.add(AuditPayload(event_id=event.id, payload=made.payload))
    session.flush()
    return event
