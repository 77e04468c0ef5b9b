"""Configurations that differ from the test network's in what clocks depend on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Cutoff, SlaPolicy


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
