"""The clock of one exception as its page and the API show it: each deadline explained, each party's time.

Worked out from the log of the clock under the calendar that its row names, so that what is shown is what the sweep
goes by. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ServiceTime, Span
from exceptions_app.domain import sla, wording
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.cutoffs import CutoffAt
from exceptions_app.domain.explain import Explanation, Pause, explain, party_times
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Stage
from exceptions_app.models import CasePause, ExceptionCase

from .kept import Kept
from .words import BALL, said

_SPAN: TypeAdapter[ServiceTime] = TypeAdapter(Span)
_STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class PartyLine:
    """How much of the clock's own time one party took in this cycle."""

    party: str
    time: str


@dataclass(frozen=True, slots=True)
class Response:
    """The first response: when it is or was due, when it came, in words how it stands, and why it is due then
    (empty where the configuration says otherwise by now).
    """

    due_at: datetime
    responded_at: datetime | None
    missed: bool
    words: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ClockDetail:
    """All that is said of a clock. `explanation` is None where the target can no longer be read."""

    target: str
    calendar: str
    used: int
    """Percent of the time there is that is used up, at most 100; 0 where the clock has stopped."""
    explanation: Explanation | None
    response: Response | None
    parties: tuple[PartyLine, ...]


def clock_detail(
    session: Session, catalog: Catalog, case: ExceptionCase, stage: Stage, calendar: BusinessCalendar,
    now: datetime, kept: Kept,
) -> ClockDetail:  # fmt: skip
    """The clock of an exception that the caller has found the viewer may see."""
    try:
        target = _SPAN.validate_python(case.sla_target)
    except ValidationError:
        return ClockDetail(case.sla_target, calendar.code, 0, None, _response(case, calendar, (), now), ())
    pauses = _pauses(session, case) if kept.pauses else []
    ended = case.resolved_at if case.status != Status.OPEN else None
    at = ended or now
    explanation = None
    if stage is not Stage.STOPPED:
        cutoff = _cutoff(catalog, case)
        explanation = explain(case.opened_at, target, calendar, now=now, pauses=pauses, cutoff=cutoff)
    times = party_times(pauses, at, target, calendar)
    parties = tuple(PartyLine(_party(each.party), wording.hours(each.time)) for each in times)
    used = _used(case, target, calendar, pauses, stage, now)
    response = _response(case, calendar, pauses, now)
    return ClockDetail(case.sla_target, calendar.code, used, explanation, response, parties)


def _pauses(session: Session, case: ExceptionCase) -> list[Pause]:
    rows = select(CasePause.started_at, CasePause.ended_at, CasePause.kind, CasePause.party).where(
        CasePause.case_id == case.id, CasePause.cycle == case.cycle
    )
    found = session.execute(rows.order_by(CasePause.started_at, CasePause.id))
    return [
        Pause(first, last, (party or "us") if kind == "hold" else None) for first, last, kind, party in found
    ]


def _cutoff(catalog: Catalog, case: ExceptionCase) -> CutoffAt | None:
    """The cut-off that makes the deadline, as the row says; one that was dropped keeps its code."""
    if case.cutoff is None or case.due_at is None:
        return None
    titles = {each.code: each.title for each in catalog.cutoffs}
    return CutoffAt(case.cutoff, titles.get(case.cutoff, case.cutoff), case.due_at)


def _party(party: str | None) -> str:
    return _STOPPED if party is None else said(BALL, party)


def _used(
    case: ExceptionCase, target: ServiceTime, calendar: BusinessCalendar, pauses: Sequence[Pause], stage: Stage,
    now: datetime,
) -> int:  # fmt: skip
    if stage is Stage.STOPPED or case.due_at is None:
        return 0
    at = case.held_at if case.on_hold and case.held_at is not None else now
    whole = _counted(case.opened_at, case.due_at, target, calendar, pauses)
    if whole <= timedelta(0):
        return 100
    return max(0, min(100, round(_counted(case.opened_at, at, target, calendar, pauses) / whole * 100)))


def _counted(
    opened_at: datetime, until: datetime, target: ServiceTime, calendar: BusinessCalendar,
    pauses: Sequence[Pause],
) -> timedelta:  # fmt: skip
    """The clock's own time up to `until`, less what was paused by then."""
    still = [(each.first, min(each.last or until, until)) for each in pauses]
    return sla.elapsed(opened_at, until, target, calendar) - sla.paused_time(still, target, calendar)


def _response(
    case: ExceptionCase, calendar: BusinessCalendar, pauses: Sequence[Pause], now: datetime
) -> Response | None:
    due_at, came = case.response_due_at, case.responded_at
    if due_at is None:
        return None
    why = _why_then(case, calendar, pauses, due_at, came or now)
    if came is not None:
        missed = came > due_at
        return Response(due_at, came, missed, "too late" if missed else "in time", why)
    missed = now >= due_at and case.status == Status.OPEN
    return Response(due_at, None, missed, "nobody has taken it up yet" if missed else "waiting", why)


def _why_then(
    case: ExceptionCase, calendar: BusinessCalendar, pauses: Sequence[Pause], due_at: datetime, at: datetime
) -> str:
    """The sentence of the first response's deadline as it stood at `at`."""
    try:
        target = _SPAN.validate_python(case.response_target)
    except ValidationError:
        return ""
    earlier = [each for each in pauses if each.last is not None and each.first < at]
    told = explain(case.opened_at, target, calendar, now=at, pauses=earlier)
    return told.sentence if told.due_at == due_at else ""
