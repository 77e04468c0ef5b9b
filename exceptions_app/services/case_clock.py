"""The SLA clock of one exception: starting, pausing, continuing and recomputing it, on its row and in its log.

What the columns become is `clock_state`'s; this module says when. A clock that stopped without the problem having
gone (a waiver, a record that left the window) continues where it stopped. One that a person's claim stopped runs on
as if the claim had never been made. Whoever calls records the event; breaches and the like are the sweep's to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.aging import earliest
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Stage, Telling, Told, next_sla_at, stage
from exceptions_app.models import ExceptionCase

from . import pauses
from .clock_state import NAMES, Clock, age_and_edge, work_out
from .targets import Target, targets

SHOWN = ("due_at", "sla_target", "sla_calendar", "cutoff", "response_due_at")
"""What the trail says of a clock that was recomputed."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What recomputing changed of `SHOWN`: only what differs."""

    before: dict[str, Any]
    after: dict[str, Any]

    def __bool__(self) -> bool:
        return bool(self.after)


def start(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """A new cycle: the clock starts now, at nought, under the service level that holds today."""
    case.opened_at, case.breached_at, case.responded_at, case.told = now, None, None, Told.NOTHING
    retarget(case, catalog, now)


def retarget(case: ExceptionCase, catalog: Catalog, now: datetime) -> Moved:
    """Choose the service level that holds today and recompute: its severity, queue or amount may have changed."""
    before = {name: getattr(case, name) for name in SHOWN}
    _apply(case, targets(catalog).of(case), now)
    after = {name: getattr(case, name) for name in SHOWN}
    changed = [name for name in SHOWN if before[name] != after[name]]
    return Moved({name: before[name] for name in changed}, {name: after[name] for name in changed})


def follow(case: ExceptionCase, catalog: Catalog, now: datetime, *, rerouted: bool) -> Moved:
    """`retarget`, but only where another service level holds than the row says, or facts decide over cut-offs."""
    kept, found = targets(catalog).stored(case), targets(catalog).of(case)
    same = (kept.span, kept.response, kept.calendar.code) == (found.span, found.response, found.calendar.code)
    asked = any(each.fact or each.by_fact for each in catalog.cutoffs)
    return Moved({}, {}) if same and not rerouted and not asked else retarget(case, catalog, now)


def recompute(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """Deadlines from when it was opened and when its clock stood still; then the stage."""
    _apply(case, targets(catalog).stored(case), now)


def _apply(case: ExceptionCase, target: Target, now: datetime) -> None:
    rows = pauses.of(case)
    write(case, work_out(case, target, pauses.over(rows), pauses.stops(rows), now))


def write(case: ExceptionCase, clock: Clock) -> None:
    """Put a clock that was worked out into its row."""
    for name in NAMES:
        value = getattr(clock, name)
        if getattr(case, name) != value:
            setattr(case, name, value)


def settle(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """Write the stage and the age that hold now, and the next instant for the sweep, where no deadline has moved."""
    case.sla_stage = stage(now, case.due_at, case.due_soon_at, case.on_hold, case.status)
    if case.sla_stage == Stage.BREACHED and case.breached_at is None:
        case.breached_at = case.due_at
    next_at = next_sla_at(telling(case), case.on_hold, case.status, hold_until=case.hold_until)
    calendar = targets(catalog).stored(case).calendar
    case.aging, edge = age_and_edge(case, case.sla_stage, case.due_soon_at, case.due_at, calendar, now)
    case.next_sla_at = earliest(next_at, edge)


def telling(case: ExceptionCase) -> Telling:
    """What there is to tell of it, and what has been told."""
    response = case.response_due_at if case.responded_at is None else None
    return Telling(case.half_at, case.due_soon_at, case.due_at, response, case.told)


def to_tell(case: ExceptionCase, now: datetime) -> list[Told]:
    """What the sweep has to tell of an open exception now; on hold, only a cut-off that has passed."""
    if not case.on_hold:
        return telling(case).due(now)
    return [Told.BREACHED] if case.breached_at is not None and not case.told & Told.BREACHED else []


def responded(case: ExceptionCase, now: datetime) -> None:
    """A person has taken it up: the first time in a cycle counts."""
    if case.responded_at is None:
        case.responded_at = now


def pause(
    case: ExceptionCase, catalog: Catalog, now: datetime, until: datetime | None, *, party: str, reason: str
) -> None:
    """On hold from now on. Nobody need resume it when `until` is given: the sweep does."""
    case.on_hold, case.held_at, case.hold_until = True, now, until
    case.ball_in_court, case.hold_reason = party, reason
    pauses.held(case, now, party, reason)
    recompute(case, catalog, now)


def resume(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """Off hold: what the hold took of the clock's own time is added to the deadlines."""
    end_hold(case, now)
    recompute(case, catalog, now)


def end_hold(case: ExceptionCase, now: datetime) -> None:
    """Count the hold and clear it.

    One that was to end by a certain time ended then, however late somebody or the sweep looks at it.
    """
    if case.on_hold:
        pauses.hold_ended(case, now if case.hold_until is None else min(now, case.hold_until))
    case.on_hold, case.held_at, case.hold_until = False, None, None
    case.hold_reason, case.ball_in_court = None, None


def stop(case: ExceptionCase, catalog: Catalog, now: datetime) -> None:
    """It ended, or a person says so; the deadlines stay as they were reached.

    One that was over by then was missed, though the sweep had not come to tell it.
    """
    was_running = case.sla_stage != Stage.STOPPED
    if case.on_hold:
        resume(case, catalog, now)
    if was_running and case.breached_at is None and case.due_at is not None and case.due_at <= now:
        case.breached_at = case.due_at
    settle(case, catalog, now)


def continue_stopped(case: ExceptionCase, catalog: Catalog, stopped_at: datetime, now: datetime) -> None:
    """Open again on the old clock, which stood still since `stopped_at`, under the service level of today."""
    add_pause(case, stopped_at, now)
    retarget(case, catalog, now)


def add_pause(case: ExceptionCase, since: datetime, until: datetime) -> None:
    """Keep a time in which the clock stood still, without touching the deadlines."""
    pauses.stopped(case, since, until)


def held_past_cutoff(case: ExceptionCase, now: datetime) -> bool:
    """Whether the sweep was woken by a cut-off that passes while it is on hold, not by the hold's end."""
    return case.on_hold and case.status == Status.OPEN and (case.hold_until is None or case.hold_until > now)
