"""Which service level holds for an exception: its target, calendar, first response and cut-offs.

Answers come from the configuration alone and are worked out once per category, entity, queue, severity and
amount step. Writes nothing.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from pydantic import TypeAdapter

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ServiceTime, Span
from exceptions_app.domain import cutoffs, routing
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.cutoffs import Schedule
from exceptions_app.domain.money import from_e4, to_e4

_SPAN: TypeAdapter[ServiceTime] = TypeAdapter(Span)


class Placed(Protocol):
    """As much of an exception as says which service level holds."""

    @property
    def category(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def reporting_amount_e4(self) -> int | None: ...
    @property
    def sla_target(self) -> str: ...
    @property
    def sla_calendar(self) -> str: ...
    @property
    def response_target(self) -> str | None: ...
    @property
    def facts(self) -> str: ...
    @property
    def business_key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Target:
    """How long there is, on which calendar, by when somebody must have taken it up, and which cut-offs concern it."""

    span: ServiceTime
    calendar: BusinessCalendar
    response: ServiceTime | None = None
    cutoffs: Sequence[Schedule] = ()

    @property
    def asked(self) -> bool:
        """Whether what an exception says decides which cut-offs concern it."""
        return any(each.asks for each in self.cutoffs)

    def concerning(self, facts: str, business_key: str) -> Target:
        """The same with the cut-offs only that concern an exception which says this, as its row keeps it (JSON)."""
        if not self.asked:
            return self
        said = {name: str(value) for name, value in json.loads(facts).items()}
        said |= {f"key.{name}": str(value) for name, value in json.loads(business_key).items()}
        return replace(self, cutoffs=[each.of(said) for each in self.cutoffs if each.concerns(said)])


@lru_cache(maxsize=256)
def span(text: str) -> ServiceTime:
    """A target as the row keeps it (`2 business days`). Raises ValueError where it is none."""
    return _SPAN.validate_python(text)


class Targets:
    """The service levels of one configuration."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        rules: list[routing.RuleLike] = [*catalog.routing, *catalog.sla_policies]
        self._limits = sorted({to_e4(rule.amount_from) for rule in rules if rule.amount_from is not None})
        self._schedules = {
            each.code: Schedule(each, catalog.calendar(each.calendar)) for each in catalog.cutoffs
        }
        self._found: dict[tuple[str, str, str, str, int], Target] = {}
        self._stored: dict[tuple[str, str | None, str, str, str, str], Target] = {}
        self._paths: dict[str, frozenset[str]] = {}

    def step(self, reporting_e4: int | None) -> int:
        """Which amounts all rules treat alike; -1 where the amount is unknown."""
        return -1 if reporting_e4 is None else bisect_right(self._limits, abs(reporting_e4))

    def path(self, entity: str) -> frozenset[str]:
        """The entity and all above it."""
        if entity not in self._paths:
            self._paths[entity] = frozenset(self._catalog.ancestors(entity)) | {entity}
        return self._paths[entity]

    def queue(self, category: str, entity: str, severity: str, reporting_e4: int | None) -> str:
        """Where the first route that fits leads, else the category's own queue."""
        subject = routing.Subject(category, self.path(entity), severity, _amount(reporting_e4))
        return routing.route(subject, self._catalog.routing, self._catalog.categories[category].queue)

    def target(
        self, category: str, entity: str, severity: str, reporting_e4: int | None, queue: str
    ) -> Target:
        """The first policy that fits, else the category's own target, with all cut-offs that may concern such an
        exception. Raises KeyError for an unknown category or queue.
        """
        key = (category, entity, severity, queue, self.step(reporting_e4))
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._work_out(category, entity, severity, reporting_e4, queue)
        return found

    def of(self, case: Placed) -> Target:
        """What holds today for an exception; what its row says where the configuration has dropped its category or
        queue.
        """
        if case.category in self._catalog.categories and case.queue in self._catalog.queues:
            found = self.target(
                case.category, case.entity, case.severity, case.reporting_amount_e4, case.queue
            )
            return found.concerning(case.facts, case.business_key) if found.asked else found
        return self.stored(case)

    def stored(self, case: Placed) -> Target:
        """What the row says; on a calendar that was dropped, the one that would be chosen today."""
        key = (
            case.sla_target, case.response_target, case.sla_calendar, case.category, case.entity, case.queue,
        )  # fmt: skip
        found = self._stored.get(key)
        if found is None:
            response = None if case.response_target is None else span(case.response_target)
            found = self._stored[key] = Target(
                span(case.sla_target), self._calendar(case), response,
                self._cutoffs(case.category, case.entity, case.queue),
            )  # fmt: skip
        return found.concerning(case.facts, case.business_key) if found.asked else found

    def _calendar(self, case: Placed) -> BusinessCalendar:
        if case.sla_calendar in self._catalog.calendars:
            return self._catalog.calendar(case.sla_calendar)
        queue = case.queue if case.queue in self._catalog.queues else next(iter(self._catalog.queues))
        return self._catalog.calendar_for(case.entity, queue)

    def _work_out(
        self, category: str, entity: str, severity: str, reporting_e4: int | None, queue: str
    ) -> Target:
        catalog, own = self._catalog, self._catalog.categories[category]
        subject = routing.Subject(category, self.path(entity), severity, _amount(reporting_e4), queue)
        fitting, cuts = routing.policy(subject, catalog.sla_policies), self._cutoffs(category, entity, queue)
        usual = catalog.calendar_for(entity, queue)
        if fitting is None:
            return Target(own.target, usual, own.first_response, cuts)
        calendar = catalog.calendar(fitting.calendar) if fitting.calendar else usual
        return Target(fitting.target, calendar, fitting.first_response or own.first_response, cuts)

    def _cutoffs(self, category: str, entity: str, queue: str) -> tuple[Schedule, ...]:
        path = self.path(entity)
        fitting = (each.code for each in self._catalog.cutoffs if cutoffs.fits(each, category, path, queue))
        return tuple(self._schedules[code] for code in fitting)


def _amount(reporting_e4: int | None) -> Decimal | None:
    return None if reporting_e4 is None else from_e4(reporting_e4)


@lru_cache(maxsize=8)
def targets(catalog: Catalog) -> Targets:
    """The service levels of a configuration, remembered between requests."""
    return Targets(catalog)
