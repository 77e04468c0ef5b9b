"""Polls one feed: begins the run, reads, then marks it finished and moves the watermark in one transaction.

The order of commits is DESIGN.md §2, step 1: records land tagged with their run, and nobody sees them until
the run is finished. A feed that fails is one exception for integration operations, and closes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.instant import utc_now
from exceptions_app.milestones import reached
from exceptions_app.models import SyncRun
from exceptions_app.services import feed_states, rejects, runs, tasks
from exceptions_app.services.incidents import feeds_of

from . import incidents
from .feed_outcome import Outcome
from .feed_run import FeedRun
from .flows import flows_reading, record_types_of
from .inbox import InboxRun
from .work import CancelledError, StoppingError, Work

log = logging.getLogger(__name__)

PAUSED = "paused"
NOT_ABLE = "cannot be asked for one record"
FOLD_FROM = 5_000
"""A run that landed so many rows has them folded soon: comparing is quicker then."""


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `poll` tasks; payload `{"feed": code}`."""
    feed = work.runtime.catalog.feeds.get(work.payload["feed"])
    if feed is None or not feed.enabled:
        return {"feed": work.payload["feed"], "status": "not configured"}
    begun = _begin(work, feed)
    if begun is None:
        return {"feed": feed.code, "status": PAUSED}
    reading = FeedRun(work, feed, begun)
    try:
        outcome = _finished(work, feed, begun, reading)
        reached("poll.marked")
        reading.acknowledge()
    finally:
        reading.close()
    if outcome.unexpected is not None:
        raise outcome.unexpected
    return told(feed, begun.id, outcome)


def run_one(work: Work) -> Mapping[str, Any]:
    """The handler of `pull` tasks; payload `{"feed": code, "keys": [{column: value}]}`: these records only, if the
    source can be asked for them. Where the feed stands does not change: it has not been read.
    """
    feed = work.runtime.catalog.feeds.get(work.payload["feed"])
    if feed is None or not feed.enabled:
        return {"feed": work.payload["feed"], "status": "not configured"}
    begun = _begin(work, feed, runs.PULL)
    if begun is None:
        return {"feed": feed.code, "status": PAUSED}
    reading = FeedRun(work, feed, begun)
    try:
        outcome = reading.read_one(work.payload["keys"])
    finally:
        reading.close()
    with work.transaction() as session:
        if outcome is None:
            runs.undo(session, begun.id)
            return {"feed": feed.code, "status": NOT_ABLE}
        runs.finish_one(
            session,
            begun.id,
            status=outcome.status,
            counts=outcome.counts,
            now=utc_now(),
            error=outcome.error,
        )
        if outcome.mended:
            rejects.end(session, outcome.mended, utc_now())
    reached("poll.marked")
    if outcome.unexpected is not None:
        raise outcome.unexpected
    return told(feed, begun.id, outcome)


def _begin(work: Work, feed: Feed, kind: str = runs.POLL) -> SyncRun | None:
    """None: somebody has paused the feed."""
    snapshot_id = work.snapshot_id
    with work.transaction() as session:
        if feed_states.is_paused(session, feed.code):
            return None
        return runs.begin(
            session, feed.code, now=utc_now(), snapshot_id=snapshot_id, correlation_id=work.correlation_id,
            kind=kind,
        )  # fmt: skip


def _finished(work: Work, feed: Feed, begun: SyncRun, reading: FeedRun) -> Outcome:
    """What came of the run, written down. Where that breaks, the run is told to have broken off instead: what it read
    counts, but proves nothing, and is read again.
    """
    outcome = reading.read()
    try:
        _finish(work, feed, begun.id, outcome, reading.inbox)
    except (CancelledError, StoppingError, tasks.LeaseLostError, DBAPIError):
        raise
    except Exception as error:
        log.exception("what run %d of feed %s found could not be written down", begun.id, feed.code)
        outcome = outcome.broken_off(begun.watermark_before, error)
        _finish(work, feed, begun.id, outcome, None)
    return outcome


def _finish(work: Work, feed: Feed, run_id: int, outcome: Outcome, inbox: InboxRun | None) -> None:
    """The rows are seen from here on; what went wrong is an exception from here on; the flows that look at
    them are asked to compare again.
    """
    context = work.context()
    with work.transaction() as session:
        feed_states.hold(session, feeds_of(context.catalog, feed.system))
        run = runs.finish(
            session, run_id, status=outcome.status, counts=outcome.counts, watermark=outcome.watermark,
            now=utc_now(), error=outcome.error, read_through=outcome.read_through, system_out=outcome.system_out,
        )  # fmt: skip
        if inbox is not None:
            inbox.settle(session, run_id, outcome)
        settled = _settle(session, feed, run_id, outcome)
        settled += incidents.after_poll(session, context, feed, outcome, run.read_started_at)
        changed = bool(outcome.changed_anything or settled)
        flows = [] if changed else list(_awaiting(session, work.runtime.catalog, feed, run))
        if changed or flows:
            compare_after(work, session, feed, outcome, flows)


def compare_after(
    work: Work, session: Session, feed: Feed, outcome: Outcome, flows: Sequence[str] = ()
) -> None:
    """Ask the flows that look at what has landed to compare again, or only those named."""
    if outcome.stored + outcome.deleted >= FOLD_FROM:
        tasks.request(session, "maintain", "maintain", {}, None, utc_now())
    for flow in flows or flows_reading(work.runtime.catalog, feed.record_type):
        tasks.request(
            session, "reconcile", f"reconcile:{flow}", {"flow": flow}, None, utc_now(),
            correlation_id=work.correlation_id,
        )  # fmt: skip


def _awaiting(session: Session, catalog: Catalog, feed: Feed, run: SyncRun) -> Iterator[str]:
    """The flows in which somebody waits to hear from this run, which brought nothing new, that what they called fixed
    is so.
    """
    brought = catalog.landed_by(feed.record_type)
    for flow in flows_reading(catalog, feed.record_type):
        reading = [one for one in catalog.checks_in(flow) if not record_types_of(one).isdisjoint(brought)]
        if runs.is_awaited(session, [check.code for check in reading], run.read_started_at):
            yield flow


def _settle(session: Session, feed: Feed, run_id: int, outcome: Outcome) -> int:
    """End the rejects that this run has settled; how many. Their keys can be judged again."""
    now = utc_now()
    if outcome.read_everything(feed):
        return rejects.end_of_feed(session, feed.code, now, before_run=run_id)
    return rejects.end(session, outcome.mended, now) if outcome.mended else 0


def told(feed: Feed, run_id: int, outcome: Outcome) -> Mapping[str, Any]:
    """What a task says of its run."""
    return {
        "feed": feed.code,
        "run": run_id,
        "status": outcome.status,
        "read": outcome.read,
        "stored": outcome.stored,
        "unchanged": outcome.unchanged,
        "rejected": outcome.rejected,
        "deleted": outcome.deleted,
        "error": outcome.error,
        "notes": outcome.notes,
    }
