"""The age that is stored is the age that is computed, and it is looked at again exactly when it changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.catalog.calendars import business_calendar
from exceptions_app.catalog.schema import Calendar
from exceptions_app.domain.aging import aged, earliest, stage_edge
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.sla import AGING, aging_bucket

WEEK = {day: ["08:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
OFFICE = business_calendar(
    Calendar.model_validate({"code": "office", "time_zone": "America/Chicago", "weekly": WEEK})
)
ALWAYS = BusinessCalendar("always", ZoneInfo("UTC"), (), always_open=True, hours_per_day=timedelta(hours=24))
START = datetime(2026, 3, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


@given(
    opened=st.integers(0, 90 * 86_400),
    later=st.integers(0, 40 * 86_400),
    calendar=st.sampled_from([OFFICE, ALWAYS]),
)
def test_the_stored_age_is_the_computed_one_until_the_instant_it_changes(
    opened: int, later: int, calendar: BusinessCalendar
) -> None:
    at = START + timedelta(seconds=opened)
    now = at + timedelta(seconds=later)
    found = aged(at, now, calendar)
    assert AGING[found.bucket] == aging_bucket(at, now, calendar)
    if found.next_at is None:
        assert found.bucket == len(AGING) - 1
        return
    assert found.next_at > now
    assert AGING[found.bucket] == aging_bucket(at, found.next_at - MICRO, calendar)
    assert aged(at, found.next_at, calendar).bucket == found.bucket + 1


def test_a_clock_enters_its_next_stage_though_that_was_told_before() -> None:
    soon, due = START, START + MICRO
    assert stage_edge("on_track", soon, due) == soon
    assert stage_edge("on_track", None, due) == stage_edge("due_soon", soon, due) == due
    assert stage_edge("breached", soon, due) is stage_edge("paused", soon, due) is None
    assert earliest(None, due, soon) == soon
    assert earliest(None) is None
