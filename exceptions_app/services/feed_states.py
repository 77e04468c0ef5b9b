"""Where each feed stands: how far it has been read, whether somebody has paused it, since when its system is out.

Runs move it (`runs`); knows neither connectors nor records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.domain.instant import iso
from exceptions_app.models import FeedState, SyncRun

from .audit import AuditTag, record_subject


def feed_state(session: Session, feed: str) -> FeedState:
    """Where the feed stands; a feed that was never read stands at the beginning."""
    state = session.get(FeedState, feed)
    if state is None:
        state = FeedState(feed=feed, consecutive_failures=0)
        session.add(state)
        session.flush()
    return state


def read_again(session: Session, feed: str, *, by: str, now: datetime) -> None:
    """The next run reads the feed from its beginning: a corrected mapping must reach rows that were read."""
    state = feed_state(session, feed)
    before, state.watermark = state.watermark, None
    record_subject(
        session, f"feed:{feed}", AuditTag.FEED_REREAD, actor=by, at=now, before={"watermark": before}
    )
    session.flush()


def pause(session: Session, feed: str, why: str, *, by: str, now: datetime) -> bool:
    """Nothing of the feed is read until somebody resumes it; False: it is paused already."""
    state = feed_state(session, feed)
    if state.paused_at is not None:
        return False
    state.paused_at, state.paused_by, state.paused_why = now, by, why[:500]
    record_subject(session, f"feed:{feed}", AuditTag.FEED_PAUSED, actor=by, at=now, after={"why": why[:500]})
    session.flush()
    return True


def resume(session: Session, feed: str, *, by: str, now: datetime) -> bool:
    """The feed is read again as its schedule says; False: it was not paused."""
    state = feed_state(session, feed)
    if state.paused_at is None:
        return False
    before = {"since": iso(state.paused_at), "why": state.paused_why}
    state.paused_at = state.paused_by = state.paused_why = None
    record_subject(session, f"feed:{feed}", AuditTag.FEED_RESUMED, actor=by, at=now, before=before)
    session.flush()
    return True


def is_paused(session: Session, feed: str) -> bool:
    """Whether somebody has stopped the reading of a feed."""
    paused = select(FeedState.paused_at).where(FeedState.feed == feed)
    return session.scalar(paused) is not None


def hold(session: Session, feeds: Iterable[str]) -> None:
    """Nobody else ends a run of these feeds until this transaction ends: what is said of all of them is true then."""
    states = select(FeedState).where(FeedState.feed.in_(list(feeds))).order_by(FeedState.feed)
    session.execute(states.with_for_update().execution_options(populate_existing=True)).all()


@dataclass(frozen=True, slots=True)
class Outage:
    """What a system does not deliver: which feeds, since when."""

    feeds: tuple[str, ...]
    since: datetime


def outage(session: Session, feeds: Iterable[str]) -> Outage | None:
    """Which of these feeds bring nothing because their system is out; None: none of them."""
    out = select(FeedState.feed, FeedState.out_since).where(
        FeedState.feed.in_(list(feeds)), FeedState.out_since.is_not(None)
    )
    since = {feed: at for feed, at in session.execute(out) if at is not None}
    return Outage(tuple(sorted(since)), min(since.values())) if since else None


def note_job(session: Session, feed: str, note: str | None) -> None:
    """What the present run has left at the source, for the next one if this one does not end."""
    feed_state(session, feed).source_job = note
    session.flush()


def job_left(session: Session, feed: str) -> str | None:
    """What an earlier run that did not end has left at the source."""
    return session.scalar(select(FeedState.source_job).where(FeedState.feed == feed))


def silent_since(session: Session, feed: str, allowed: timedelta, now: datetime) -> datetime | None:
    """Since when the feed has delivered nothing, where that is longer ago than allowed."""
    state = feed_state(session, feed)
    first = select(func.min(SyncRun.started_at)).where(SyncRun.feed == feed)
    heard = state.read_through or session.scalar(first) or now
    return heard if now - heard > allowed else None


def missed_delivery(session: Session, feed: str, before_last: datetime) -> bool:
    """Whether nothing has been delivered since the deadline before the last one, although the feed was read then."""
    state = feed_state(session, feed)
    first = session.scalar(select(func.min(SyncRun.started_at)).where(SyncRun.feed == feed))
    heard = state.read_through or first
    return heard is not None and heard <= before_last
