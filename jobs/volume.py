"""Tells integration operations of a feed that brought far fewer records than usual, or far more; and when that ends."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from exceptions_app.catalog.calendars import days_of
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.opening_hours import BusinessCalendar
from exceptions_app.domain.volume import Judged, Limits, of_days, of_delivery
from exceptions_app.services import feed_warnings, volumes
from exceptions_app.services.context import ActionContext

from .feed_outcome import Outcome


def after_poll(
    session: Session, context: ActionContext, feed: Feed, outcome: Outcome, began: datetime
) -> None:
    """What a complete run means, which nothing else calls silent or late: a snapshot is judged by each delivery,
    everything else by what came on a day, once an hour.
    """
    agreed = feed.contract.volume
    if agreed is None:
        feed_warnings.volume_usual(session, context, feed.code)
        return
    calendar = days_of(context.catalog.calendars, agreed.calendar)
    begun = began - timedelta(days=agreed.days)
    if agreed.since is not None:
        begun = max(begun, datetime.combine(agreed.since, time(), calendar.zone))
    limits = Limits(agreed.lower, agreed.upper, agreed.at_least, agreed.history)
    if feed.mode == "snapshot":
        judged = _delivered(session, feed, outcome, calendar, limits, begun.astimezone(UTC), began)
    else:
        judged = _summed(session, feed, calendar, limits, begun.astimezone(UTC), began)
    if judged is not None and judged.is_usual:
        feed_warnings.volume_usual(session, context, feed.code)
    elif judged is not None:
        midnight = datetime.combine(judged.day, time(), calendar.zone).astimezone(UTC)
        since = began if feed.mode == "snapshot" else midnight
        feed_warnings.unusual_volume(session, context, feed, judged, since)


def _delivered(
    session: Session, feed: Feed, outcome: Outcome, calendar: BusinessCalendar, limits: Limits, begun: datetime,
    began: datetime,
) -> Judged | None:  # fmt: skip
    """None: nothing was delivered, or too little is known."""
    if not outcome.read_everything(feed):
        return None
    known = volumes.deliveries(session, feed.code, begun, began, calendar.zone)
    return of_delivery(known, began.astimezone(calendar.zone).date(), outcome.read, calendar, limits)


def _summed(
    session: Session, feed: Feed, calendar: BusinessCalendar, limits: Limits, begun: datetime, began: datetime
) -> Judged | None:
    """None: this hour was judged, or too little is known."""
    if volumes.is_told_this_hour(session, feed.code, began):
        return None
    days = volumes.days(session, feed.code, begun, feed.every, calendar.zone)
    today = began.astimezone(calendar.zone).date()
    return of_days(days.totals, today, days.again, calendar, limits, days.unheard)
