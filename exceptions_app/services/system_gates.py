"""How sending to each system stands, as rows: kept over restarts, shared by processes, shown to people.

Knows no rules: what follows from an answer is decided by `domain.breaker`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from exceptions_app.domain.breaker import Gate, State
from exceptions_app.models import SystemGate

from . import tasks

STATES: dict[str, State] = {
    "closed": "closed",
    "open": "open",
    "half_open": "half_open",
    "draining": "draining",
}


def load(session: Session, system: str) -> Gate:
    """How the system stands; one that was never sent to takes everything."""
    row = session.get(SystemGate, system)
    if row is None:
        return Gate()
    return Gate(
        STATES.get(row.state, "closed"),
        row.failures,
        timedelta(seconds=row.pause_seconds),
        row.allowance,
        row.opened_at,
        row.retry_at,
    )


def save(session: Session, system: str, gate: Gate, now: datetime, last_error: str | None = None) -> None:
    """Keep it. `last_error`: what the newest failure said; None leaves what is there."""
    row = session.get(SystemGate, system)
    if row is None:
        row = SystemGate(system=system, changed_at=now)
        session.add(row)
    if row.state != gate.state:
        row.changed_at = now
    row.state, row.failures, row.allowance = gate.state, gate.failures, gate.allowance
    row.pause_seconds = int(gate.pause.total_seconds())
    row.opened_at, row.retry_at = gate.opened_at, gate.retry_at
    if last_error is not None:
        row.last_error = last_error[:2000]
    session.flush()


def ask_to_send(session: Session, system: str, now: datetime, *, not_before: datetime | None = None) -> None:
    """Have a job process look at what waits for a system: at once, or then."""
    tasks.request(
        session, "deliver", f"deliver:{system}", {"system": system}, None, now, not_before=not_before
    )
