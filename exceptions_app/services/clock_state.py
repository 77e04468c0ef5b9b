"""The clock of one exception, worked out: deadlines, stage and what the sweep does next, as its row keeps them.

From the log alone (when its cycle opened, and when the clock stood still), so that it can be worked out again under
any calendar or target. Reads and writes nothing: `case_clock` and `reclock` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from exceptions_app.domain import sla
from exceptions_app.domain.aging import aged, earliest, stage_edge
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.cutoffs import CutoffAt, next_cutoff
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Due, Stretch, Told

from .targets import Target


class Clocked(Protocol):
    """As much of an exception as its clock depends on, beside its log."""

    @property
    def status(self) -> str: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def on_hold(self) -> bool: ...
    @property
    def held_at(self) -> datetime | None: ...
    @property
    def hold_until(self) -> datetime | None: ...
    @property
    def responded_at(self) -> datetime | None: ...
    @property
    def breached_at(self) -> datetime | None: ...
    @property
    def told(self) -> int: ...
    @property
    def aging(self) -> int: ...


class Clock(NamedTuple):
    """The clock's columns, by their names."""

    sla_target: str
    sla_calendar: str
    response_target: str | None
    due_at: datetime
    due_soon_at: datetime
    half_at: datetime
    response_due_at: datetime | None
    cutoff: str | None
    paused_seconds: int
    sla_stage: str
    breached_at: datetime | None
    told: int
    aging: int
    next_sla_at: datetime | None


NAMES: tuple[str, ...] = Clock._fields
"""Of the columns of `Clock`, in order."""


def work_out(
    case: Clocked, target: Target, over: Sequence[Stretch], stopped: Sequence[Stretch], now: datetime
) -> Clock:
    """The clock at `now`. `over`: all stretches that have ended; `stopped`: those of them that were no hold."""
    cutoff = next_cutoff(target.cutoffs, case.opened_at, stopped) if target.cutoffs else None
    due = _due(case, target, over, cutoff, now)
    breached_at, told = case.breached_at, case.told
    if case.status == Status.OPEN and breached_at is not None and due.due_at > now:
        breached_at, told = None, int(told) & ~int(Told.BREACHED)  # a new deadline: it can be missed again
    if case.status == Status.OPEN and breached_at is None and due.due_at <= now and not _waits(case, due):
        breached_at = due.due_at
    paused = sla.paused_time(over, target.span, target.calendar) if over else timedelta(0)
    telling = sla.Telling(
        due.half_at, due.due_soon_at, due.due_at, _unanswered(case, due.response_due_at), told
    )
    stage = sla.stage(now, due.due_at, due.due_soon_at, case.on_hold, case.status).value
    aging, edge = age_and_edge(case, stage, due.due_soon_at, due.due_at, target.calendar, now)
    next_at = sla.next_sla_at(
        telling, case.on_hold, case.status, hold_until=case.hold_until,
        cutoff_at=breached_at or (None if cutoff is None else cutoff.at),
    )  # fmt: skip
    return Clock(
        str(target.span), target.calendar.code, None if target.response is None else str(target.response),
        due.due_at, due.due_soon_at, due.half_at, due.response_due_at, due.cutoff,
        int(paused.total_seconds()),
        stage, breached_at, told, aging, earliest(next_at, edge),
    )  # fmt: skip


def age_and_edge(
    case: Clocked, stage: str, due_soon_at: datetime | None, due_at: datetime | None, calendar: BusinessCalendar,
    now: datetime,
) -> tuple[int, datetime | None]:  # fmt: skip
    """The bucket of its age, and when its age or its stage is another one though there is nothing to tell.

    What is not open stays as old as it was.
    """
    if case.status != Status.OPEN:
        return case.aging, None
    age = aged(case.opened_at, now, calendar)
    return age.bucket, earliest(age.next_at, stage_edge(stage, due_soon_at, due_at))


def _due(
    case: Clocked, target: Target, over: Sequence[Stretch], cutoff: CutoffAt | None, now: datetime
) -> Due:
    """Deadlines as they stood when a hold that is on began, unless a cut-off has passed since: no hold moves it."""
    due = sla.due_times(
        case.opened_at, target.span, target.calendar, over, response=target.response, cutoff=cutoff
    )
    if not case.on_hold or case.held_at is None or cutoff is None or cutoff.at > now:
        return due
    so_far = [*over, (case.held_at, now)]
    as_held = sla.due_times(case.opened_at, target.span, target.calendar, so_far, cutoff=cutoff)
    return replace(as_held, response_due_at=due.response_due_at) if as_held.cutoff else due


def _waits(case: Clocked, due: Due) -> bool:
    """On hold, the end of the target is nobody's breach: it moves on with the hold."""
    return case.on_hold and due.cutoff is None and (case.held_at is None or due.due_at > case.held_at)


def _unanswered(case: Clocked, response_due_at: datetime | None) -> datetime | None:
    return response_due_at if case.responded_at is None else None
