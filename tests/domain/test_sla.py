"""Deadlines, stages and aging buckets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from exceptions_app.catalog.schema import ServiceTime
from exceptions_app.domain.clock import BusinessCalendar, add_business
from exceptions_app.domain.cutoffs import CutoffAt
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import (
    AGING,
    Stage,
    Telling,
    Told,
    aging_bucket,
    due_times,
    next_sla_at,
    paused_time,
    stage,
)

OFFICE = BusinessCalendar(
    "office", ZoneInfo("UTC"), (((time(8), time(16)),),) * 5 + ((), ()), hours_per_day=timedelta(hours=8)
)
TWO_DAYS = ServiceTime(2, "business days")
ONE_HOUR = ServiceTime(1, "hours")
HOURS = ServiceTime(4, "business hours")
MONDAY = datetime(2026, 11, 16, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_due_after_the_target_with_half_and_three_quarters_on_the_way() -> None:
    due = due_times(MONDAY, TWO_DAYS, OFFICE)
    assert (due.half_at, due.due_soon_at, due.due_at) == (at(16, 16), at(17, 12), at(17, 16))
    assert (due.cutoff, due.response_due_at) == (None, None)


def test_time_on_hold_moves_the_deadlines_by_its_open_time() -> None:
    hold = (at(16, 15), at(17, 9))
    assert paused_time([hold], TWO_DAYS, OFFICE) == timedelta(hours=2)
    due = due_times(MONDAY, TWO_DAYS, OFFICE, [hold])
    assert (due.half_at, due.due_soon_at, due.due_at) == (at(17, 10), at(17, 14), at(18, 10))


def test_a_hold_off_hours_moves_nothing() -> None:
    night = [(at(16, 16), at(17, 8)), (at(20, 17), at(23, 7))]
    assert paused_time(night, TWO_DAYS, OFFICE) == timedelta(0)
    assert due_times(MONDAY, TWO_DAYS, OFFICE, night) == due_times(MONDAY, TWO_DAYS, OFFICE)


def test_pauses_that_overlap_count_once_in_whatever_order_they_come() -> None:
    pauses = [(at(16, 11), at(16, 14)), (at(16, 9), at(16, 12)), (at(16, 12), at(16, 13))]
    assert paused_time(pauses, TWO_DAYS, OFFICE) == timedelta(hours=5)
    assert due_times(MONDAY, TWO_DAYS, OFFICE, pauses).due_at == at(18, 13)


def test_a_hold_that_begins_after_the_deadline_does_not_move_it() -> None:
    late = [(at(18, 9), at(20, 9))]
    assert due_times(MONDAY, TWO_DAYS, OFFICE, late).due_at == at(17, 16)


def test_a_hold_that_begins_exactly_when_the_time_is_used_up_does_not_move_it() -> None:
    assert due_times(MONDAY, TWO_DAYS, OFFICE, [(at(17, 16), at(20, 9))]).due_at == at(17, 16)
    one_less = [(at(17, 15, 59), at(18, 9))]
    assert due_times(MONDAY, TWO_DAYS, OFFICE, one_less).due_at == at(18, 9, 1)


def test_wall_clock_target_runs_day_and_night_and_so_does_its_hold() -> None:
    night = at(21, 23)
    assert due_times(night, ONE_HOUR, OFFICE).due_at == night + timedelta(hours=1)
    hold = (night, night + timedelta(hours=5))
    assert paused_time([hold], ONE_HOUR, OFFICE) == timedelta(hours=5)
    assert due_times(night, ONE_HOUR, OFFICE, [hold]).due_at == night + timedelta(hours=6)


def test_first_response_runs_on_the_clock_of_its_own_unit() -> None:
    assert due_times(MONDAY, TWO_DAYS, OFFICE, response=HOURS).response_due_at == at(16, 12)
    night = at(21, 23)
    assert due_times(night, TWO_DAYS, OFFICE, response=ONE_HOUR).response_due_at == at(22, 0)
    assert due_times(night, ONE_HOUR, OFFICE, response=HOURS).response_due_at == at(23, 12)


def test_a_cutoff_that_comes_first_is_due_and_its_half_is_of_the_way_to_it() -> None:
    close = CutoffAt("close", "November close", at(17, 10))
    due = due_times(MONDAY, TWO_DAYS, OFFICE, cutoff=close)
    assert (due.due_at, due.cutoff) == (at(17, 10), "close")
    assert (due.half_at, due.due_soon_at) == (at(16, 13), at(16, 15, 30))


def test_no_hold_moves_a_cutoff() -> None:
    close = CutoffAt("close", "November close", at(18, 10))
    assert due_times(MONDAY, TWO_DAYS, OFFICE, cutoff=close).cutoff is None
    held = due_times(MONDAY, TWO_DAYS, OFFICE, [(at(16, 9), at(19, 9))], cutoff=close)
    assert (held.due_at, held.cutoff) == (at(18, 10), "close")


def test_target_and_cutoff_at_the_same_instant_is_the_target() -> None:
    assert due_times(MONDAY, TWO_DAYS, OFFICE, cutoff=CutoffAt("c", "c", at(17, 16))).cutoff is None


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


TELLING = Telling(at(16, 16), at(17, 12), at(17, 16), at(16, 12))


def test_sweep_has_next_to_do_what_comes_first() -> None:
    told = replace(TELLING, told=Told.RESPONSE_MISSED | Told.HALF)
    assert next_sla_at(TELLING, False, Status.OPEN) == at(16, 12)
    assert next_sla_at(told, False, Status.OPEN) == at(17, 12)
    assert next_sla_at(replace(TELLING, told=Told.BREACHED), False, Status.OPEN) == at(16, 12)
    assert next_sla_at(replace(told, told=told.told | Told.BREACHED), False, Status.OPEN) is None
    assert next_sla_at(TELLING, False, Status.RESOLVED) is None


def test_on_hold_the_sweep_waits_for_its_end_or_for_a_cutoff() -> None:
    assert next_sla_at(TELLING, True, Status.OPEN) is None
    assert next_sla_at(TELLING, True, Status.OPEN, hold_until=at(20, 9), cutoff_at=at(19, 9)) == at(19, 9)
    told = replace(TELLING, told=Told.BREACHED)
    assert next_sla_at(told, True, Status.OPEN, hold_until=at(20, 9), cutoff_at=at(19, 9)) == at(20, 9)


@pytest.mark.parametrize(
    ("now", "told", "expected"),
    [(at(16, 11, 59), 0, []), (at(16, 12), 0, [Told.RESPONSE_MISSED]), (at(16, 16), 8, [Told.HALF]),
     (at(17, 13), 0, [Told.DUE_SOON, Told.RESPONSE_MISSED]), (at(17, 13), 9, [Told.DUE_SOON]),
     (at(17, 13), 10, []), (at(18, 9), 8, [Told.BREACHED]), (at(18, 9), 12, [])],
)  # fmt: skip
def test_of_what_has_passed_the_gravest_is_told_and_each_once(
    now: datetime, told: int, expected: list[Told]
) -> None:
    assert replace(TELLING, told=told).due(now) == expected


@pytest.mark.parametrize(("days", "code"), [(0, "0-1"), (1, "1-3"), (3, "3-5"), (5, "5-10"), (10, "10+")])
def test_aging_buckets_are_half_open(days: int, code: str) -> None:
    reached = add_business(MONDAY, days * OFFICE.hours_per_day, OFFICE)
    assert aging_bucket(MONDAY, reached, OFFICE).code == code
    if days:
        previous = AGING[[b.code for b in AGING].index(code) - 1]
        assert aging_bucket(MONDAY, reached - SECOND, OFFICE) == previous
