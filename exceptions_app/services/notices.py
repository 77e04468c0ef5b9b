"""Who is told what: the trail's newest events, turned into notices for the people whom they concern.

Read from the trail rather than written by every action, so that there is one place, that nothing is told which did not
happen, and that a killed process tells the rest when it is started again. An event is told to a person once, whatever
how often it is looked at. Nobody is told of what they did themselves, nor of what they may not see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from exceptions_app.access import sees_case, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id, quiet
from exceptions_app.models import (
    AuditEvent,
    AuditPayload,
    CaseWatch,
    Delivery,
    ExceptionCase,
    Notice,
    User,
)
from exceptions_app.queries.words import zone_of

from . import bulk
from .audit import AuditTag
from .context import ActionContext
from .notice_rules import FOR_WATCHERS, READ, RULES, Event, Person

GATHER = timedelta(minutes=15)
"""How long mail waits for more to say; a breach of something critical waits `HURRY`."""
HURRY = timedelta(minutes=1)
LATE_COMMITS = timedelta(minutes=10)
"""Events are looked at again for so long: one that was begun earlier may be committed later."""
MOST = 2_000
"""Events of one transaction."""

_AWAITING = '"awaiting_approval"'


def tell(
    session: Session, ctx: ActionContext, since: datetime, *, mails: bool, after_id: int = 0
) -> tuple[int, int]:
    """Write the notices of events at or after `since` with an id above `after_id`; (how many notices, the highest id
    that was looked at, or 0 when that was the last of them). `mails`: whether there is a mail server.
    """
    rows = _events(session, since, after_id)
    if not rows:
        return 0, 0
    cases = _cases(session, {row.case_id for row in rows})
    askers = _askers(session, cases)
    watchers = _watching(session, cases)
    people = _people(session, ctx.catalog)
    told = _told(session, rows)
    made = [
        _notice(person.user, event, words, ctx.now, mails=mails)
        for row in rows
        for event in [
            Event(row, cases[row.case_id], askers.get(row.case_id), watchers.get(row.case_id, frozenset()))
        ]
        for person, words in _concerned(ctx.catalog, people, event)
        if (person.user.id, _once(row)) not in told
    ]
    if made:
        session.execute(insert(Notice), made)
    return len(made), rows[-1].id if len(rows) == MOST else 0


def _once(row: Row[Any]) -> str:
    return f"event:{row.id}"


def _told(session: Session, rows: Sequence[Row[Any]]) -> set[tuple[int, str]]:
    """Who was told of which of these events before. One process tells at a time, so nobody is faster."""
    found: set[tuple[int, str]] = set()
    for batch in bulk.in_batches([_once(row) for row in rows], 500):
        known = select(Notice.user_id, Notice.dedupe).where(Notice.dedupe.in_(batch))
        found |= {(user_id, once) for user_id, once in session.execute(known)}
    return found


def _notice(user: User, event: Event, words: str, now: datetime, *, mails: bool) -> dict[str, Any]:
    reference = public_id.encode(event.case.id)
    return {
        "user_id": user.id,
        "case_id": event.case.id,
        "kind": event.row.tag.removeprefix("case:"),
        "text": f"{reference} {words}. {event.case.sentence}",
        "link": f"/exceptions/{reference}",
        "dedupe": _once(event.row),
        "created_at": now,
        "mail_after": _mail_after(user, event, now) if mails else None,
    }


def _events(session: Session, since: datetime, after_id: int) -> list[Row[Any]]:
    asked = AuditEvent.tag == AuditTag.CASE_RETRY_ASKED
    read = AuditEvent.tag.in_(READ)
    wanted = (
        select(AuditEvent.id, AuditEvent.case_id, AuditEvent.tag, AuditEvent.actor, AuditPayload.payload)
        .outerjoin(AuditPayload, read & (AuditPayload.event_id == AuditEvent.id))
        .where(AuditEvent.at >= since, AuditEvent.id > after_id, AuditEvent.tag.in_(sorted(RULES)))
        .where(~asked | AuditPayload.payload.contains(_AWAITING, autoescape=True))
        .where(AuditEvent.tag.not_in(FOR_WATCHERS) | AuditEvent.case_id.in_(select(CaseWatch.case_id)))
    )
    return list(session.execute(wanted.order_by(AuditEvent.id).limit(MOST)))


def _cases(session: Session, ids: Iterable[int]) -> dict[int, ExceptionCase]:
    found: dict[int, ExceptionCase] = {}
    for batch in bulk.in_batches(sorted(ids)):
        found |= {
            case.id: case
            for case in session.scalars(select(ExceptionCase).where(ExceptionCase.id.in_(batch)))
        }
    return found


def _askers(session: Session, ids: Iterable[int]) -> dict[int, int]:
    """Who asked for the newest delivery of each exception."""
    found: dict[int, int] = {}
    for batch in bulk.in_batches(sorted(ids)):
        rows = select(Delivery.case_id, Delivery.requested_by_id).where(Delivery.case_id.in_(batch))
        for case_id, asker in session.execute(rows.order_by(Delivery.id)):
            found[case_id] = asker
    return found


def _watching(session: Session, ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """Who watches each exception."""
    found: dict[int, frozenset[int]] = {}
    for batch in bulk.in_batches(sorted(ids)):
        rows = select(CaseWatch.case_id, CaseWatch.user_id).where(CaseWatch.case_id.in_(batch))
        for case_id, user_id in session.execute(rows):
            found[case_id] = found.get(case_id, frozenset()) | {user_id}
    return found


def _people(session: Session, catalog: Catalog) -> list[Person]:
    users = session.scalars(select(User).where(User.active.is_(True)).order_by(User.id))
    return [Person(user, viewer_for(user, catalog)) for user in users]


def _concerned(catalog: Catalog, people: Iterable[Person], event: Event) -> Iterator[tuple[Person, str]]:
    """Each with what they are told."""
    queue = catalog.queues.get(event.case.queue)
    function, rule = queue.escalation if queue else "", RULES[event.row.tag]
    for person in people:
        if event.row.actor == f"user:{person.user.id}":
            continue
        words = rule.said_to(person, event, function)
        if words and sees_case(person.viewer, event.case):
            yield person, words


def _mail_after(user: User, event: Event, now: datetime) -> datetime | None:
    if not user.mail_notices:
        return None
    urgent = event.row.tag == AuditTag.CASE_BREACHED and event.case.severity == "critical"
    return awake(user, now + (HURRY if urgent else GATHER))


def awake(user: User, at: datetime) -> datetime:
    """`at` itself, or the end of the reader's quiet hours that it falls into."""
    begins, ends = quiet.time_of_day(user.quiet_from), quiet.time_of_day(user.quiet_to)
    return quiet.after_quiet(at, begins, ends, zone_of(user.time_zone))
