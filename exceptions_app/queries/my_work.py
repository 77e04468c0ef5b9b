"""What awaits one person: counts, each with the filter that lists it, and the feeds that are out.

Every number here is one click from the rows it counts, because both come from the same `QueueFilter`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.cutoffs import Schedule
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Stage
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import FeedState

from .cases import CaseRow, count_up_to, page
from .filters import ME, QueueFilter
from .words import BALL, said, zone_of

FIRST_ROWS = 8
_COMING = (Stage.DUE_SOON.value, Stage.ON_TRACK.value)


@dataclass(frozen=True, slots=True)
class Tile:
    """A count that leads to what it counts."""

    title: str
    count: int
    capped: bool
    tone: str
    wanted: QueueFilter
    hint: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many are on hold for whom."""

    whom: str
    count: int
    wanted: QueueFilter


@dataclass(frozen=True, slots=True)
class FeedOut:
    """A feed that does not deliver: nothing of it is closed or called missing meanwhile."""

    feed: str
    title: str
    system: str
    since: datetime
    read_through: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class MyWork:
    mine: tuple[Tile, ...]
    queues: tuple[Tile, ...]
    waiting: tuple[Waiting, ...]
    feeds_out: tuple[FeedOut, ...]
    next_rows: tuple[CaseRow, ...]


def end_of_day(now: datetime, zone_name: str) -> datetime:
    """Midnight at the end of the person's day, in UTC."""
    zone = zone_of(zone_name)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def my_work(
    session: Session, viewer: Viewer, catalog: Catalog, *, now: datetime, last_visit: datetime | None
) -> MyWork:
    """The page of one person. `last_visit` is the end of the visit before this one, or None."""

    def tile(title: str, tone: str, wanted: QueueFilter, hint: str = "") -> Tile:
        count, capped = count_up_to(session, viewer, catalog, wanted, now)
        return Tile(title, count, capped, tone, wanted, hint)

    everything, due = QueueFilter(), end_of_day(now, viewer.time_zone)
    mine = QueueFilter(owner=(ME,))
    tiles = [
        tile("Breached", "red", replace(everything, stage=(Stage.BREACHED.value,)), "past the service level"),
        tile(
            "Due today", "amber", replace(everything, stage=_COMING, due=due), "by midnight, not breached yet"
        ),
    ]
    if last_visit is not None:
        tiles.append(
            tile("New since your last visit", "accent", replace(everything, since=last_visit, sort="-opened"))
        )
    tiles.append(
        tile("Without an owner", "", replace(everything, owner=("none",)), "nobody has claimed them")
    )
    tiles += _before_cutoff(catalog, now, viewer, tile)
    own = [
        tile("Mine", "accent", mine, "claimed by you or assigned to you"),
        tile("Mine, breached", "red", replace(mine, stage=(Stage.BREACHED.value,))),
        tile("Mine, due today", "amber", replace(mine, stage=_COMING, due=due)),
    ]
    if last_visit is not None:
        own.append(
            tile("Newly assigned to me", "accent", QueueFilter(given=last_visit), "since your last visit")
        )
    watched = tile("Watched", "", QueueFilter(watched=True), "you are told what others do with them")
    own += [watched] if watched.count else []
    rows = page(session, viewer, catalog, mine if own[0].count else everything, now=now, size=FIRST_ROWS).rows
    return MyWork(
        tuple(own), tuple(tiles), _waiting(session, viewer), feeds_out(session, catalog), tuple(rows)
    )


def _before_cutoff(
    catalog: Catalog, now: datetime, viewer: Viewer, tile: Callable[[str, str, QueueFilter, str], Tile]
) -> list[Tile]:
    """What must be done before the next cut-off of all, among what that cut-off concerns."""
    coming = [
        (at, each)
        for each in catalog.cutoffs
        if (at := Schedule(each, catalog.calendar(each.calendar)).after(now)) is not None
    ]
    if not coming:
        return []
    at, first = min(coming, key=lambda found: found[0])
    wanted = QueueFilter(
        category=tuple(first.category),
        entity=tuple(first.entity),
        queue=tuple(first.queue),
        stage=_COMING,
        due=at,
    )
    when = wording.instant(at, zone_of(viewer.time_zone))
    return [tile("Due before the next cut-off", "amber", wanted, f"{first.title}, {when}")]


def _waiting(session: Session, viewer: Viewer) -> tuple[Waiting, ...]:
    statement = (
        select(Case.ball_in_court, func.count())
        .where(*visible(viewer), Case.status == Status.OPEN.value, Case.on_hold.is_(True))
        .group_by(Case.ball_in_court)
        .order_by(func.count().desc())
    )
    return tuple(
        Waiting(said(BALL, whom or "us"), count, QueueFilter(ball=(whom,) if whom else (), hold=True))
        for whom, count in session.execute(statement)
    )


def feeds_out(session: Session, catalog: Catalog) -> tuple[FeedOut, ...]:
    """The enabled feeds whose last runs failed, longest first."""
    states = session.scalars(
        select(FeedState).where(FeedState.failing_since.is_not(None)).order_by(FeedState.failing_since)
    )
    found = []
    for state in states:
        feed = catalog.feeds.get(state.feed)
        if feed is None or not feed.enabled or state.failing_since is None:
            continue
        system = catalog.systems[feed.system].name
        found.append(
            FeedOut(
                feed.code,
                feed.title or feed.code,
                system,
                state.failing_since,
                state.read_through,
                state.last_error or "",
            )
        )
    return tuple(found)
