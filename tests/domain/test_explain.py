"""A deadline says why it is when it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from exceptions_app.catalog.schema import ServiceTime
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.cutoffs import CutoffAt
from exceptions_app.domain.explain import Explanation, PartyTime, Pause, explain, party_times
from exceptions_app.domain.sla import due_times

CHICAGO = ZoneInfo("America/Chicago")
THANKSGIVING = date(2026, 11, 26)
OFFICE = BusinessCalendar(
    "office", CHICAGO, (((time(8), time(17)),),) * 5 + ((), ()), {THANKSGIVING: "Thanksgiving"},
    shifts={date(2026, 12, 24): ()}, hours_per_day=timedelta(hours=9),
)  # fmt: skip
EIGHT_HOURS = ServiceTime(8, "business hours")
TEN_DAYS = ServiceTime(10, "business days")


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CHICAGO).astimezone(UTC)  # type: ignore[arg-type,misc]


WEDNESDAY = local(2026, 11, 25, 15, 10)
FRIDAY_NOON = local(2026, 11, 27, 12)
SUPPLIER = Pause(local(2026, 11, 27, 9), local(2026, 11, 27, 11, 5), "supplier")


def said(*pauses: Pause, now: datetime = FRIDAY_NOON, **more: CutoffAt) -> str:
    return explain(WEDNESDAY, EIGHT_HOURS, OFFICE, now=now, pauses=pauses, **more).sentence


def test_target_start_pause_holiday_and_due_in_one_sentence() -> None:
    assert said(SUPPLIER) == (
        "8 business hours from Wed 15:10, paused 2 h 05 for the supplier, Thanksgiving skipped: "
        "due Fri 16:15 America/Chicago"
    )


def test_what_lies_further_off_has_its_date() -> None:
    assert said(now=local(2026, 12, 4, 9)) == (
        "8 business hours from Wed 25 Nov 15:10, Thanksgiving skipped: due Fri 27 Nov 14:10 America/Chicago"
    )
    assert "Wed 25 Nov 2026 15:10" in said(now=local(2027, 1, 4, 9))


def test_a_cutoff_that_comes_first_is_named_and_one_that_does_not_is_not() -> None:
    close = CutoffAt("close", "November close", local(2026, 11, 30, 17))
    found = explain(WEDNESDAY, TEN_DAYS, OFFICE, now=local(2026, 11, 25, 16), cutoff=close)
    assert found.sentence == (
        "10 business days from Wed 15:10, Thanksgiving skipped, November close on Mon 17:00 comes first: "
        "due Mon 17:00 America/Chicago"
    )
    assert (found.due_at, found.cutoff) == (close.at, close)
    assert "close" not in said(cutoff=close)


def test_parties_add_up_in_the_order_in_which_they_had_the_ball_and_nothing_counts_twice() -> None:
    pauses = [
        Pause(local(2026, 11, 25, 16), local(2026, 11, 27, 9), "requester"),
        Pause(local(2026, 11, 27, 8, 30), local(2026, 11, 27, 10), "supplier"),
        Pause(local(2026, 11, 27, 11), local(2026, 11, 27, 11, 20), "requester"),
        Pause(local(2026, 11, 27, 18), local(2026, 11, 28, 11), "it"),
    ]
    assert party_times(pauses, local(2026, 11, 28, 12), EIGHT_HOURS, OFFICE) == (
        PartyTime("requester", timedelta(hours=2, minutes=20)), PartyTime("supplier", timedelta(hours=1)),
    )  # fmt: skip


def test_a_stop_is_nobodys_time() -> None:
    stop = Pause(local(2026, 11, 27, 9), local(2026, 11, 27, 10), None)
    assert "stopped 1 h while it had ended" in said(stop)


def test_on_hold_nobody_can_say_when_it_is_due_and_what_is_left_is_said() -> None:
    held = Pause(local(2026, 11, 27, 9), None, "supplier")
    found = explain(WEDNESDAY, EIGHT_HOURS, OFFICE, now=local(2026, 11, 27, 12), pauses=[held])
    assert found.sentence == (
        "8 business hours from Wed 15:10, paused 3 h for the supplier, Thanksgiving skipped, "
        "on hold since Fri 09:00 with 5 h 10 left: no deadline until it is resumed"
    )
    assert (found.due_at, found.left) == (None, timedelta(hours=5, minutes=10))


def test_a_hold_that_began_after_the_deadline_changes_nothing_of_it() -> None:
    held = Pause(local(2026, 11, 27, 15), None, "supplier")
    found = explain(WEDNESDAY, EIGHT_HOURS, OFFICE, now=local(2026, 11, 30, 12), pauses=[held])
    assert found.due_at == local(2026, 11, 27, 14, 10)
    assert found.paused == ()


def test_on_hold_past_a_cutoff_it_is_due_by_the_cutoff() -> None:
    close = CutoffAt("close", "November close", local(2026, 11, 27, 11))
    held = Pause(local(2026, 11, 27, 9), None, "supplier")
    found = explain(WEDNESDAY, EIGHT_HOURS, OFFICE, now=local(2026, 11, 27, 12), pauses=[held], cutoff=close)
    assert (found.due_at, found.left) == (close.at, None)
    assert found.sentence.endswith("on hold since Fri 09:00: due Fri 11:00 America/Chicago")


def test_a_date_that_a_shift_closes_is_skipped_by_its_date() -> None:
    found = explain(local(2026, 12, 23, 16), EIGHT_HOURS, OFFICE, now=local(2026, 12, 23, 16))
    assert "24 Dec skipped" in found.sentence


def test_many_days_off_are_counted() -> None:
    off = {date(2026, 12, day): f"Day {day}" for day in range(14, 19)}
    cal = BusinessCalendar("office", CHICAGO, OFFICE.weekly, off)
    found = explain(local(2026, 12, 11, 16), EIGHT_HOURS, cal, now=local(2026, 12, 11, 16))
    assert "Day 14, Day 15, Day 16 and 2 other days off skipped" in found.sentence


@pytest.mark.parametrize("unit", ["hours", "days", "minutes"])
def test_around_the_clock_no_day_is_skipped(unit: str) -> None:
    found = explain(WEDNESDAY, ServiceTime(40, unit), OFFICE, now=WEDNESDAY)
    assert (found.skipped, "skipped" in found.sentence) == ((), False)


@pytest.mark.parametrize("hold", [None, SUPPLIER])
def test_what_is_explained_is_what_is_due(hold: Pause | None) -> None:
    pauses = [hold] if hold else []
    found: Explanation = explain(WEDNESDAY, TEN_DAYS, OFFICE, now=local(2026, 11, 27, 12), pauses=pauses)
    stretches = [(each.first, each.last) for each in pauses if each.last]
    assert found.due_at == due_times(WEDNESDAY, TEN_DAYS, OFFICE, stretches).due_at
