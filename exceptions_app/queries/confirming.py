"""When the data will have the last word: by when a run should confirm what was called fixed, and what it waits for.

A claim is confirmed by a run whose sides were all read after it, plus the lag of their feeds. So the soonest is the lag
plus the time until the feed that is read least often is read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ClusterCheck, Feed
from exceptions_app.models import FeedState


@dataclass(frozen=True, slots=True)
class Expected:
    """By when a claim of `at` should be confirmed. `late`: that has passed; `lag`: the largest of its feeds;
    `past`: all of them must have been read beyond this.
    """

    at: datetime
    by: datetime
    past: datetime
    lag: timedelta
    late: bool


@dataclass(frozen=True, slots=True)
class Behind:
    """A feed that has not been read past the claim yet."""

    title: str
    system: str
    read_through: datetime | None


def expected(catalog: Catalog, check_code: str, at: datetime, now: datetime) -> Expected:
    """By when something that was claimed at `at` should be confirmed. Asks no database."""
    feeds = _feeds(catalog, check_code)
    lag = max((feed.lag for feed in feeds), default=timedelta(0))
    every = max((feed.every for feed in feeds), default=timedelta(0))
    by = at + lag + every
    return Expected(at, by, at + lag, lag, now > by)


def behind(session: Session, catalog: Catalog, check_code: str, at: datetime) -> tuple[Behind, ...]:
    """The feeds of a check that are not read past a claim yet, the furthest behind first. One statement."""
    feeds = {feed.code: feed for feed in _feeds(catalog, check_code)}
    if not feeds:
        return ()
    wanted = select(FeedState.feed, FeedState.read_through).where(FeedState.feed.in_(feeds))
    read = {state.feed: state.read_through for state in session.execute(wanted)}
    lag = max(feed.lag for feed in feeds.values())
    found = [(code, read.get(code)) for code in feeds]
    late = [(code, through) for code, through in found if through is None or through <= at + lag]
    late.sort(key=lambda each: (each[1] is not None, each[1] or at))
    return tuple(
        Behind(feeds[code].title or code, catalog.systems[feeds[code].system].name, through)
        for code, through in late
    )


def _feeds(catalog: Catalog, check_code: str) -> list[Feed]:
    check = catalog.checks.get(check_code)
    if check is None:
        return []
    if isinstance(check, ClusterCheck):
        return catalog.side_feeds(check, "documents")
    found = {feed.code: feed for side in check.sides for feed in catalog.side_feeds(check, side)}
    return list(found.values())
