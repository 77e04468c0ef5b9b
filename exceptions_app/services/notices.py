"""Who is told what: the trail's newest events, turned into notices for the people whom they concern.

Read from the trail rather than written by every action, so that there is one place, that nothing is told which did not
happen, and that a killed process tells the rest when it is started again. An event is told to a person once, whatever
how often it is looked at. Nobody is told of what they did themselves, nor of what they may not see.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, sees_case, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id, quiet
from exceptions_app.models import (
    AuditEvent,
    AuditPayload,
    CaseWatch,
    Delivery,
    ExceptionCase,
    Notice,
    Role,
    User,
)

from . import bulk
from .audit import AuditTag
from .context import ActionContext

GATHER = timedelta(minutes=15)
"""How long mail waits for more to say; a breach of something critical waits `HURRY`."""
HURRY = timedelta(minutes=1)
LATE_COMMITS = timedelta(minutes=10)
"""Events are looked at again for so long: one that was begun earlier may be committed later."""
MOST = 2_000
"""Events of one transaction."""

_AWAITING = '"awaiting_approval"'


@dataclass(frozen=True, slots=True)
class _Event:
    """One event, the exception it is about, who asked for the delivery that it is about, and who watches it."""

    row: Row[Any]
    case: ExceptionCase
    asked_by: int | None
    watchers: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Person:
    user: User
    viewer: Viewer

    def manages(self, case: ExceptionCase) -> bool:
        return self.viewer.role is Role.MANAGER and sees_case(self.viewer, case)


Picks = Callable[[_Person, _Event, str], bool]
"""Whether a person is one of those concerned; the text is the function that the queue escalates to."""


def _owner(person: _Person, event: _Event, _function: str) -> bool:
    return person.user.id == event.case.owner_id


def _assignee(person: _Person, event: _Event, function: str) -> bool:
    """Whom it was given to, as long as they still have it."""
    told = json.loads(event.row.payload or "{}").get("after") or {}
    return _owner(person, event, function) and told.get("owner_id", person.user.id) == person.user.id


def _and_managers(person: _Person, event: _Event, function: str) -> bool:
    return _owner(person, event, function) or person.manages(event.case)


def _and_function(person: _Person, event: _Event, function: str) -> bool:
    named = bool(function) and (person.user.function or "").casefold() == function.casefold()
    return named or _and_managers(person, event, function)


def _asker_and_owner(person: _Person, event: _Event, function: str) -> bool:
    return person.user.id == event.asked_by or _owner(person, event, function)


def _watchers(person: _Person, event: _Event, _function: str) -> bool:
    return person.user.id in event.watchers


def _watchers_and_owner(person: _Person, event: _Event, function: str) -> bool:
    return _watchers(person, event, function) or _owner(person, event, function)


def _approvers(person: _Person, event: _Event, _function: str) -> bool:
    return can(person.viewer, Permission.APPROVE_RETRY) and person.user.id != event.asked_by


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one kind of event says, and to whom."""

    words: str
    to: Picks


