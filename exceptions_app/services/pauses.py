"""The event log of the clock: the stretches in which an exception's clock stood still, as they were kept.

A hold is written when it begins and again when it ends; a stop (a waiver, a record that left the window) when the
clock goes on. Rows are wall-clock time, so any calendar can be applied to them later. Knows no deadline.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from exceptions_app.models import CasePause, ExceptionCase

from .bulk import in_batches

HOLD, STOPPED = "hold", "stopped"


def held(case: ExceptionCase, now: datetime, party: str, reason: str) -> None:
    """A hold begins."""
    _session(case).add(
        CasePause(case_id=case.id, cycle=case.cycle, kind=HOLD, party=party, reason=reason, started_at=now)
    )


def hold_ended(case: ExceptionCase, at: datetime) -> None:
    """The hold that is on ends; one that the log does not know (it began before there was a log) is added."""
    rows = [row for row in of(case) if row.kind == HOLD and row.ended_at is None]
    if not rows and case.held_at is not None:
        rows = [_row(case, HOLD, case.held_at, party=case.ball_in_court, reason=case.hold_reason)]
        _session(case).add_all(rows)
    for row in rows:
        row.ended_at = max(at, row.started_at)


def stopped(case: ExceptionCase, since: datetime, until: datetime) -> None:
    """The clock stood still although nobody held it: it had ended without the problem having gone."""
    if until > since:
        _session(case).add(_row(case, STOPPED, since, until))


def of(case: ExceptionCase) -> list[CasePause]:
    """The stretches of the exception's cycle, in order."""
    rows = select(CasePause).where(CasePause.case_id == case.id, CasePause.cycle == case.cycle)
    return list(_session(case).scalars(rows.order_by(CasePause.started_at, CasePause.id)))


def of_many(session: Session, ids: Collection[int]) -> dict[tuple[int, int], list[CasePause]]:
    """The stretches of many exceptions, by id and cycle."""
    found: dict[tuple[int, int], list[CasePause]] = {}
    for batch in in_batches(ids):
        rows = (
            select(CasePause).where(CasePause.case_id.in_(batch)).order_by(CasePause.started_at, CasePause.id)
        )
        for row in session.scalars(rows):
            found.setdefault((row.case_id, row.cycle), []).append(row)
    return found


def over(rows: Iterable[CasePause]) -> list[tuple[datetime, datetime]]:
    """The stretches that have ended."""
    return [(row.started_at, row.ended_at) for row in rows if row.ended_at is not None]


def stops(rows: Sequence[CasePause]) -> list[tuple[datetime, datetime]]:
    """Those of them that were no hold."""
    return over(row for row in rows if row.kind == STOPPED)


def _row(
    case: ExceptionCase,
    kind: str,
    started_at: datetime,
    ended_at: datetime | None = None,
    *,
    party: str | None = None,
    reason: str | None = None,
) -> CasePause:
    return CasePause(
        case_id=case.id, cycle=case.cycle, kind=kind, party=party, reason=reason, started_at=started_at,
        ended_at=ended_at,
    )  # fmt: skip


def _session(case: ExceptionCase) -> Session:
    session = object_session(case)
    if session is None:
        raise RuntimeError(f"exception {case.id} belongs to no session")
    return session
