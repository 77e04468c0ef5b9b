"""The SLA clock of one exception: which target holds, starting, pausing and continuing it.

Business time itself is `domain.clock`'s and `domain.sla`'s; this module applies it to the columns of a row.
A clock that stopped without the problem having gone (a waiver, a record that left the window) continues
where it stopped. One that a person's claim stopped runs on as if the claim had never been made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from pydantic import TypeAdapter

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ServiceTime, Span
from exceptions_app.domain import routing, sla
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.sla import Stage
from exceptions_app.models import ExceptionCase

_SPAN: TypeAdapter[ServiceTime] = TypeAdapter(Span)


@dataclass(frozen=True, slots=True)
class Target:
    """How long there is, and on which calendar."""

    span: ServiceTime
    calendar: BusinessCalendar


@lru_cache(maxsize=256)
def span(text: str) -> ServiceTime:
    """A target as the row keeps it (`2 business days`)."""
    return _SPAN.validate_python(text)


def target_for(catalog: Catalog, subject: routing.Subject, entity: str) -> Target:
    """The first policy that fits, else the category's own target; `subject.queue` must be known."""
    queue = subject.queue or catalog.categories[subject.category].queue
    found = routing.policy(subject, catalog.sla_policies)
    if found is None:
        return Target(catalog.categories[subject.category].target, catalog.calendar_for(entity, queue))
    calendar = catalog.calendar(found.calendar) if found.calendar else catalog.calendar_for(entity, queue)
    return Target(found.target, calendar)


def subject_of(
    catalog: Catalog,
    category: str,
    entity: str,
    severity: str,
    amount: Decimal | None,
    queue: str | None = None,
) -> routing.Subject:
    """What routing and service levels look at."""
    path = frozenset(catalog.ancestors(entity)) | {entity}
    return routing.Subject(category, path, severity, amount, queue)


def calendar_of(case: ExceptionCase, catalog: Catalog) -> BusinessCalendar:
    """The clock's calendar. Where the configuration has dropped it, the one that would be chosen today."""
    if case.sla_calendar not in catalog.calendars:
        queue = case.queue if case.queue in catalog.queues else next(iter(catalog.queues))
        case.sla_calendar = catalog.calendar_for(case.entity, queue).code
    return catalog.calendar(case.sla_calendar)


def start(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """A new cycle: the clock starts now, at nought."""
    case.opened_at, case.paused_seconds, case.breached_at = now, 0, None
    recompute(case, catalog, now)


def recompute(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """Deadlines from when it was opened and how long it was paused; then the stage."""
    due = sla.due_times(
        case.opened_at, span(case.sla_target), calendar_of(case, catalog),
        timedelta(seconds=case.paused_seconds),
    )  # fmt: skip
    case.due_at, case.due_soon_at = due.due_at, due.due_soon_at
    settle_stage(case, now)


def settle_stage(case: ExceptionCase, now: datetime) -> Stage:
    """Write the stage that holds now and the next instant for the sweep; whoever calls records the event."""
    stage = sla.stage(now, case.due_at, case.due_soon_at, case.on_hold, case.status)
    case.sla_stage = stage
    case.next_sla_at = sla.next_sla_at(
        now, case.due_at, case.due_soon_at, case.on_hold, case.status, hold_until=case.hold_until
    )
    if stage is Stage.BREACHED and case.breached_at is None:
        case.breached_at = case.due_at
    return stage


def pause(case: ExceptionCase, now: datetime, until: datetime | None) -> None:
    """On hold from now on. Nobody need resume it when `until` is given: the sweep does."""
    case.on_hold, case.held_at, case.hold_until = True, now, until
    settle_stage(case, now)


def resume(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """Off hold: what the hold took of the clock's own time is added to the deadlines."""
    end_hold(case, catalog, now)
    recompute(case, catalog, now)


def end_hold(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """Count the hold and clear it, without touching the deadlines.

    One that was to end by a certain time ended then, however late somebody or the sweep looks at it.
    """
    if case.on_hold and case.held_at is not None:
        ended_at = now if case.hold_until is None else min(now, case.hold_until)
        add_pause(case, catalog, case.held_at, ended_at)
    case.on_hold, case.held_at, case.hold_until = False, None, None
    case.hold_reason, case.ball_in_court = None, None


def stop(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """It ended, or a person says so; the deadlines stay as they were reached."""
    end_hold(case, catalog, now)
    settle_stage(case, now)


def continue_stopped(case: ExceptionCase, catalog: Catalog, stopped_at: datetime, now: datetime) -> None:
    """Open again on the old clock, which stood still since `stopped_at`."""
    add_pause(case, catalog, stopped_at, now)
    recompute(case, catalog, now)


def add_pause(case: ExceptionCase, catalog: Catalog, since: datetime, until: datetime) -> None:
    """Count a time in which the clock stood still, without touching the deadlines."""
    paused = sla.paused_between(since, until, span(case.sla_target), calendar_of(case, catalog))
    case.paused_seconds += max(0, int(paused.total_seconds()))
