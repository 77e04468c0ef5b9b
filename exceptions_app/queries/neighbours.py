"""The exceptions before and after one, in the order of the queue that a person came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.models import ExceptionCase as Case

from . import steering
from .filters import QueueFilter
from .keyset import Order, Position


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Public references; None at either end of the queue."""

    previous: str | None
    next: str | None


def neighbours(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, case_id: int, now: datetime
) -> Neighbours:
    """What stands beside an exception, though it may fit the filter no longer (it was just resolved, say).

    Both None where the viewer may not see it.
    """
    plan = steering.plan(session, viewer, catalog, wanted, now)
    order = plan.order
    place = select(Case.id, order.column).where(Case.id == case_id, *visible(viewer))
    row = session.execute(place).one_or_none()
    if row is None:
        return Neighbours(None, None)
    ids = select(Case.id).where(*plan.conditions, Case.id != case_id)

    def beside(order: Order, place: Position) -> str | None:
        runs = (
            [order.stated(ids, place if place[0] is not None else None, 1)]
            if _reaches_stated(order, place)
            else []
        )
        if order.has_unstated and (place[0] is None or not order.backwards):
            after = place if place[0] is None else None
            runs.insert(0 if order.backwards else len(runs), order.unstated(ids, after, 1))
        for run in runs:
            found = session.scalar(run)
            if found is not None:
                return public_id.encode(found)
        return None

    at = order.position(row)
    return Neighbours(beside(replace(order, backwards=True), at), beside(order, at))


def _reaches_stated(order: Order, place: Position) -> bool:
    """Whether rows with a stated value lie in that direction: of one without, only before it."""
    return place[0] is not None or order.backwards
