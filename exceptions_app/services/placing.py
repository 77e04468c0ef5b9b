"""Where a discrepancy goes: queue, severity, service level, amount in reporting currency, its sentence.

Everything that is the same for many rows of one intake is worked out once. Writes nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.delay import PREFIX, cost_of_delay
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import RATE_SCALE, convert, to_e4, to_e8

from .clock_state import work_out
from .targets import targets

_TEXT_LIMIT = 200
_LINE_LIMIT = 300
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Placement:
    """What routing and service levels say about an exception opened now."""

    queue: str
    severity: str
    sla_target: str
    sla_calendar: str
    sla_stage: str
    due_at: datetime
    due_soon_at: datetime
    next_sla_at: datetime | None
    half_at: datetime
    cutoff: str | None
    response_target: str | None
    response_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Amounts:
    """In 1/10,000 of the own and of the reporting currency; None where nobody can say."""

    amount_e4: int | None
    reporting_e4: int | None
    rate_e8: int | None


class Waiting(NamedTuple):
    """From when waiting costs, its place in the order of what waiting costs, and why: columns of an exception."""

    delay_at: datetime | None
    delay_cost_e4: int | None
    """`domain.delay.Delay.rank`: what is lost in 1/10,000 of the reporting currency, or below 0."""
    delay_why: str | None


_NO_WAITING = Waiting(None, None, None)


@dataclass(frozen=True, slots=True)
class _Opened:
    """An exception whose clock starts now."""

    opened_at: datetime
    status: str = Status.OPEN
    on_hold: bool = False
    held_at: datetime | None = None
    hold_until: datetime | None = None
    responded_at: datetime | None = None
    breached_at: datetime | None = None
    told: int = 0
    aging: int = 0


class Placing:
    """Places the discrepancies of one intake, all at the same instant under the same configuration."""

    def __init__(self, catalog: Catalog, now: datetime) -> None:
        self._catalog = catalog
        self._now = now
        self._placements: dict[tuple[str, str, bool, int], Placement] = {}
        self._rates: dict[str | None, int | None] = {}
        self._targets = targets(catalog)

    def place(self, found: Discrepancy, reporting_e4: int | None) -> Placement:
        """The first route and policy that fit; worked out once per category, entity, severity and amount
        step, but for what cut-offs ask for facts of.
        """
        key = (found.category, found.entity, found.critical, self._targets.step(reporting_e4))
        placement = self._placements.get(key)
        if placement is None:
            placement, of_all = self._work_out(found, reporting_e4)
            if of_all:
                self._placements[key] = placement
        return placement

    def severity(self, found: Discrepancy) -> str:
        return "critical" if found.critical else self._catalog.categories[found.category].severity

    def queue(self, found: Discrepancy, reporting_e4: int | None) -> str:
        """Where routing would put it today."""
        return self.place(found, reporting_e4).queue

    def _work_out(self, found: Discrepancy, reporting_e4: int | None) -> tuple[Placement, bool]:
        """And whether it is that of all alike: not where facts decide over cut-offs."""
        category, entity, severity = found.category, found.entity, self.severity(found)
        queue = self._targets.queue(category, entity, severity, reporting_e4)
        target = self._targets.target(category, entity, severity, reporting_e4, queue)
        concerning = target.concerning(found.facts, found.business_key)
        clock = work_out(_Opened(self._now), concerning, (), (), self._now)
        placement = Placement(
            queue, severity, clock.sla_target, clock.sla_calendar, clock.sla_stage, clock.due_at,
            clock.due_soon_at, clock.next_sla_at, clock.half_at, clock.cutoff, clock.response_target,
            clock.response_due_at,
        )  # fmt: skip
        return placement, not target.asked

    def amounts(self, found: Discrepancy) -> Amounts:
        """The amount at the rate of today. An amount too large to keep stays in the evidence only."""
        if found.amount is None:
            return Amounts(None, None, None)
        rate_e8 = self._rate(found.currency)
        try:
            amount_e4 = to_e4(found.amount)
        except (OverflowError, ArithmeticError):
            return Amounts(None, None, None)
        reporting = None if rate_e8 is None else convert(amount_e4, rate_e8)
        if reporting is not None and abs(reporting) > _LARGEST:
            return Amounts(None, None, None)
        return Amounts(amount_e4, reporting, rate_e8)

    def delay(self, found: Discrepancy, rate_e8: int | None, calendar: str) -> Waiting:
        """What waiting costs from when, in the reporting currency; days end where the clock's calendar is."""
        if f'"{PREFIX}' not in found.facts:
            return _NO_WAITING
        zone = self._catalog.calendar(calendar).zone if calendar in self._catalog.calendars else UTC
        costs = cost_of_delay(json.loads(found.facts), self._now, zone)
        if costs is None:
            return _NO_WAITING
        lost = None if costs.cost is None or rate_e8 is None else convert(to_e4(costs.cost), rate_e8)
        priced = None if lost is None or lost > _LARGEST else lost
        return Waiting(costs.at, costs.rank(priced), short(costs.why))

    def _rate(self, currency: str | None) -> int | None:
        if currency not in self._rates:
            rate = self._catalog.rate(currency, self._now.date()) if currency else None
            self._rates[currency] = (
                RATE_SCALE if rate == Decimal(1) else to_e8(rate) if rate is not None else None
            )
        return self._rates[currency]

    def sentence(self, found: Discrepancy) -> str:
        """What is wrong, in the category's words and with the facts' values."""
        facts: dict[str, Any] = json.loads(found.facts)
        if (system := self._catalog.systems.get(str(facts.get("system")))) is not None:
            facts["system"] = system.name
        return clean(wording.render(self._catalog.categories[found.category].sentence, facts, found.currency))


def clean(text: str) -> str:
    """Without NUL characters, which PostgreSQL cannot hold."""
    return text.replace("\0", "") if "\0" in text else text


def short(text: str) -> str:
    """What fits a reference or a name."""
    return clean(text)[:_TEXT_LIMIT]


def line_of(found: Discrepancy) -> str | None:
    """The transaction line that the exception belongs to."""
    return clean(found.lines[0])[:_LINE_LIMIT] if found.lines else None


def also_text(found: Discrepancy) -> str:
    """The further categories on the line, as JSON."""
    return json.dumps(found.also) if found.also else "[]"