RULES: Mapping[str, _Rule] = {
    AuditTag.CASE_HALF: _Rule("has used half of its time", _owner),
    AuditTag.CASE_DUE_SOON: _Rule("is due soon", _and_managers),
    AuditTag.CASE_BREACHED: _Rule("is overdue", _and_function),
    AuditTag.CASE_RESPONSE_MISSED: _Rule("was not taken up in time", _and_function),
    AuditTag.CASE_ASSIGNED: _Rule("is assigned to you", _assignee),
    AuditTag.CASE_COMMENTED: _Rule("has a new comment", _watchers_and_owner),
    AuditTag.CASE_HELD: _Rule("was put on hold", _watchers),
    AuditTag.CASE_RESUMED: _Rule("is off hold", _watchers),
    AuditTag.CASE_RESOLVED: _Rule("was resolved, unless the data says otherwise", _watchers),
    AuditTag.CASE_WAIVED: _Rule("was waived", _watchers),
    AuditTag.CASE_REOPENED: _Rule("was opened again", _watchers),
    AuditTag.CASE_RECURRED: _Rule("is back", _watchers),
    AuditTag.CASE_CONFIRMED: _Rule("is fixed: the data confirms it", _watchers),
    AuditTag.CASE_CLOSED: _Rule("is closed by the data", _watchers),
    AuditTag.CASE_NOT_CONFIRMED: _Rule(
        "is open again: the data does not confirm that it is fixed", _asker_and_owner
    ),
    AuditTag.CASE_RETRY_FAILED: _Rule("could not be sent: the retry gave up", _asker_and_owner),
    AuditTag.CASE_RETRY_UNSURE: _Rule("needs you: nobody knows whether the retry arrived", _asker_and_owner),
    AuditTag.CASE_RETRY_DECLINED: _Rule("will not be sent: the retry was declined", _asker_and_owner),
    AuditTag.CASE_RETRY_ASKED: _Rule("waits for your approval to be sent", _approvers),
}
"""Every kind of event that people are told of."""
_FOR_WATCHERS = sorted(tag for tag, rule in RULES.items() if rule.to is _watchers)
"""Told only where somebody watches: runs close thousands that nobody does."""


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
        _notice(person.user, event, ctx.now, mails=mails)
        for row in rows
        for event in [
            _Event(row, cases[row.case_id], askers.get(row.case_id), watchers.get(row.case_id, frozenset()))
        ]
        for person in _concerned(ctx.catalog, people, event)
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


def _notice(user: User, event: _Event, now: datetime, *, mails: bool) -> dict[str, Any]:
    reference = public_id.encode(event.case.id)
    return {
        "user_id": user.id,
        "case_id": event.case.id,
        "kind": event.row.tag.removeprefix("case:"),
        "text": f"{reference} {RULES[event.row.tag].words}. {event.case.sentence}",
        "link": f"/exceptions/{reference}",
        "dedupe": _once(event.row),
        "created_at": now,
        "mail_after": _mail_after(user, event, now) if mails else None,
    }


def _events(session: Session, since: datetime, after_id: int) -> list[Row[Any]]:
    asked = AuditEvent.tag == AuditTag.CASE_RETRY_ASKED
    read = AuditEvent.tag.in_([AuditTag.CASE_RETRY_ASKED, AuditTag.CASE_ASSIGNED])
    wanted = (
        select(AuditEvent.id, AuditEvent.case_id, AuditEvent.tag, AuditEvent.actor, AuditPayload.payload)
        .outerjoin(AuditPayload, read & (AuditPayload.event_id == AuditEvent.id))
        .where(AuditEvent.at >= since, AuditEvent.id > after_id, AuditEvent.tag.in_(sorted(RULES)))
        .where(~asked | AuditPayload.payload.contains(_AWAITING, autoescape=True))
        .where(AuditEvent.tag.not_in(_FOR_WATCHERS) | AuditEvent.case_id.in_(select(CaseWatch.case_id)))
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


def _people(session: Session, catalog: Catalog) -> list[_Person]:
    users = session.scalars(select(User).where(User.active.is_(True)).order_by(User.id))
    return [_Person(user, viewer_for(user, catalog)) for user in users]


def _concerned(catalog: Catalog, people: Iterable[_Person], event: _Event) -> list[_Person]:
    queue = catalog.queues.get(event.case.queue)
    function, picks = queue.escalation if queue else "", RULES[event.row.tag].to
    return [
        person
        for person in people
        if event.row.actor != f"user:{person.user.id}"
        and picks(person, event, function)
        and sees_case(person.viewer, event.case)
    ]


def _mail_after(user: User, event: _Event, now: datetime) -> datetime | None:
    if not user.mail_notices:
        return None
    urgent = event.row.tag == AuditTag.CASE_BREACHED and event.case.severity == "critical"
    return awake(user, now + (HURRY if urgent else GATHER))


def awake(user: User, at: datetime) -> datetime:
    """`at` itself, or the end of the reader's quiet hours that it falls into."""
    begins, ends = quiet.time_of_day(user.quiet_from), quiet.time_of_day(user.quiet_to)
    return quiet.after_quiet(at, begins, ends, zone_of(user))


def zone_of(user: User) -> ZoneInfo:
    """The reader's zone; UTC where it is no longer known."""
    try:
        return ZoneInfo(user.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
