"""Deadlines, stages and aging buckets."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from exceptions_app.catalog.schema import ServiceTime
from exceptions_app.domain.clock import BusinessCalendar, add_business
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import (
    AGING,
    Stage,
    aging_bucket,
    aging_edges,
    due_times,
    next_sla_at,
    paused_between,
    stage,
)

OFFICE = BusinessCalendar(
    "office", ZoneInfo("UTC"), (((time(8), time(16)),),) * 5 + ((), ()), hours_per_day=timedelta(hours=8)
)
TWO_DAYS = ServiceTime(2, "business days")
ONE_HOUR = ServiceTime(1, "hours")
MONDAY = datetime(2026, 11, 16, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_due_after_the_target_and_due_soon_at_three_quarters() -> None:
    due = due_times(MONDAY, TWO_DAYS, OFFICE)
    assert due.due_at == datetime(2026, 11, 17, 16, tzinfo=UTC)
    assert due.due_soon_at == datetime(2026, 11, 17, 12, tzinfo=UTC)


def test_time_on_hold_moves_both_deadlines() -> None:
    held = paused_between(
        datetime(2026, 11, 16, 15, tzinfo=UTC), datetime(2026, 11, 17, 9, tzinfo=UTC), TWO_DAYS, OFFICE
    )
    assert held == timedelta(hours=2)
    assert due_times(MONDAY, TWO_DAYS, OFFICE, held).due_at == datetime(2026, 11, 18, 10, tzinfo=UTC)


def test_wall_clock_target_runs_day_and_night_and_so_does_its_hold() -> None:
    night = datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert due_times(night, ONE_HOUR, OFFICE).due_at == night + timedelta(hours=1)
    assert paused_between(night, night + timedelta(hours=5), ONE_HOUR, OFFICE) == timedelta(hours=5)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(-SECOND, Stage.ON_TRACK), (timedelta(0), Stage.DUE_SOON), (timedelta(hours=4) - SECOND, Stage.DUE_SOON),
     (timedelta(hours=4), Stage.BREACHED)],
)  # fmt: skip
def test_stage_changes_at_the_very_instant(offset: timedelta, expected: Stage) -> None:
    due = due_times(MONDAY, TWO_DAYS, OFFICE)
    assert stage(due.due_soon_at + offset, due.due_at, due.due_soon_at, False, Status.OPEN) == expected


def test_stage_pauses_on_hold_and_stops_when_not_open() -> None:
    due = due_times(MONDAY, TWO_DAYS, OFFICE)
    late = due.due_at + timedelta(days=1)
    assert stage(late, due.due_at, due.due_soon_at, True, Status.OPEN) == Stage.PAUSED
    for status in (Status.AWAITING_CONFIRMATION, Status.RESOLVED, Status.WAIVED):
        assert stage(late, due.due_at, due.due_soon_at, False, status) == Stage.STOPPED


def test_sweep_has_next_to_do_what_comes_first() -> None:
    due = due_times(MONDAY, TWO_DAYS, OFFICE)
    until = MONDAY + timedelta(days=9)
    assert next_sla_at(MONDAY, due.due_at, due.due_soon_at, False, Status.OPEN) == due.due_soon_at
    assert next_sla_at(due.due_soon_at, due.due_at, due.due_soon_at, False, Status.OPEN) == due.due_at
    assert next_sla_at(due.due_at, due.due_at, due.due_soon_at, False, Status.OPEN) is None
    assert next_sla_at(MONDAY, due.due_at, due.due_soon_at, True, Status.OPEN, hold_until=until) == until
    assert next_sla_at(MONDAY, due.due_at, due.due_soon_at, False, Status.RESOLVED) is None


@pytest.mark.parametrize(("days", "code"), [(0, "0-1"), (1, "1-3"), (3, "3-5"), (5, "5-10"), (10, "10+")])
def test_aging_buckets_are_half_open(days: int, code: str) -> None:
    reached = add_business(MONDAY, days * OFFICE.hours_per_day, OFFICE)
    assert aging_bucket(MONDAY, reached, OFFICE).code == code
    if days:
        previous = AGING[[b.code for b in AGING].index(code) - 1]
        assert aging_bucket(MONDAY, reached - SECOND, OFFICE) == previous


def test_aging_edges_put_a_case_where_the_bucket_does() -> None:
    now = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
    edges = aging_edges(now, OFFICE)
    for hours in range(0, 800, 3):
        opened = now - timedelta(hours=hours)
        by_edges = next((i for i, edge in enumerate(edges) if opened > edge), len(edges))
        assert AGING[by_edges] == aging_bucket(opened, now, OFFICE)
