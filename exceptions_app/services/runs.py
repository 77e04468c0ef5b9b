"""Executions of feeds as rows: begun, told of progress, finished; and what readers may see of them.

Knows neither connectors nor records. The order of commits is the caller's: records land first, then `finish`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, and_, delete, extract, func, or_, select, update
from sqlalchemy.orm import Session

from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import ExceptionCase, FeedState, SyncRun
from exceptions_app.records.reading import UnfinishedRuns

from .feed_states import feed_state

RUNNING, COMPLETE, PARTIAL, FAILED = "running", "complete", "partial", "failed"
NEVER = "never"
QUIET_KEPT = timedelta(days=2)
"""Older runs that changed nothing are thinned out; those that did are kept."""
POLL, PULL, BACKFILL, REPLAY = "poll", "pull", "backfill", "replay"


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What a comparison must know about one feed: its last run, and up to when the source has been read."""

    feed: str
    run_id: int | None
    status: str
    read_through: datetime | None

    @property
    def is_complete(self) -> bool:
        return self.status == COMPLETE


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What came of reading: `stored` landed, `rejected` broke the schema, `deleted` became tombstones."""

    read: int = 0
    stored: int = 0
    rejected: int = 0
    deleted: int = 0
    mapped: int = 0
    bytes: int | None = None


def begin(
    session: Session, feed: str, *, now: datetime, snapshot_id: int, correlation_id: str, kind: str = POLL,
    asked_for: str | None = None,
) -> SyncRun:  # fmt: skip
    """A new run of the feed. Runs that a killed process left running are given up: their rows stay unseen."""
    state = feed_state(session, feed)
    left = update(SyncRun).where(SyncRun.feed == feed, SyncRun.status == RUNNING)
    why = "the process ended before the run did"
    session.execute(left.values(status=FAILED, finished_at=now, rows_stored=SyncRun.rows_read, error=why))
    run = SyncRun(
        feed=feed,
        status=RUNNING,
        started_at=now,
        read_started_at=now,
        watermark_before=state.watermark,
        correlation_id=correlation_id,
        config_snapshot_id=snapshot_id,
        kind=kind,
        asked_for=None if asked_for is None else asked_for[:300],
    )
    session.add(run)
    session.flush()
    return run


def note_read(session: Session, run_id: int, rows: int) -> None:
    """So many rows have been read: said before they land, so that a run without rows has landed none."""
    session.execute(update(SyncRun).where(SyncRun.id == run_id).values(rows_read=rows))


def finish(
    session: Session, run_id: int, *, status: str, counts: RunCounts, watermark: str | None, now: datetime,
    error: str | None = None, read_through: datetime | None = None, system_out: bool = False,
) -> SyncRun:  # fmt: skip
    """The run is over: its rows are seen from now on, and the feed's watermark stands at `watermark`.

    Of a complete run, `read_through` is how far what was read tells of the source; it never goes back. `system_out`:
    it ended because the system could not be reached or did not let us in.
    """
    run = session.get_one(SyncRun, run_id)
    run.status, run.finished_at, run.error, run.watermark_after = status, now, error, watermark
    _count(run, counts)
    state = feed_state(session, run.feed)
    state.watermark, state.last_run_id, state.last_error = watermark, run.id, error
    if status == COMPLETE:
        state.last_complete_run_id, state.source_job = run.id, None
        if read_through is not None:
            state.read_through = max(read_through, state.read_through or read_through)
        state.consecutive_failures, state.failing_since = 0, None
    else:
        state.consecutive_failures += 1
        state.failing_since = state.failing_since or now
    state.out_since = (state.out_since or now) if system_out else None
    session.flush()
    return run


def finish_one(
    session: Session, run_id: int, *, status: str, counts: RunCounts, now: datetime, error: str | None = None
) -> None:
    """A run that read single records is over: its rows are seen, and the feed stands where it stood."""
    run = session.get_one(SyncRun, run_id)
    run.status, run.finished_at, run.error, run.watermark_after = status, now, error, run.watermark_before
    _count(run, counts)
    session.flush()


def _count(run: SyncRun, counts: RunCounts) -> None:
    run.rows_read, run.rows_stored, run.rows_mapped = counts.read, counts.stored, counts.mapped
    run.rows_rejected, run.rows_deleted, run.bytes_read = counts.rejected, counts.deleted, counts.bytes


def remember(
    session: Session,
    feed: str,
    ended: Iterable[tuple[datetime, int]],
    *,
    snapshot_id: int,
    correlation_id: str,
) -> None:
    """Complete runs of before, oldest first: when each began, and how many rows it landed. Where the feed stands is not
    theirs to say.
    """
    session.add_all(
        SyncRun(
            feed=feed, status=COMPLETE, started_at=at, read_started_at=at, finished_at=at, rows_read=rows,
            rows_stored=rows, rows_mapped=rows, correlation_id=correlation_id, config_snapshot_id=snapshot_id,
        )
        for at, rows in ended
    )  # fmt: skip
    session.flush()


def undo(session: Session, run_id: int) -> None:
    """A run that read nothing at all: as if it had not been begun."""
    session.execute(delete(SyncRun).where(SyncRun.id == run_id))


def unfinished(session: Session) -> UnfinishedRuns:
    """The runs whose rows a reader must not see; to be asked before the record store is opened."""
    hidden = or_(SyncRun.status == RUNNING, and_(SyncRun.status == FAILED, SyncRun.rows_stored > 0))
    newest = session.scalar(select(func.max(SyncRun.id))) or 0
    return UnfinishedRuns(newest, frozenset(session.scalars(select(SyncRun.id).where(hidden))))


def unfinished_at(session: Session, at: datetime) -> UnfinishedRuns:
    """The runs whose rows nobody could see at a time that has passed."""
    open_then = or_(SyncRun.finished_at.is_(None), SyncRun.finished_at > at)
    failed = and_(SyncRun.status == FAILED, SyncRun.rows_stored > 0)
    begun = SyncRun.started_at <= at
    newest = session.scalar(select(func.max(SyncRun.id)).where(begun)) or 0
    hidden = select(SyncRun.id).where(begun, or_(open_then, failed))
    return UnfinishedRuns(newest, frozenset(session.scalars(hidden)))


def given_up(session: Session, feeds: Iterable[str]) -> list[int]:
    """Runs of these feeds that were given up and may have left rows in the record store."""
    statement = select(SyncRun.id).where(
        SyncRun.feed.in_(list(feeds)), SyncRun.status == FAILED, SyncRun.rows_stored > 0
    )
    return list(session.scalars(statement))


def forget_given_up(session: Session, run_ids: Iterable[int]) -> None:
    """What these runs left behind has been removed."""
    session.execute(update(SyncRun).where(SyncRun.id.in_(list(run_ids))).values(rows_stored=0))


def is_awaited(session: Session, checks: Iterable[str], read_at: datetime) -> bool:
    """Whether a claim on what these checks found, made before `read_at`, waits to be confirmed by the data."""
    claims = select(ExceptionCase.id).where(
        ExceptionCase.status == Status.AWAITING_CONFIRMATION.value,
        ExceptionCase.check_code.in_(list(checks)),
        ExceptionCase.resolved_at < read_at,
    )
    return session.scalar(claims.limit(1)) is not None


def facts_of(session: Session, feeds: Iterable[str]) -> dict[str, FeedFacts]:
    """Where each of these feeds stands, by code."""
    wanted = list(dict.fromkeys(feeds))
    rows = session.execute(
        select(FeedState.feed, FeedState.last_run_id, SyncRun.status, FeedState.read_through)
        .outerjoin(SyncRun, SyncRun.id == FeedState.last_run_id)
        .where(FeedState.feed.in_(wanted))
    )
    known = {
        row.feed: FeedFacts(row.feed, row.last_run_id, row.status or NEVER, row.read_through) for row in rows
    }
    return {feed: known.get(feed, FeedFacts(feed, None, NEVER, None)) for feed in wanted}


def facts_at(session: Session, feeds: Iterable[str], at: datetime) -> dict[str, FeedFacts]:
    """Where each of these feeds stood at a time that has passed, as far as its runs were kept: read through until its
    last complete run began.
    """
    found = {}
    for feed in dict.fromkeys(feeds):
        ended = (SyncRun.feed == feed, SyncRun.finished_at <= at)
        newest = select(SyncRun.id, SyncRun.status).where(*ended).order_by(SyncRun.id.desc()).limit(1)
        last = session.execute(newest).one_or_none()
        read = session.scalar(
            select(func.max(SyncRun.read_started_at)).where(*ended, SyncRun.status == COMPLETE)
        )
        found[feed] = FeedFacts(feed, last.id if last else None, last.status if last else NEVER, read)
    return found


def thin(session: Session, now: datetime, watched: Mapping[str, int]) -> int:
    """Remove runs that brought nothing and are older than `QUIET_KEPT`, but for the last of each day, those that states
    refer to, and of feeds whose rhythm is `watched` for so many days the last of each hour; how many.
    """
    begun = SyncRun.started_at
    last_of_day = select(func.max(SyncRun.id)).group_by(SyncRun.feed, SyncRun.status, func.date(begun))
    referred = select(FeedState.last_complete_run_id).where(FeedState.last_complete_run_id.is_not(None))
    learned = now - timedelta(days=max(watched.values(), default=0))
    last_of_hour = (
        select(func.max(SyncRun.id))
        .where(SyncRun.feed.in_(list(watched)), begun >= learned)
        .group_by(SyncRun.feed, SyncRun.status, func.date(begun), extract("hour", begun))
    )
    empty = (SyncRun.rows_stored == 0, SyncRun.rows_deleted == 0, SyncRun.rows_rejected == 0)
    kept = [last_of_day, referred, *([last_of_hour] if watched else [])]
    old = delete(SyncRun).where(
        begun < now - QUIET_KEPT,
        SyncRun.status != RUNNING,
        *empty,
        *(SyncRun.id.not_in(those) for those in kept),
    )
    return cast("CursorResult[Any]", session.execute(old)).rowcount
