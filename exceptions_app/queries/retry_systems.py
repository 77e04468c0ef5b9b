"""How sending to each system stands: at work, resting, being tried, recovering; how fast, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import DeliveryRules
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, ExceptionCase, SystemGate

from . import retry_words as words
from .deliveries import gates
from .words import zone_of

_COUNTED = (Sent.WAITING.value, Sent.SENDING.value, Sent.UNSURE.value, Sent.FAILED.value)


@dataclass(frozen=True, slots=True)
class SystemLine:
    """One system that something can be sent to. `state`: sending, resting, tried or recovering.

    The counts are of exceptions that the viewer may see.
    """

    code: str
    name: str
    state: str
    said: str
    since: datetime | None
    last_error: str
    throttle: str
    honours_keys: bool
    operations: tuple[str, ...]
    waiting: int
    sending: int
    unsure: int
    gave_up: int


def systems(session: Session, viewer: Viewer, catalog: Catalog, *, now: datetime) -> tuple[SystemLine, ...]:
    """Every system that an operation writes to, or that something waits for. Two statements."""
    counts: dict[tuple[str, str], int] = {}
    d = Delivery
    wanted = (
        select(d.system, d.status, func.count())
        .join(ExceptionCase, ExceptionCase.id == d.case_id)
        .where(*visible(viewer), d.status.in_(_COUNTED))
        .group_by(d.system, d.status)
    )
    for system, status, count in session.execute(wanted):
        counts[system, status] = count
    standing = gates(session)
    codes = dict.fromkeys(operation.system for operation in catalog.operations.values())
    codes |= dict.fromkeys(system for system, _ in counts if system)
    return tuple(_line(catalog, viewer, code, standing.get(code), counts, now) for code in codes)


def _line(
    catalog: Catalog, viewer: Viewer, code: str, gate: SystemGate | None, counts: dict[tuple[str, str], int],
    now: datetime,
) -> SystemLine:  # fmt: skip
    system = catalog.systems.get(code)
    rules = system.delivery if system else DeliveryRules()
    state, said = _stands(gate, rules, viewer, now)
    return SystemLine(
        code=code,
        name=system.name if system else code,
        state=state,
        said=said,
        since=(gate.opened_at or gate.changed_at) if gate and state != "sending" else None,
        last_error=(gate.last_error or "") if gate and state != "sending" else "",
        throttle=words.throttle(rules),
        honours_keys=rules.idempotent,
        operations=tuple(each.title for each in catalog.operations.values() if each.system == code),
        waiting=counts.get((code, Sent.WAITING.value), 0),
        sending=counts.get((code, Sent.SENDING.value), 0),
        unsure=counts.get((code, Sent.UNSURE.value), 0),
        gave_up=counts.get((code, Sent.FAILED.value), 0),
    )


def _stands(gate: SystemGate | None, rules: DeliveryRules, viewer: Viewer, now: datetime) -> tuple[str, str]:
    if gate is None:
        return "sending", "Sending"
    if gate.retry_at is not None and gate.retry_at > now:
        return "resting", f"Resting until {words.clock(gate.retry_at, now, zone_of(viewer.time_zone))}"
    if gate.state in ("open", "half_open"):
        return "tried", "Being tried: one at a time shows whether it answers again"
    if gate.state == "draining":
        return (
            "recovering",
            f"Recovering: {min(gate.allowance, rules.concurrency)} of {rules.concurrency} at once",
        )
    return "sending", "Sending"
