"""Proves that the trail is whole: every chain, every payload that was not erased, every checkpoint.

Reads only, except `checkpoint`, which adds a seal. Knows nothing of what the events mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from exceptions_app.models import AuditCheckpoint, AuditEvent, AuditPayload, ExceptionCase

from .audit import GENESIS, case_chain, event_hash, subject_chain
from .audit_erasure import erased

SETTLED_AFTER = timedelta(minutes=10)
"""No transaction stays open this long: older ids are all committed, so a seal over them stays true."""

_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class TrailProblem:
    """What is wrong, and where: a chain (`case:42`), or a checkpoint."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def checkpoint(session: Session, now: datetime) -> AuditCheckpoint | None:
    """Seal the events that have settled; None where there are no new ones."""
    last = session.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.id.desc()).limit(1))
    after = last.through_event_id if last else 0
    through = session.scalar(
        select(func.max(AuditEvent.id)).where(AuditEvent.id > after, AuditEvent.at <= now - SETTLED_AFTER)
    )
    if through is None:
        return None
    digest, events = _seal(session, after, through, last.digest if last else GENESIS)
    made = AuditCheckpoint(
        through_event_id=through, events=events + (last.events if last else 0), digest=digest, at=now
    )
    session.add(made)
    session.flush()
    return made


def verify(session: Session) -> list[TrailProblem]:
    """Every problem in the trail; an empty list means that nothing was altered, removed or cut off."""
    return [*_chain_problems(session), *_head_problems(session), *_checkpoint_problems(session)]


def _seal(session: Session, after: int, through: int, digest: bytes) -> tuple[bytes, int]:
    sealed, count = sha256(digest), 0
    rows = select(AuditEvent.id, AuditEvent.hash).where(AuditEvent.id > after, AuditEvent.id <= through)
    for event_id, hashed in session.execute(rows.order_by(AuditEvent.id).execution_options(yield_per=_BATCH)):
        sealed.update(b"%d:" % event_id + hashed)
        count += 1
    return sealed.digest(), count


def _chain_problems(session: Session) -> Iterator[TrailProblem]:
    heads: dict[str, bytes] = {}
    without = erased(session)
    rows: Select[*tuple[Any, ...]] = select(AuditEvent, AuditPayload.payload).outerjoin(
        AuditPayload, AuditPayload.event_id == AuditEvent.id
    )
    ordered = rows.order_by(AuditEvent.case_id, AuditEvent.subject, AuditEvent.id)
    for event, payload in session.execute(ordered.execution_options(yield_per=_BATCH)):
        chain = case_chain(event.case_id) if event.case_id else subject_chain(event.subject or "")
        if event.prev_hash != heads.get(chain, GENESIS):
            yield TrailProblem(chain, f"event {event.id} does not follow the one before it")
        if payload is None and event.id not in without:
            yield TrailProblem(chain, f"the payload of event {event.id} is missing, and nobody erased it")
        if payload is not None and sha256(payload.encode()).digest() != event.payload_hash:
            yield TrailProblem(chain, f"the payload of event {event.id} was altered")
        expected = event_hash(
            chain, event.tag, event.actor, event.at, event.correlation_id, event.config_snapshot_id,
            event.payload_hash, event.prev_hash,
        )  # fmt: skip
        if expected != event.hash:
            yield TrailProblem(chain, f"event {event.id} was altered")
        heads[chain] = event.hash


def _head_problems(session: Session) -> Iterator[TrailProblem]:
    older = aliased(AuditEvent)
    newest = select(func.max(older.id)).where(older.case_id == ExceptionCase.id)
    rows = select(ExceptionCase.id, ExceptionCase.audit_head, AuditEvent.hash).outerjoin(
        AuditEvent, AuditEvent.id == newest.correlate(ExceptionCase).scalar_subquery()
    )
    for case_id, head, hashed in session.execute(rows.execution_options(yield_per=_BATCH)):
        if head != (hashed or GENESIS):
            yield TrailProblem(case_chain(case_id), "its last event is missing")


def _checkpoint_problems(session: Session) -> Iterator[TrailProblem]:
    after, digest, total = 0, GENESIS, 0
    for point in session.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.id)):
        digest, events = _seal(session, after, point.through_event_id, digest)
        total += events
        if (digest, total) != (point.digest, point.events):
            yield TrailProblem(
                f"checkpoint {point.id}", f"covers {point.events} events, found {total} or altered ones"
            )
            return
        after = point.through_event_id
