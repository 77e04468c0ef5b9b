"""People, as others see them: who can be given work, and who may sign in (for the administrator)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, Text, cast, func, or_, select
from sqlalchemy.orm import Session

from exceptions_app.access import PERMISSIONS, Permission, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import EVERYTHING, Role, User, UserQueue

_WORKERS = [role.value for role, permissions in PERMISSIONS.items() if Permission.WORK_CASES in permissions]


@dataclass(frozen=True, slots=True)
class Colleague:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """An account as the administrator's list shows it."""

    id: int
    email: str
    name: str
    role: Role
    active: bool
    locked: bool
    queues: tuple[str, ...]
    entities: tuple[str, ...]
    time_zone: str
    function: str | None
    last_visit_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unreached:
    """A function that queues (by name) escalate to, and that nobody who may see them carries: anywhere, or in these
    entities (by name).
    """

    function: str
    queues: tuple[str, ...]
    entities: tuple[str, ...]


def unreached(session: Session, catalog: Catalog) -> list[Unreached]:
    """Whom breaches do not reach: functions that no active person in scope of the queue carries."""
    statement = select(User).where(User.active.is_(True), User.function.is_not(None)).order_by(User.id)
    carriers = [
        ((user.function or "").casefold(), viewer_for(user, catalog)) for user in session.scalars(statement)
    ]
    found: dict[tuple[str, frozenset[str]], list[str]] = {}
    for code, queue in catalog.queues.items():
        missed = frozenset(catalog.entities)
        for function, viewer in carriers:
            if function == queue.escalation.casefold() and (viewer.queues is None or code in viewer.queues):
                missed -= missed if viewer.entities is None else viewer.entities
        if queue.escalation and missed:
            found.setdefault((queue.escalation, missed), []).append(queue.name)
    everywhere = frozenset(catalog.entities)
    return [
        Unreached(function, tuple(names), () if missed == everywhere else _names(catalog, missed))
        for (function, missed), names in sorted(found.items(), key=lambda each: (each[0][0], each[1]))
    ]


def _names(catalog: Catalog, entities: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(catalog.entities[code].name for code in entities))


def colleagues(session: Session, queue: str | None = None) -> list[Colleague]:
    """Active people who can work exceptions (of one queue), by name. One statement."""
    statement = select(User.id, User.name).where(User.active.is_(True), User.role.in_(_WORKERS))
    if queue is not None:
        members = select(UserQueue.user_id).where(UserQueue.queue.in_((queue, EVERYTHING)))
        statement = statement.where(User.id.in_(members))
    return [
        Colleague(number, name) for number, name in session.execute(statement.order_by(User.name, User.id))
    ]


def team(session: Session) -> ScalarSelect[str]:
    """Everybody who can work exceptions, as one value to be read beside others; see `team_of`."""
    postgres = session.get_bind().dialect.name == "postgresql"
    pair, all_of = (
        (func.json_build_array, func.json_agg) if postgres else (func.json_array, func.json_group_array)
    )
    found = select(cast(all_of(pair(User.id, User.name)), Text))
    return found.where(User.active.is_(True), User.role.in_(_WORKERS)).scalar_subquery()


def team_of(value: str | None) -> list[Colleague]:
    """What `team` gave, by name."""
    found = [Colleague(number, name) for number, name in json.loads(value or "[]")]
    return sorted(found, key=lambda each: (each.name.casefold(), each.id))


def people(session: Session, now: datetime, text: str = "") -> list[Person]:
    """Every account, by name."""
    statement = select(User).order_by(User.name, User.id)
    if text:
        fits = (User.name.icontains(text, autoescape=True), User.email.icontains(text, autoescape=True))
        statement = statement.where(or_(*fits))
    return [_person(user, now) for user in session.scalars(statement)]


def person(session: Session, user_id: int, now: datetime) -> Person | None:
    user = session.get(User, user_id)
    return _person(user, now) if user else None


def _person(user: User, now: datetime) -> Person:
    return Person(
        id=user.id,
        email=user.email,
        name=user.name,
        role=Role(user.role),
        active=user.active,
        locked=user.is_locked(now),
        queues=tuple(sorted(q.queue for q in user.queues)),
        entities=tuple(sorted(e.entity for e in user.entities)),
        time_zone=user.time_zone,
        function=user.function,
        last_visit_at=user.last_visit_at,
    )
