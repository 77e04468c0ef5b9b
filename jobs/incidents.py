"""Tells integration operations what broke and what works again: one exception per feed or check, not one per
run.
"""

from __future__ import annotations

from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.domain.instant import utc_now
from exceptions_app.services import incidents, runs
from exceptions_app.services.runs import COMPLETE, FAILED

from .feed_run import Outcome
from .work import Work


def after_poll(work: Work, feed: Feed, outcome: Outcome) -> None:
    """What a run of a feed means: it failed, it works again, rows were refused."""
    context = work.context()
    with work.transaction() as session:
        if outcome.status == COMPLETE:
            incidents.feed_recovered(session, context, feed.code)
        else:
            state = runs.feed_state(session, feed.code)
            incidents.feed_failed(
                session,
                context,
                feed.code,
                since=state.failing_since or utc_now(),
                error=outcome.error or "the run did not end",
            )
    if outcome.status == FAILED:
        return
    position, _, reason = (outcome.first_reject or "").partition(": ")
    with work.transaction() as session:
        incidents.rejected_rows(
            session,
            context,
            feed.code,
            count=outcome.rejected,
            since=utc_now(),
            reason=reason,
            position=position,
            whole=feed.mode == "snapshot" and outcome.status == COMPLETE and outcome.read > 0,
        )


def after_check(work: Work, check: str, error: str | None) -> None:
    """What a run of a check means: it broke, or it works again."""
    context = work.context()
    with work.transaction() as session:
        if error is None:
            incidents.check_recovered(session, context, check, NETWORK_SCOPE)
        else:
            incidents.check_failed(session, context, check, NETWORK_SCOPE, since=utc_now(), error=error)
