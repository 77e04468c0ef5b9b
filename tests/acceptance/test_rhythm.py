"""Feeds that are watched by their own rhythm: one fell silent before the demo began, one only rests at weekends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from demo import rhythms
from demo.catalog_csv import CATALOG
from exceptions_app.catalog.calendars import ALWAYS, whole_days
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.opening_hours import BusinessCalendar
from exceptions_app.domain.rhythm import Silence, Watched, silence

from .live import SimulatedNetwork, Site

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
"""A Friday; Thanksgiving is six days later."""


@pytest.fixture(scope="module")
def eastern() -> BusinessCalendar:
    return whole_days(load_catalog(CATALOG, connector_models()).calendars["eastern"])


def _silence(name: str, now: datetime, calendar: BusinessCalendar, out: timedelta) -> Silence | None:
    told = list(rhythms.due(name, now - rhythms.REMEMBERED, now - out))
    return silence(Watched(told), now, calendar, quantile=0.99, times=1.5, at_least=HOUR)


def test_a_feed_without_hours_is_found_silent_whenever_the_demo_begins() -> None:
    for hours in range(0, 14 * 24, 5):
        now = BEGIN + hours * HOUR
        assert _silence("refills", now, whole_days(ALWAYS), timedelta(0)) is None
        found = _silence("refills", now, whole_days(ALWAYS), rhythms.SILENT)
        assert found is not None and found.lasted >= rhythms.SILENT and found.usual <= 2 * HOUR


def test_nights_weekends_and_a_holiday_are_no_silence_of_a_feed_that_keeps_office_days(
    eastern: BusinessCalendar,
) -> None:
    times = [BEGIN + hours * HOUR for hours in range(0, 14 * 24, 3)]
    assert [now for now in times if _silence("counts", now, eastern, timedelta(0))] == []
    # Where nobody counts for a whole working day, that is a silence; without the calendar the weekends would hide it.
    tuesday = datetime(2026, 11, 25, 3, tzinfo=UTC)
    assert _silence("counts", tuesday, eastern, timedelta(hours=29)) is not None
    assert _silence("counts", tuesday, whole_days(ALWAYS), timedelta(hours=29)) is None


def test_the_silent_feed_is_one_exception_and_the_closed_one_none(
    seen: tuple[SimulatedNetwork, Site],
) -> None:
    network, site = seen
    found = {
        json.loads(case.business_key)["feed"]: case for case in site.cases() if case.category == "feed_failed"
    }
    planted = network.ledger("fault", category="feed_failed")
    assert set(found) == {row["key"]["feed"] for row in planted} == {rhythms.FEEDS["refills"]}
    (case,) = found.values()
    assert "brought nothing new for" in case.sentence and "at this time of the week" in case.sentence
    (innocent,) = network.ledger("look_alike", category="feed_failed")
    assert innocent["key"] == {"feed": rhythms.FEEDS["counts"]}


def test_it_is_over_with_the_next_refill(network: SimulatedNetwork, site: Site) -> None:
    (fault,) = network.ledger("fault", category="feed_failed")
    network.ask("repair", id=fault["id"])
    site.one_pass(systems=("wms_stock",))
    told = [case for case in site.cases() if case.category == "feed_failed"]
    assert [(one.reference, one.status, one.end_reason) for one in told] == [
        (rhythms.FEEDS["refills"], "resolved", "agrees_now")
    ], told[-1].sentence
