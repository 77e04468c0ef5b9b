"""Where a discrepancy goes: queue, severity, service level, amount in reporting currency, its sentence.

Everything that is the same for many rows of one intake is worked out once. Writes nothing.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import routing, sla, wording
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import RATE_SCALE, convert, from_e4, to_e4, to_e8

from .case_clock import subject_of, target_for

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


@dataclass(frozen=True, slots=True)
class Amounts:
    """In 1/10,000 of the own and of the reporting currency; None where nobody can say."""

    amount_e4: int | None
    reporting_e4: int | None
    rate_e8: int | None


class Placing:
    """Places the discrepancies of one intake, all at the same instant under the same configuration."""

    def __init__(self, catalog: Catalog, now: datetime) -> None:
        self._catalog = catalog
        self._now = now
        self._placements: dict[tuple[str, str, bool, int], Placement] = {}
        self._rates: dict[str | None, int | None] = {}
        rules: list[routing.RuleLike] = [*catalog.routing, *catalog.sla_policies]
        self._limits = sorted({to_e4(rule.amount_from) for rule in rules if rule.amount_from is not None})

    def place(self, found: Discrepancy, reporting_e4: int | None) -> Placement:
        """The first route and policy that fit; worked out once per category, entity, severity and amount
        step.
        """
        step = -1 if reporting_e4 is None else bisect_right(self._limits, abs(reporting_e4))
        key = (found.category, found.entity, found.critical, step)
        placement = self._placements.get(key)
        if placement is None:
            placement = self._placements[key] = self._work_out(found, reporting_e4)
        return placement

    def severity(self, found: Discrepancy) -> str:
        return "critical" if found.critical else self._catalog.categories[found.category].severity

    def _work_out(self, found: Discrepancy, reporting_e4: int | None) -> Placement:
        catalog, severity = self._catalog, self.severity(found)
        amount = None if reporting_e4 is None else from_e4(reporting_e4)
        subject = subject_of(catalog, found.category, found.entity, severity, amount)
        queue = routing.route(subject, catalog.routing, catalog.categories[found.category].queue)
        target = target_for(catalog, replace(subject, queue=queue), found.entity)
        due = sla.due_times(self._now, target.span, target.calendar)
        told = (self._now, due.due_at, due.due_soon_at, False, Status.OPEN.value)
        return Placement(
            queue, severity, str(target.span), target.calendar.code, sla.stage(*told).value,
            due.due_at, due.due_soon_at, sla.next_sla_at(*told),
        )  # fmt: skip

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
