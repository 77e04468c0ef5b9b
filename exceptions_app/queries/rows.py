"""One exception as a line of a table: which columns it takes, and how they become words for one viewer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.delay import lost
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import from_e4
from exceptions_app.domain.sla import Stage, stage
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User

from .words import SlaWords, age_in_words, entity_name, queue_name, sla_words, zone_of

COLUMNS = (
    *(Case.id, Case.version, Case.check_code, Case.category, Case.entity, Case.queue, Case.severity),
    *(Case.status, Case.reference, Case.counterparty, Case.sentence, Case.amount_e4, Case.currency),
    *(Case.reporting_amount_e4, Case.owner_id, User.name.label("owner_name"), Case.recurring),
    *(Case.opened_at, Case.since_at, Case.resolved_at, Case.due_at, Case.due_soon_at, Case.on_hold),
    *(Case.ball_in_court, Case.hold_until, Case.sla_calendar, Case.retry_count, Case.end_reason),
    *(Case.retry_state, Case.parent_id, Case.aging, Case.delay_at, Case.delay_cost_e4, Case.delay_why),
    Case.note,
)
"""What `RowMaker` needs, from exceptions outer-joined to their owner. Other columns may follow these."""
_WIDTH = len(COLUMNS)
_NAMES = [column.key for column in COLUMNS]


class CaseRow(NamedTuple):
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
        return self._made(row[:_WIDTH])

    def made(self, case: Case, owner: str | None) -> CaseRow:
        """From an exception that was read whole, too."""
        return self._made([owner if name == "owner_name" else getattr(case, name) for name in _NAMES])

    def _made(self, values: Sequence[Any]) -> CaseRow:
        """Taken apart once: a page asks for some forty values of each of its rows."""
        (
            number, version, check, category, entity, queue, severity,
            status, reference, counterparty, sentence, amount_e4, currency,
            reporting_e4, owner_id, owner, recurring,
            opened_at, since_at, resolved_at, due_at, due_soon_at, on_hold,
            ball, hold_until, calendar_code, retries, end_reason,
            retry_state, parent_id, aging, delay_at, delay_e4, delay_why,
            note,
        ) = values  # fmt: skip
        now, calendar = self.now, self.calendar(calendar_code)
        category_title, entity_called, queue_called = self._called(category, entity, queue)
        at = stage(now, due_at, due_soon_at, on_hold, status)
        return CaseRow(
            number, public_id.encode(number), version, reference, counterparty, sentence, check,
            category, category_title, entity, entity_called, queue, queue_called, severity, status,
            at, sla_words(at, status, due_at, now, calendar, self.zone),
            None if amount_e4 is None else from_e4(amount_e4), currency,
            None if reporting_e4 is None else from_e4(reporting_e4),
            owner_id, owner, recurring, on_hold, ball, hold_until, opened_at, since_at, due_at, resolved_at,
            age_in_words(opened_at, resolved_at or now, calendar), retries, end_reason, retry_state, parent_id, aging,
            delay_at, None if (lost_e4 := lost(delay_e4)) is None else from_e4(lost_e4), delay_why, note,
        )  # fmt: skip

    def _called(self, category: str, entity: str, queue: str) -> tuple[str, str, str]:
        known = self.catalog.categories.get(category)
        title = known.title if known else category
        return title, entity_name(self.catalog, entity), queue_name(self.catalog, queue)


def _every_hour(code: str) -> BusinessCalendar:
    return BusinessCalendar(code, ZoneInfo("UTC"), (), always_open=True, hours_per_day=timedelta(hours=24))
