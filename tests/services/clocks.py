"""Configurations that differ from the test network's in what clocks depend on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Cutoff, MatchCheck, SlaPolicy


def with_calendar(catalog: Catalog, **changes: Any) -> Catalog:
    """The office of the test network with other hours, holidays, shifts or breaks."""
    office = catalog.calendars["test_office"].model_copy(update=changes)
    return replace(catalog, calendars={**catalog.calendars, "test_office": office})


def with_holiday(catalog: Catalog, day: date, name: str = "Founders' day") -> Catalog:
    return with_calendar(catalog, holidays_extra={day: name})


def with_policy(catalog: Catalog, **policy: Any) -> Catalog:
    """One more policy, before all others."""
    added = SlaPolicy.model_validate({"code": "added"} | policy)
    return replace(catalog, sla_policies=(added, *catalog.sla_policies))


def with_cutoff(catalog: Catalog, **cutoff: Any) -> Catalog:
    """One more cut-off, in the calendar of the test network (Chicago)."""
    given = {"code": "close", "title": "November close", "calendar": "test_office"} | cutoff
    return replace(catalog, cutoffs=(*catalog.cutoffs, Cutoff.model_validate(given)))


def with_category(catalog: Catalog, code: str, **changes: Any) -> Catalog:
    """One category with another severity, queue or target."""
    changed = catalog.categories[code].model_copy(update=changes)
    return replace(catalog, categories={**catalog.categories, code: changed})


def with_critical_finding(catalog: Catalog, category: str) -> Catalog:
    """A check whose findings of that category are critical from some amount on."""
    finding = {
        "category": category,
        "present": ["order"],
        "since": "order.at",
        "critical_when": "order.price > 100",
    }
    side = {"record": "line", "columns": {"price": "MAX(price)", "at": "MAX(at)"}}
    check = MatchCheck.model_validate({
        "code": "test_check", "title": "Prices", "flow": "test", "key": ["number"], "reference": "{number}",
        "sides": {"order": side, "invoice": side}, "findings": [finding],
    })  # fmt: skip
    return replace(catalog, checks={check.code: check})
