"""Tells integration operations what broke and what works again: one exception per system, feed or check, not one
per run.
"""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from exceptions_app.catalog.calendars import days_of
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.delivering import DAYS, last_two_due
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.rhythm import Silence, silence
from exceptions_app.domain.wording import duration
from exceptions_app.services import (
    feed_fields,
    feed_states,
    feed_warnings,
    feed_words,
    incidents,
    rejects,
    rhythms,
)
from exceptions_app.services.context import ActionContext
from exceptions_app.services.runs import COMPLETE, FAILED

from . import volume
from .feed_outcome import Outcome
from .work import Work


def after_poll(
    session: Session, context: ActionContext, feed: Feed, outcome: Outcome, began: datetime
) -> int:
    """What a run of a feed means: it failed, it works again, rows were refused. Belongs into the transaction
    that marks the run finished: nothing of it may be lost. How many rejects were settled by a person's word.
    """
    _tell_of_system(session, context, feed, outcome)
    _tell_of_feed(session, context, feed, outcome, began)
    _tell_of_drift(session, context, feed, outcome)
    if outcome.quota is not None:
        feed_warnings.quota_nearly_used(session, context, feed.system, outcome.quota)
    if outcome.given_up is not None:
        count, reason = outcome.given_up
        feed_warnings.events_given_up(session, context, feed.code, count, reason)
    tell_of_words(session, context, feed, outcome)
    return _tell_of_rejects(session, context, feed, outcome)


def _tell_of_feed(
    session: Session, context: ActionContext, feed: Feed, outcome: Outcome, began: datetime
) -> None:
    """It broke off; it answers, but what was due has not come; or all is well."""
    if outcome.status == COMPLETE:
        trouble = _late(session, context.catalog, feed, outcome, began)
        if trouble is None:
            incidents.feed_recovered(session, context, feed.code)
            volume.after_poll(session, context, feed, outcome, began)
        else:
            kind, since, said = trouble
            incidents.feed_failed(session, context, feed.code, since=since, error=said, kind=kind)
    elif not outcome.system_out:
        since = feed_states.feed_state(session, feed.code).failing_since or context.now
        error = outcome.error or "the run did not end"
        incidents.feed_failed(session, context, feed.code, since=since, error=error, kind=outcome.error_kind)


def _late(
    session: Session, catalog: Catalog, feed: Feed, outcome: Outcome, began: datetime
) -> tuple[str, datetime, str] | None:
    """What was due of a feed that answers and has not come, the gravest first: its kind, since when, and in words."""
    missed = _missed(session, feed, began)
    if missed is not None:
        return "late", *missed
    allowed = max(feed.every * 3, feed.contract.latency)
    agreed = "latency" in feed.contract.model_fields_set
    silent = feed_states.silent_since(session, feed.code, allowed, began) if agreed else None
    if silent is not None:
        return (
            "silent",
            silent,
            f"it answers, but has delivered nothing for longer than the {duration(allowed)} agreed",
        )
    quiet = _quiet(session, catalog, feed, outcome, began)
    if quiet is None:
        return None
    said = f"it answers, and has brought nothing new for {duration(quiet.lasted)}; at this time of the week it is"
    return "silent", quiet.since, f"{said} {duration(quiet.usual)} at most, as a rule"


def _tell_of_rejects(session: Session, context: ActionContext, feed: Feed, outcome: Outcome) -> int:
    """How many were settled by a person's word; a run that broke off before any row says nothing of them."""
    if outcome.status == FAILED and not outcome.rejected:
        return 0
    position, _, reason = (outcome.first_reject or "").partition(": ")
    counts = incidents.rejected_rows(
        session,
        context,
        feed.code,
        count=outcome.rejected,
        since=context.now,
        reason=reason,
        position=position,
        whole=outcome.read_everything(feed),
        unplaced=outcome.unplaced,
    )
    return rejects.end_of_feed(session, feed.code, context.now) if counts.confirmed else 0


def _tell_of_drift(session: Session, context: ActionContext, feed: Feed, outcome: Outcome) -> None:
    """A run that broke off has seen fields too; that one is gone is known of a whole read, or of many rows."""
    if outcome.status == FAILED and not outcome.fields.rows:
        return
    whole = outcome.read_everything(feed)
    drift = feed_fields.note(session, feed.code, feed.contract, outcome.fields, context.now, whole=whole)
    if drift.now or drift.before:
        incidents.source_drift(session, context, feed.code, drift.now)


def tell_of_words(session: Session, context: ActionContext, feed: Feed, outcome: Outcome) -> None:
    """Words that no list knows, where the run has looked for them."""
    if outcome.words is not None:
        feed_words.tell(session, context, feed, outcome.words)


def _quiet(
    session: Session, catalog: Catalog, feed: Feed, outcome: Outcome, began: datetime
) -> Silence | None:
    """Whether a feed that answers is silent by its own rhythm."""
    rhythm = feed.contract.rhythm
    if rhythm is None or outcome.status != COMPLETE or outcome.stored + outcome.deleted:
        return None
    watched = rhythms.watched(session, feed.code, began, rhythm.days, feed.every)
    return silence(
        watched,
        began,
        days_of(catalog.calendars, rhythm.calendar),
        quantile=rhythm.quantile,
        times=rhythm.times,
        at_least=rhythm.at_least,
    )


def _tell_of_system(session: Session, context: ActionContext, feed: Feed, outcome: Outcome) -> None:
    """A system that is out fails all its feeds: that is one exception, until every one of them was read again."""
    outage = feed_states.outage(session, incidents.feeds_of(context.catalog, feed.system))
    if outage is None:
        incidents.system_back(session, context, feed.system)
    elif outcome.system_out or outcome.status == COMPLETE:
        error = (
            outcome.error
            if outcome.system_out
            else feed_states.feed_state(session, outage.feeds[0]).last_error
        )
        said = error or "the run did not end"
        incidents.system_out(session, context, feed.system, outage.feeds, since=outage.since, error=said)


def _missed(session: Session, feed: Feed, began: datetime) -> tuple[datetime, str] | None:
    """The deadline that passed without a delivery, and what to say of it."""
    agreed = feed.contract.deliver_by
    if agreed is None:
        return None
    days = [DAYS.index(day) for day in agreed.days]
    before, due = last_two_due(began, time.fromisoformat(agreed.at), agreed.time_zone, days)
    if not feed_states.missed_delivery(session, feed.code, before):
        return None
    day = due.astimezone(ZoneInfo(agreed.time_zone)).date().isoformat()
    said = f"nothing was delivered by {agreed.at} {agreed.time_zone} on {day}, as agreed"
    return due, said


def after_check(work: Work, check: str, error: str | None) -> None:
    """What a run of a check means: it broke, or it works again."""
    context = work.context()
    with work.transaction() as session:
        if error is None:
            incidents.check_recovered(session, context, check, NETWORK_SCOPE)
        else:
            incidents.check_failed(session, context, check, NETWORK_SCOPE, since=utc_now(), error=error)
