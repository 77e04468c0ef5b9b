"""What revision 0002 makes of an install that has run before: the clock's event log, from the audit trail.

Holds and stops are read off the events that began and ended them, however they ended. Frozen with the revision: it
must not import what may change, such as models or services. Deadlines are left to the first recomputation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

_STARTS = {"case:held": "hold", "case:waived": "stopped", "case:closed": "stopped"}
_HOLD_ENDS = ("case:resumed", "case:resolved", "case:waived", "case:closed")
_STOP_ENDS = ("case:reopened", "case:unwaived", "case:returned")
_NEW_CYCLE = "case:recurred"
_TAGS = (*_STARTS, *_HOLD_ENDS, *_STOP_ENDS, _NEW_CYCLE)
_RESPONSES = (
    "case:claimed", "case:held", "case:resumed", "case:resolved", "case:waived", "case:reopened",
    "case:commented",
)  # fmt: skip
_TOLD = {"due_soon": 3, "breached": 7}
"""Stage -> what must not be told again: half-way and due soon, and breached."""

_BATCH = 2_000


@dataclass
class _Open:
    """A stretch that has begun."""

    kind: str
    started_at: datetime
    until: datetime | None
    party: str | None
    reason: str | None


def fill(connection: sa.Connection) -> None:
    """Write the log, who responded when, and what has been told already."""
    tables = sa.MetaData()
    tables.reflect(connection, only=["exception_case", "case_pause", "audit_event", "audit_payload"])
    pause, case = tables.tables["case_pause"], tables.tables["exception_case"]
    rows: list[dict[str, Any]] = []
    for row in _stretches(connection, tables.tables["audit_event"], tables.tables["audit_payload"]):
        rows.append(row)
        if len(rows) == _BATCH:
            connection.execute(sa.insert(pause), rows)
            rows = []
    if rows:
        connection.execute(sa.insert(pause), rows)
    _add_unknown_holds(connection, case, pause)
    _mark_responses(connection, case, tables.tables["audit_event"])
    _mark_told(connection, case)


def _stretches(connection: sa.Connection, event: sa.Table, payload: sa.Table) -> Iterator[dict[str, Any]]:
    told = (
        sa.select(event.c.case_id, event.c.tag, event.c.at, payload.c.payload)
        .outerjoin(payload, payload.c.event_id == event.c.id)
        .where(event.c.case_id.is_not(None), event.c.tag.in_(_TAGS))
        .order_by(event.c.case_id, event.c.id)
        .execution_options(yield_per=_BATCH)
    )
    for case_id, events in groupby(connection.execute(told), key=lambda row: row.case_id):
        for each in _of_one(events):
            yield {"case_id": case_id} | each


def _of_one(events: Iterable[Any]) -> Iterator[dict[str, Any]]:
    cycle, hold, stop = 1, None, None
    for _, tag, at, payload in events:
        if hold is not None and tag in _HOLD_ENDS:
            yield _ended(hold, cycle, at)
            hold = None
        if stop is not None and tag in (*_STOP_ENDS, "case:closed"):
            yield _ended(stop, cycle, at)
            stop = None
        if tag == _NEW_CYCLE:
            cycle, hold, stop = cycle + 1, None, None
        elif tag == "case:held":
            hold = _begun(tag, at, payload)
        elif tag in _STARTS:
            stop = _begun(tag, at, payload)
    if hold is not None:
        yield _ended(hold, cycle, None)


def _begun(tag: str, at: datetime, payload: str | None) -> _Open:
    if tag != "case:held":
        return _Open(_STARTS[tag], at, None, None, None)
    content = json.loads(payload) if payload else {}
    after = content.get("after") or {}
    until = after.get("hold_until")
    ends = datetime.fromisoformat(until).astimezone(UTC) if until else None
    return _Open(_STARTS[tag], at, ends, after.get("ball_in_court"), content.get("why"))


def _ended(stretch: _Open, cycle: int, at: datetime | None) -> dict[str, Any]:
    """A hold that was to end by a certain time ended then, however late somebody looked."""
    if at is not None and stretch.until is not None:
        at = min(_aware(at), stretch.until)
    return {
        "cycle": cycle, "kind": stretch.kind, "party": stretch.party, "reason": stretch.reason,
        "started_at": _aware(stretch.started_at), "ended_at": None if at is None else _aware(at),
    }  # fmt: skip


def _aware(at: datetime) -> datetime:
    """SQLite gives times without a zone: they are UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _add_unknown_holds(connection: sa.Connection, case: sa.Table, pause: sa.Table) -> None:
    """A hold that is on and that no event tells of (its trail may have been erased)."""
    known = sa.exists().where(pause.c.case_id == case.c.id, pause.c.ended_at.is_(None))
    columns = ("case_id", "cycle", "kind", "party", "reason", "started_at")
    held = sa.select(
        case.c.id, case.c.cycle, sa.literal("hold"), case.c.ball_in_court, case.c.hold_reason, case.c.held_at
    ).where(case.c.on_hold, case.c.held_at.is_not(None), ~known)
    connection.execute(sa.insert(pause).from_select(columns, held))


def _mark_responses(connection: sa.Connection, case: sa.Table, event: sa.Table) -> None:
    first = (
        sa.select(sa.func.min(event.c.at))
        .where(
            event.c.case_id == case.c.id, event.c.at >= case.c.opened_at, event.c.actor.like("user:%"),
            event.c.tag.in_(_RESPONSES),
        )
        .scalar_subquery()
    )  # fmt: skip
    connection.execute(sa.update(case).values(responded_at=first))


def _mark_told(connection: sa.Connection, case: sa.Table) -> None:
    for stage, told in _TOLD.items():
        connection.execute(sa.update(case).where(case.c.sla_stage == stage).values(told=told))
    breached = case.c.breached_at.is_not(None)
    connection.execute(sa.update(case).where(breached).values(told=_TOLD["breached"]))
