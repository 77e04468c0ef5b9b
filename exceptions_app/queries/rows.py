"""One exception as a line of a table: which columns it takes, and how they become words for one viewer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import from_e4
from exceptions_app.domain.sla import Stage, stage
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User

from .words import SlaWords, age_in_words, entity_name, sla_words, zone_of

COLUMNS = (
    *(Case.id, Case.version, Case.check_code, Case.category, Case.entity, Case.queue, Case.severity),
    *(Case.status, Case.reference, Case.counterparty, Case.sentence, Case.amount_e4, Case.currency),
    *(Case.reporting_amount_e4, Case.owner_id, User.name.label("owner_name"), Case.recurring),
    *(Case.opened_at, Case.since_at, Case.resolved_at, Case.due_at, Case.due_soon_at, Case.on_hold),
    *(Case.ball_in_court, Case.hold_until, Case.sla_calendar, Case.retry_count, Case.end_reason),
    *(Case.retry_state, Case.parent_id, Case.aging, Case.delay_at, Case.delay_cost_e4, Case.delay_why),
    Case.note,
)
"""What `RowMaker` needs, from exceptions outer-joined to their owner."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One exception as a line of a table: raw values for an export, words for a screen."""

    id: int
    reference: str
    version: int
    business_reference: str
    counterparty: str | None
    sentence: str
    check: str
    category: str
    category_title: str
    entity: str
    entity_name: str
    queue: str
    queue_name: str
    severity: str
    status: str
    stage: Stage
    sla: SlaWords
    amount: Decimal | None
    currency: str | None
    reporting_amount: Decimal | None
    owner_id: int | None
    owner: str | None
    recurring: bool
    on_hold: bool
    ball_in_court: str | None
    hold_until: datetime | None
    opened_at: datetime
    since_at: datetime
    due_at: datetime | None
    resolved_at: datetime | None
    age_business_days: str
    retries: int
    end_reason: str | None
    retry_state: str | None = None
    parent_id: int | None = None
    aging: int = 0
    delay_at: datetime | None = None
    delay_cost: Decimal | None = None
    delay_why: str | None = None
    note: str | None = None

    @property
    def has_flags(self) -> bool:
        """Whether there is more to say of it than that it is open."""
        retried = bool(self.retries) or self.retry_state is not None
        return self.recurring or self.on_hold or retried or self.status != Status.OPEN

    @property
    def amount_text(self) -> str:
        return "" if self.amount is None else wording.money(self.amount, self.currency)


class RowMaker:
    """Turns database rows into `CaseRow`s for one viewer at one instant; asks the catalog once per code."""

    def __init__(self, viewer: Viewer, catalog: Catalog, now: datetime) -> None:
        self.catalog, self.now, self.zone = catalog, now, zone_of(viewer.time_zone)
        self._calendars: dict[str, BusinessCalendar] = {}

    def calendar(self, code: str) -> BusinessCalendar:
        """The calendar of that code; one that the configuration no longer has counts every hour."""
        known = self._calendars.get(code)
        if known is None:
            exists = code in self.catalog.calendars
            known = self._calendars[code] = self.catalog.calendar(code) if exists else _every_hour(code)
        return known

    def __call__(self, row: Row[Any]) -> CaseRow:
        return self.made(row, row.owner_name)

    def made(self, row: Row[Any] | Case, owner: str | None) -> CaseRow:
        """From an exception that was read whole, too."""
        catalog, now, calendar = self.catalog, self.now, self.calendar(row.sla_calendar)
        category = catalog.categories.get(row.category)
        queue = catalog.queues.get(row.queue)
        at = stage(now, row.due_at, row.due_soon_at, row.on_hold, row.status)
        return CaseRow(
            id=row.id,
            reference=public_id.encode(row.id),
            version=row.version,
            business_reference=row.reference,
            counterparty=row.counterparty,
            sentence=row.sentence,
            check=row.check_code,
            category=row.category,
            category_title=category.title if category else row.category,
            entity=row.entity,
            entity_name=entity_name(catalog, row.entity),
            queue=row.queue,
            queue_name=queue.name if queue else row.queue,
            severity=row.severity,
            status=row.status,
            stage=at,
            sla=sla_words(at, row.status, row.due_at, now, calendar, self.zone),
            amount=None if row.amount_e4 is None else from_e4(row.amount_e4),
            currency=row.currency,
            reporting_amount=None if row.reporting_amount_e4 is None else from_e4(row.reporting_amount_e4),
            owner_id=row.owner_id,
            owner=owner,
            recurring=row.recurring,
            on_hold=row.on_hold,
            ball_in_court=row.ball_in_court,
            hold_until=row.hold_until,
            opened_at=row.opened_at,
            since_at=row.since_at,
            due_at=row.due_at,
            resolved_at=row.resolved_at,
            age_business_days=age_in_words(row.opened_at, row.resolved_at or now, calendar),
            retries=row.retry_count,
            end_reason=row.end_reason,
            retry_state=row.retry_state,
            parent_id=row.parent_id,
            aging=row.aging,
            delay_at=row.delay_at,
            delay_cost=None if row.delay_cost_e4 is None else from_e4(row.delay_cost_e4),
            delay_why=row.delay_why,
            note=row.note,
        )


def _every_hour(code: str) -> BusinessCalendar:
    return BusinessCalendar(code, ZoneInfo("UTC"), (), always_open=True, hours_per_day=timedelta(hours=24))
