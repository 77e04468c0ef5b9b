"""Business time: against a minute-by-minute oracle, and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions_app.catalog.schema import ServiceTime
from exceptions_app.domain.clock import (
    BusinessCalendar,
    add_business,
    add_span,
    business_before,
    business_between,
    business_days_before,
    is_open,
    longest_day,
)

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def calendar(
    *hours: tuple[int, int], zone: ZoneInfo = NEW_YORK, days: int = 5, **more: object
) -> BusinessCalendar:
    day = tuple((time(a), time(b % 24)) for a, b in hours)
    weekly = tuple(day if number < days else () for number in range(7))
    return BusinessCalendar("office", zone, weekly, **more)  # type: ignore[arg-type]


def local(*parts: int, zone: ZoneInfo = NEW_YORK, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[arg-type,misc]


OFFICE = calendar((8, 17))


def test_span_ending_exactly_at_closing_time_is_due_at_closing_time() -> None:
    assert add_business(local(2026, 11, 18, 8), 9 * HOUR, OFFICE) == local(2026, 11, 18, 17)


def test_span_goes_on_at_the_next_opening() -> None:
    assert add_business(local(2026, 11, 20, 16), 2 * HOUR, OFFICE) == local(2026, 11, 23, 9)  # over a weekend


def test_span_started_while_closed_begins_at_opening() -> None:
    assert add_business(local(2026, 11, 21, 3), HOUR, OFFICE) == local(2026, 11, 23, 9)


def test_no_span_is_due_at_once_even_while_closed() -> None:
    at = local(2026, 11, 21, 3)
    assert add_business(at, timedelta(0), OFFICE) == at


def test_holidays_do_not_count_and_extra_days_do() -> None:
    cal = calendar(
        (8, 17), holidays={date(2026, 11, 26): "Thanksgiving"}, extra_days=frozenset({date(2026, 11, 28)})
    )
    assert business_between(local(2026, 11, 25, 17), local(2026, 11, 27, 8), cal) == timedelta(0)
    assert business_between(local(2026, 11, 28, 0), local(2026, 11, 29, 0), cal) == 9 * HOUR


def test_intervals_are_half_open() -> None:
    assert is_open(local(2026, 11, 18, 8), OFFICE)
    assert not is_open(local(2026, 11, 18, 17), OFFICE)
    assert not is_open(local(2026, 11, 22, 12), OFFICE)


def test_skipped_hour_counts_not_at_all() -> None:
    night = calendar((0, 6), days=7)
    assert business_between(local(2026, 3, 8), local(2026, 3, 9), night) == 5 * HOUR


def test_repeated_hour_counts_twice() -> None:
    night = calendar((0, 6), days=7)
    assert business_between(local(2026, 11, 1), local(2026, 11, 2), night) == 7 * HOUR


def test_closing_inside_the_repeated_hour_opens_again_when_the_clock_goes_back() -> None:
    night = BusinessCalendar("n", NEW_YORK, (((time(0), time(1, 30)),),) * 7)
    assert business_between(local(2026, 11, 1), local(2026, 11, 1, 3), night) == 2 * HOUR
    assert is_open(local(2026, 11, 1, 1, 15, fold=1), night)
    assert not is_open(local(2026, 11, 1, 1, 45), night)


def test_midnight_to_midnight_is_a_day_of_its_true_length() -> None:
    whole = calendar((0, 24), days=7)
    assert business_between(local(2026, 3, 8), local(2026, 3, 9), whole) == 23 * HOUR
    assert business_between(local(2026, 11, 1), local(2026, 11, 2), whole) == 25 * HOUR


def test_always_open_calendar_is_plain_time_across_clock_changes() -> None:
    cal = BusinessCalendar("24x7", NEW_YORK, (), always_open=True, hours_per_day=timedelta(hours=24))
    at = local(2026, 10, 31, 12)
    assert add_business(at, timedelta(hours=24), cal) == at + timedelta(hours=24)
    assert business_days_before(at, 2, cal) == at - timedelta(hours=48)


def test_business_days_are_as_long_as_the_calendar_says() -> None:
    cal = calendar((8, 17), hours_per_day=timedelta(hours=9))
    assert add_span(local(2026, 11, 20, 10), ServiceTime(2, "business days"), cal) == local(2026, 11, 24, 10)
    assert add_span(local(2026, 11, 20, 16), ServiceTime(4, "business hours"), cal) == local(2026, 11, 23, 11)


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [(1, "hours", HOUR), (2, "days", timedelta(days=2)), (90, "minutes", 90 * MINUTE)],
)
def test_wall_clock_spans_ignore_opening_hours(amount: int, unit: str, expected: timedelta) -> None:
    at = local(2026, 11, 21, 3)
    assert add_span(at, ServiceTime(amount, unit), OFFICE) == at + expected


def test_time_between_in_reverse_is_negative() -> None:
    a, b = local(2026, 11, 18, 9), local(2026, 11, 18, 11)
    assert business_between(b, a, OFFICE) == -2 * HOUR


def test_calendar_without_opening_hours_is_refused() -> None:
    with pytest.raises(ValueError, match="one of them open"):
        BusinessCalendar("shut", NEW_YORK, ((),) * 7)
    with pytest.raises(ValueError, match="hours"):
        calendar((8, 17), hours_per_day=timedelta(0))


def test_calendar_closed_for_good_by_holidays_says_so() -> None:
    sundays = tuple(() if n != 6 else ((time(8), time(9)),) for n in range(7))
    first = date(2026, 1, 4)
    shut = dict.fromkeys((first + timedelta(weeks=n) for n in range(-700, 700)), "shut")
    cal = BusinessCalendar("sundays", NEW_YORK, sundays, holidays=shut)
    with pytest.raises(ValueError, match="no opening hours"):
        add_business(local(2026, 1, 1), HOUR, cal)
    with pytest.raises(ValueError, match="no opening hours"):
        business_before(local(2026, 1, 1), HOUR, cal)


def test_negative_span_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        add_business(local(2026, 1, 1), -HOUR, OFFICE)


def test_longest_day_of_a_week() -> None:
    assert longest_day(calendar((8, 12), (13, 18)).weekly) == 9 * HOUR
    assert longest_day(calendar((0, 24)).weekly) == 24 * HOUR


# --- the oracle: every minute asked of the wall clock ---


def minute_is_open(at: datetime, cal: BusinessCalendar) -> bool:
    wall = at.astimezone(cal.zone)
    return any(
        opens <= wall.time() and (closes == time(0) or wall.time() < closes)
        for opens, closes in cal.hours_on(wall.date())
    )


zones = st.sampled_from(
    ["America/New_York", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
).map(ZoneInfo)
starts = st.sampled_from(
    [datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC),
     datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 6, 10, tzinfo=UTC)]
)  # fmt: skip


@st.composite
def calendars(draw: st.DrawFn) -> BusinessCalendar:
    def hours() -> tuple[tuple[time, time], ...]:
        marks = sorted(draw(st.sets(st.integers(0, 95), max_size=4)))
        pairs = zip(marks[::2], marks[1::2], strict=False)
        return tuple((time(a // 4, a % 4 * 15), time(b // 4, b % 4 * 15)) for a, b in pairs)

    weekly = [hours() for _ in range(7)]
    if not any(weekly):
        weekly[2] = ((time(22), time(0)),)
    days = st.frozensets(st.dates(date(2026, 3, 6), date(2026, 4, 10)), max_size=4)
    return BusinessCalendar(
        "drawn",
        draw(zones),
        tuple(weekly),
        dict.fromkeys(draw(days), "off"),
        draw(days),
        hours_per_day=7 * HOUR,
    )


@settings(max_examples=60, deadline=None)
@given(calendars(), starts, st.integers(0, 5000), st.integers(0, 4000))
def test_time_between_agrees_with_every_minute_asked(
    cal: BusinessCalendar, base: datetime, offset: int, minutes: int
) -> None:
    a = base + offset * MINUTE
    open_minutes = sum(minute_is_open(a + n * MINUTE, cal) for n in range(minutes))
    assert business_between(a, a + minutes * MINUTE, cal) == open_minutes * MINUTE
    assert is_open(a, cal) == minute_is_open(a, cal)


@settings(max_examples=60, deadline=None)
@given(calendars(), starts, st.integers(0, 5000), st.integers(1, 1500))
def test_adding_agrees_with_every_minute_asked(
    cal: BusinessCalendar, base: datetime, offset: int, span: int
) -> None:
    start = base + offset * MINUTE
    at, left = start, span
    while left:
        left -= minute_is_open(at, cal)
        at += MINUTE
    assert add_business(start, span * MINUTE, cal) == at


@settings(max_examples=80, deadline=None)
@given(calendars(), starts, st.integers(0, 5000), st.integers(0, 3000))
def test_going_back_is_the_latest_instant_from_which_the_span_fits(
    cal: BusinessCalendar, base: datetime, offset: int, span: int
) -> None:
    end = base + offset * MINUTE
    start = business_before(end, span * MINUTE, cal)
    assert add_business(start, span * MINUTE, cal) <= end
    if span:
        assert add_business(start + timedelta(seconds=1), span * MINUTE, cal) > end
