"""What many exceptions follow from, for one viewer.

A cause is told with the figures of what the viewer sees of it: its own counts the whole network. Two statements,
whatever the number of exceptions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees_case, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.domain.money import from_e4
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User
from exceptions_app.services.causes import figures
from exceptions_app.services.figures import said_of

from .filter_sql import LIVE_SQL
from .filters import QueueFilter

MOST = 100
"""So many are listed: those worth most."""


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One cause. `exceptions` and `worth` (reporting currency) are of what the viewer sees; `own`: whether they see
    the cause itself.
    """

    id: int
    reference: str
    category: str
    category_title: str
    sentence: str
    exceptions: int
    worth: Decimal
    since: datetime
    queue: str
    owner: str | None
    own: bool

    @property
    def args(self) -> dict[str, Any]:
        """The queue of what follows from it."""
        return QueueFilter(cause=self.id).to_args()


def causes(session: Session, viewer: Viewer, catalog: Catalog) -> list[CauseLine]:
    """The causes of what the viewer sees, worth most first, at most `MOST`."""
    return list(_lines(session, viewer, catalog, [Case.parent_id.is_not(None)]))


def cause(session: Session, viewer: Viewer, catalog: Catalog, case_id: int) -> CauseLine | None:
    """One cause as the viewer sees it: because they see something that follows from it, or the cause itself."""
    line = next(_lines(session, viewer, catalog, [Case.parent_id == case_id]), None)
    if line is not None:
        return line
    found = session.get(Case, case_id)
    if found is None or not sees_case(viewer, found) or not is_cause(catalog, found.category):
        return None
    owner = session.scalar(select(User.name).where(User.id == found.owner_id)) if found.owner_id else None
    return _line(viewer, catalog, found, owner, (0, 0, found.since_at))


def is_cause(catalog: Catalog, category: str) -> bool:
    """Whether exceptions of other categories follow from those of this one."""
    return any(rule.category == category for each in catalog.categories.values() for rule in each.caused_by)


def _lines(
    session: Session, viewer: Viewer, catalog: Catalog, conditions: list[ColumnElement[bool]]
) -> Iterator[CauseLine]:
    worth = func.coalesce(func.sum(Case.reporting_amount_e4), 0)
    counted: Sequence[Any] = session.execute(
        select(Case.parent_id, func.count(), worth, func.min(Case.since_at))
        .where(LIVE_SQL, *conditions, *visible(viewer))
        .group_by(Case.parent_id)
        .order_by(worth.desc(), Case.parent_id)
        .limit(MOST)
    ).all()
    rows = session.execute(
        select(Case, User.name)
        .outerjoin(User, User.id == Case.owner_id)
        .where(Case.id.in_([number for number, *_ in counted]))
    )
    known = {found.id: (found, owner) for found, owner in rows} if counted else {}
    for number, *told in counted:
        found, owner = known[number]
        yield _line(viewer, catalog, found, owner, (told[0], int(told[1]), told[2]))


def _line(
    viewer: Viewer, catalog: Catalog, found: Case, owner: str | None, told: tuple[int, int, datetime]
) -> CauseLine:
    exceptions, worth_e4, since = told
    declared, queue = catalog.categories.get(found.category), catalog.queues.get(found.queue)
    facts: Mapping[str, Any] = {**json.loads(found.facts), **figures(exceptions, worth_e4)}
    return CauseLine(
        id=found.id,
        reference=public_id.encode(found.id),
        category=found.category,
        category_title=declared.title if declared else found.category,
        sentence=said_of(catalog, found.category, facts) if declared else found.sentence,
        exceptions=exceptions,
        worth=from_e4(worth_e4),
        since=since,
        queue=queue.name if queue else found.queue,
        owner=owner,
        own=sees_case(viewer, found),
    )
