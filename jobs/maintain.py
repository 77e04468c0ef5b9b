"""Keeps an install quick: folds finished runs, drops what killed runs left, forgets old tasks, files and thin
runs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.domain.instant import from_iso, iso, utc_now
from exceptions_app.services import check_runs, forgetting, runs, tasks
from exceptions_app.services.audit_verify import checkpoint

from . import inbox
from .work import Work

log = logging.getLogger(__name__)

KEEP_TASKS = timedelta(days=7)
KEEP_EXPORTS = timedelta(days=7)
VACUUM_EVERY = timedelta(days=1)
PORTIONS = 25
"""Of each kind that one task forgets; the next one goes on."""


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `maintain` tasks. Every part can be repeated, and none waits for another."""
    now = utc_now()
    with work.reading() as session:
        vacuumed = _vacuumed_lately(session, now)
    folded = _fold(work, vacuuming=vacuumed is None)
    with work.transaction() as session:
        expired = tasks.expire(session, now - KEEP_TASKS)
    with work.transaction() as session:
        thinned = runs.thin(session, now, _watched(work)) + check_runs.thin(session, now - runs.QUIET_KEPT)
    with work.transaction() as session:
        sealed = checkpoint(session, now)
    forgotten = inbox.forget(work)
    return {
        "events": forgotten,
        "sealed": sealed is not None,
        "folded": folded,
        "tasks": expired,
        "runs": thinned,
        "exports": _expire_exports(work, now),
        "forgotten": {what: _forget(work, what, now) for what in forgetting.OLD},
        "vacuumed_at": iso(vacuumed or now),
    }


def _vacuumed_lately(session: Session, now: datetime) -> datetime | None:
    """When the record store was last vacuumed, as the newest task that was done hands on; None: it is time again."""
    said = tasks.last_result(session, "maintain").get("vacuumed_at")
    at = None if said is None else from_iso(said)
    return None if at is None or now - at >= VACUUM_EVERY else at


def _forget(work: Work, what: str, now: datetime) -> int:
    """So many rows that nobody looks for any more are gone: nobody waits long for any one transaction."""
    count = 0
    for _ in range(PORTIONS):
        with work.reading() as session:
            ids = forgetting.due(session, what, now)
        if not ids:
            break
        with work.transaction() as session:
            count += forgetting.forget(session, what, ids)
        work.go_on()
    return count


def _watched(work: Work) -> dict[str, int]:
    """Feeds whose rhythm or volume is learned -> from how many days."""
    contracts = [(feed.code, feed.contract) for feed in work.runtime.catalog.feeds.values()]
    days = {code: [one.days for one in (told.rhythm, told.volume) if one] for code, told in contracts}
    return {code: max(each) for code, each in days.items() if each}


def _fold(work: Work, *, vacuuming: bool) -> dict[str, int]:
    """Finished changes become the base; runs that were given up go first, for they would hold it back."""
    store, catalog = work.runtime.store, work.runtime.catalog
    folded: dict[str, int] = {}
    for record_type in catalog.record_types:
        feeds = [feed.code for feed in catalog.feeds.values() if feed.record_type == record_type]
        with work.reading() as session:
            given_up = runs.given_up(session, feeds)
        if given_up:
            store.discard(record_type, given_up)
            with work.transaction() as session:
                runs.forget_given_up(session, given_up)
        with work.reading() as session:
            unfinished = runs.unfinished(session)
        result = store.tidy(record_type, unfinished)
        if result.runs:
            folded[record_type] = len(result.runs)
        if vacuuming:
            store.vacuum(record_type)
        work.go_on()
    return folded


def _expire_exports(work: Work, now: datetime) -> int:
    count = 0
    directory = work.runtime.exports
    for path in sorted(directory.glob("*.xlsx*")) if directory.is_dir() else []:
        if now.timestamp() - path.stat().st_mtime > KEEP_EXPORTS.total_seconds():
            path.unlink(missing_ok=True)
            count += 1
    return count
