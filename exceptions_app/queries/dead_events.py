"""Events that could not become records, for those who answer for the feed.

An event is kept without its entity, so only who sees all of them reads one; of what it says each sees what the
mapping calls open, or their role may read. Fields that the mapping does not name are hidden: nobody has said how
sensitive they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees, sees_network
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.connectors.events.options import EventsRead
from exceptions_app.connectors.events.showing import Open, shown
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import InboxEvent
from exceptions_app.records.layout import Layout
from exceptions_app.records.plan import MappingPlan

PAGE = 50
DEAD = "dead"


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """One dead letter. `shown` is the event as the viewer may see it."""

    id: int
    feed: str
    event_id: str
    source: str
    type: str
    reason: str
    received_at: datetime
    settled_at: datetime | None
    correlation_id: str
    replays: int
    state: str
    shown: str = ""


def page(
    session: Session, viewer: Viewer, catalog: Catalog, *, feed: str | None, before: int | None
) -> list[DeadEvent]:
    """The newest dead letters, of one feed or all; none for who does not see the whole network."""
    if not sees_network(viewer, catalog):
        return []
    wanted = select(InboxEvent).where(InboxEvent.state == DEAD)
    if feed:
        wanted = wanted.where(InboxEvent.feed == feed)
    if before is not None:
        wanted = wanted.where(InboxEvent.id < before)
    return [_line(event) for event in session.scalars(wanted.order_by(InboxEvent.id.desc()).limit(PAGE))]


def one(session: Session, viewer: Viewer, catalog: Catalog, number: int) -> DeadEvent | None:
    """One event that is or was a dead letter, with what the viewer may see of it."""
    event = session.get(InboxEvent, number)
    if event is None or not sees_network(viewer, catalog) or (event.state != DEAD and not event.replays):
        return None
    feed = catalog.feeds.get(event.feed)
    if feed is None or event.body is None:
        return _line(event)
    options = EventsRead.model_validate(feed.read)
    return _line(event, shown(options, event.body, open_fields(viewer, catalog, event.feed)))


def open_fields(viewer: Viewer, catalog: Catalog, feed_code: str) -> Open:
    """Which fields of the feed's rows the person may see."""
    feed = catalog.feeds[feed_code]
    plan = MappingPlan(catalog, feed, Layout(catalog.record_types[feed.record_type]), utc_now())
    allowed = {name for name, sensitivity in plan.sensitivities.items() if sees(viewer, sensitivity)}
    return lambda name: name in allowed


def _line(event: InboxEvent, body: str = "") -> DeadEvent:
    return DeadEvent(
        event.id, event.feed, event.event_id, event.source, event.type, event.reason or "", event.received_at,
        event.settled_at, event.correlation_id, event.replays, event.state, body,
    )  # fmt: skip
