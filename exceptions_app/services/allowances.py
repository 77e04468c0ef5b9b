"""What may be asked of each system, as rows: kept over restarts, shared by the processes that read, shown to people.

Knows no rules: those are the reader's. Each look and each change is a short transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from exceptions_app.connectors.rest.allowance import Standing
from exceptions_app.domain.breaker import Gate
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import SystemAllowance

from .conflict import insert_unless_exists
from .engine import reading
from .system_gates import STATES

_LONGEST = 2000


@dataclass(frozen=True)
class DatabaseLedger:
    """Two of one engine are the same."""

    engine: Engine

    def look(self, system: str) -> Standing:
        with Session(self.engine) as session:
            row = reading(session).get(SystemAllowance, system)
            return Standing() if row is None else _standing(row)

    def change(self, system: str, change: Callable[[Standing], Standing]) -> Standing:
        with Session(self.engine) as session, session.begin():
            insert_unless_exists(
                session, SystemAllowance, system=system, state="closed", failures=0, pause_seconds=0, used=0,
                changed_at=utc_now(),
            )  # fmt: skip
            wanted = select(SystemAllowance).where(SystemAllowance.system == system).with_for_update()
            row = session.scalars(wanted).one()
            before = _standing(row)
            after = change(before)
            if after != before:
                _write(row, after)
            return after


def _standing(row: SystemAllowance) -> Standing:
    pause, state = timedelta(seconds=row.pause_seconds), STATES.get(row.state, "closed")
    gate = Gate(state, row.failures, pause, 0, row.opened_at, row.retry_at)
    return Standing(gate, row.last_error or "", row.window_at, row.used, row.next_at)


def _write(row: SystemAllowance, standing: Standing) -> None:
    gate = standing.gate
    if row.state != gate.state:
        row.changed_at = utc_now()
    row.state, row.failures, row.pause_seconds = gate.state, gate.failures, int(gate.pause.total_seconds())
    row.opened_at, row.retry_at = gate.opened_at, gate.retry_at
    row.last_error = standing.last_error[:_LONGEST] or None
    row.window_at, row.used, row.next_at = standing.window, standing.used, standing.next_at
