"""Takes what an event says out of the trail, and leaves that it happened. The trail itself says who erased what.

An erasure is an event of the subject `erasures`; a payload that is gone without one is a hole, and shows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from exceptions_app.models import AuditEvent, AuditPayload

from . import bulk
from .audit import AuditTag, record_subject

SUBJECT = "erasures"


class ErasureError(ValueError):
    """Cannot be erased; the message says why."""


def erase(session: Session, ids: Collection[int], *, actor: str, at: datetime, why: str) -> int:
    """Delete the payloads of these events; how many there were. Raises `ErasureError` for what is no event, and
    for erasures themselves.
    """
    wanted = sorted(set(ids))
    known: dict[int, str | None] = {}
    for batch in bulk.in_batches(wanted):
        rows = select(AuditEvent.id, AuditEvent.subject).where(AuditEvent.id.in_(batch))
        known |= {row.id: row.subject for row in session.execute(rows)}
    for event_id in wanted:
        if event_id not in known:
            raise ErasureError(f"there is no event {event_id}")
        if known[event_id] == SUBJECT:
            raise ErasureError(f"event {event_id} is itself an erasure, which stays")
    gone = 0
    for batch in bulk.in_batches(wanted):
        found = session.scalars(
            delete(AuditPayload).where(AuditPayload.event_id.in_(batch)).returning(AuditPayload.event_id),
            execution_options={"synchronize_session": False},
        )
        gone += len(found.all())
    record_subject(
        session, SUBJECT, AuditTag.PAYLOADS_ERASED, actor=actor, at=at, after={"events": wanted}, why=why
    )
    return gone


def erased(session: Session) -> frozenset[int]:
    """The events whose payloads were erased, as the trail says."""
    said = (
        select(AuditPayload.payload)
        .join(AuditEvent, AuditEvent.id == AuditPayload.event_id)
        .where(AuditEvent.subject == SUBJECT, AuditEvent.tag == AuditTag.PAYLOADS_ERASED.value)
    )
    return frozenset(_named(session.scalars(said)))


def _named(payloads: Iterable[str]) -> Iterable[int]:
    for payload in payloads:
        try:
            yield from json.loads(payload)["after"]["events"]
        except (ValueError, KeyError, TypeError):
            continue  # altered: its own event shows it
