"""Codes as people read them, and clocks in words: what a status, a stage or a deadline is called.

Numbers, money and dates are `domain.wording`'s; here are only the words that belong to exceptions. Must not
know of HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.clock import BusinessCalendar, business_between
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Stage

STATUS = {
    "open": "Open",
    "awaiting_confirmation": "Resolved, unconfirmed",
    "resolved": "Resolved",
    "waived": "Waived",
    "live": "Open or unconfirmed",
    "any": "Any status",
}
STAGE = {
    "breached": "Breached",
    "due_soon": "Due soon",
    "on_track": "On track",
    "paused": "On hold",
    "stopped": "Clock stopped",
}
SEVERITY = {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low"}
BALL = {
    "us": "Us",
    "supplier": "Supplier",
    "requester": "Requester",
    "receiving": "Receiving",
    "payroll": "Payroll",
    "it": "IT",
    "buyer": "Buyer",
}
END = {
    "agrees_now": "the systems agree now",
    "left_window": "left the extract window",
    "rule_changed": "the rule changed",
    "fixed_once": "settled by Fix once",
    "superseded": "superseded by a more specific exception",
    "fixed_by_retry": "fixed by retry",
}


def said(words: dict[str, str], code: str) -> str:
    """A code in its words; an unknown one is still readable."""
    return words.get(code) or code.replace("_", " ").capitalize()


def inside(label: str) -> str:
    """A label in the middle of a sentence; an abbreviation keeps its capitals."""
    return label if label.isupper() else label.lower()


def entity_name(catalog: Catalog, code: str) -> str:
    """An entity as people call it; what belongs to none of them belongs to the network."""
    if code == NETWORK_SCOPE:
        return "Whole network"
    entity = catalog.entities.get(code)
    return entity.name if entity is not None else code


def queue_name(catalog: Catalog, code: str) -> str:
    """A queue as people call it; one that the configuration no longer has, by its code."""
    queue = catalog.queues.get(code)
    return queue.name if queue is not None else code


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """A person's zone; UTC where the name is not one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


@dataclass(frozen=True, slots=True)
class SlaWords:
    """The SLA chip: stage, what it says, and the exact time for those who ask."""

    stage: Stage
    label: str
    exact: str


def span_in_words(span: timedelta, calendar: BusinessCalendar) -> str:
    """The largest unit of a stretch of the calendar's time: `2 business days`, `5 h`, `40 min`."""
    days, rest = divmod(abs(span), calendar.hours_per_day)
    if days:
        return wording.plural(days, "day" if calendar.always_open else "business day")
    hours, rest = divmod(rest, timedelta(hours=1))
    return f"{hours} h" if hours else f"{int(rest.total_seconds()) // 60} min"


def sla_words(
    stage: Stage,
    status: str,
    due_at: datetime | None,
    now: datetime,
    calendar: BusinessCalendar,
    zone: tzinfo,
) -> SlaWords:
    """The chip of one exception. Time left and time over are the calendar's own, not the wall clock's."""
    if status != Status.OPEN or due_at is None:
        return SlaWords(stage, said(STATUS, status), "")
    exact = f"due {wording.instant(due_at, zone)}"
    if stage is Stage.PAUSED:
        return SlaWords(stage, "On hold", f"{exact} before the hold")
    if stage is Stage.BREACHED:
        return SlaWords(
            stage, f"{span_in_words(business_between(due_at, now, calendar), calendar)} over", exact
        )
    return SlaWords(stage, f"{span_in_words(business_between(now, due_at, calendar), calendar)} left", exact)


def age_in_words(opened_at: datetime, now: datetime, calendar: BusinessCalendar) -> str:
    """`12.5`: age in business days, one place, as a table shows it."""
    days = business_between(opened_at, now, calendar) / calendar.hours_per_day
    return f"{max(days, 0):.1f}"
