"""Where an open exception belongs under the configuration in force: its queue and its severity. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck

from .targets import Targets, targets

CRITICAL = "critical"


class Place(NamedTuple):
    """The columns by their names."""

    queue: str
    severity: str


@dataclass(frozen=True, slots=True)
class Moved:
    """An exception as its service level sees it, in another place."""

    category: str
    entity: str
    queue: str
    severity: str
    reporting_amount_e4: int | None
    sla_target: str
    sla_calendar: str
    response_target: str | None
    facts: str
    business_key: str


class Belonging:
    """Routing and severities of one configuration."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._targets = catalog, targets(catalog)
        self._raised = frozenset(_raised(catalog))

    @property
    def targets(self) -> Targets:
        return self._targets

    def place(self, row: Any) -> Place:
        """Whoever has an exception keeps it where it is, and so does one on hold, as in intake. What a finding made
        critical by its own figures stays so.
        """
        category = self._catalog.categories.get(row.category)
        if category is None:
            return Place(row.queue, row.severity)
        own = row.severity == CRITICAL and row.category in self._raised
        severity = CRITICAL if own else category.severity
        if row.owner_id is not None or row.on_hold:
            return Place(row.queue, severity)
        queue = self._targets.queue(row.category, row.entity, severity, row.reporting_amount_e4)
        return Place(queue, severity)


def moved(row: Any, place: Place) -> Moved:
    """The row as it will be there."""
    return Moved(
        row.category, row.entity, place.queue, place.severity, row.reporting_amount_e4, row.sla_target,
        row.sla_calendar, row.response_target, row.facts, row.business_key,
    )  # fmt: skip


def _raised(catalog: Catalog) -> Iterator[str]:
    """Categories that some finding makes critical by its own figures."""
    for check in catalog.checks.values():
        if isinstance(check, MatchCheck):
            yield from (each.category for each in check.findings if each.critical_when is not None)
        elif check.critical_when is not None:
            yield from check.categories


@lru_cache(maxsize=8)
def belonging(catalog: Catalog) -> Belonging:
    """Of a configuration, remembered between portions."""
    return Belonging(catalog)
