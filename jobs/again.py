"""Reads again what was read before: a range of dates, what a run read, a file and those after it.

What it brings is newer than what is there, and is stored; it proves nothing absent, and the feed's watermark stands
where it stood. It shares the scope of the feed's polls, so that the two never run at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from exceptions_app.catalog.schema import Feed
from exceptions_app.connectors.base import Again
from exceptions_app.domain.instant import utc_now
from exceptions_app.milestones import reached
from exceptions_app.models import SyncRun
from exceptions_app.services import feed_states, rejects, runs
from exceptions_app.services.again import Wish

from . import incidents
from .feed_outcome import Outcome
from .feed_run import FeedRun
from .inbox import InboxRun
from .poll import PAUSED, compare_after, told
from .work import Work


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `again` tasks; payload as `services.again.ask` writes it."""
    feed = work.runtime.catalog.feeds.get(work.payload["feed"])
    if feed is None or not feed.enabled:
        return {"feed": work.payload["feed"], "status": "not configured"}
    with work.reading() as session:
        if feed_states.is_paused(session, feed.code):
            return {"feed": feed.code, "status": PAUSED}
        meant = None if work.payload["run"] is None else session.get(SyncRun, work.payload["run"])
    wish = _wish(work.payload)
    again = Again(wish.since, wish.until, wish.file)
    if meant is not None:
        again = replace(again, before=meant.watermark_before, after=meant.watermark_after, run=meant.id)
    snapshot_id = work.snapshot_id
    with work.transaction() as session:
        begun = runs.begin(
            session, feed.code, now=utc_now(), snapshot_id=snapshot_id, correlation_id=work.correlation_id,
            kind=wish.kind, asked_for=wish.words,
        )  # fmt: skip
    reading = FeedRun(work, feed, begun)
    try:
        outcome = reading.read_again(again)
    finally:
        reading.close()
    _finish(work, feed, begun.id, outcome, reading.inbox)
    if outcome.unexpected is not None:
        raise outcome.unexpected
    return told(feed, begun.id, outcome)


def _finish(work: Work, feed: Feed, run_id: int, outcome: Outcome, inbox: InboxRun | None) -> None:
    context = work.context()
    with work.transaction() as session:
        if inbox is not None:
            inbox.settle_again(session, run_id)
        runs.finish_one(
            session, run_id, status=outcome.status, counts=outcome.counts, now=utc_now(), error=outcome.error
        )
        incidents.tell_of_words(session, context, feed, outcome)
        settled = rejects.end(session, outcome.mended, utc_now()) if outcome.mended else 0
        if outcome.changed_anything or settled:
            compare_after(work, session, feed, outcome)
    reached("poll.marked")


def _wish(payload: Mapping[str, Any]) -> Wish:
    since, until = (payload[name] and datetime.fromisoformat(payload[name]) for name in ("since", "until"))
    return Wish(since, until, payload["file"], payload["run"])
