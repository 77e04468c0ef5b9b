"""The days that catch clocks out, worked out by hand: boundaries, clock changes, nights, holidays, a lost day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exceptions_app.catalog.calendars import business_calendar
from exceptions_app.catalog.schema import Calendar
from exceptions_app.domain.clock import BusinessCalendar, add_business, business_between

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVERY = "mon tue wed thu fri sat sun"


def _office(zone: str, hours: str, days: str = "mon tue wed thu fri", **more: Any) -> BusinessCalendar:
    weekly = {day: [hours] for day in days.split()}
    return business_calendar(
        Calendar.model_validate({"code": "c", "time_zone": zone, "weekly": weekly} | more)
    )


def _at(cal: BusinessCalendar, text: str) -> datetime:
    """A local time of the calendar's zone, its first passing."""
    return datetime.fromisoformat(text).replace(tzinfo=cal.zone).astimezone(UTC)


OFFICE = _office("America/Chicago", "08:00-17:00")
WITH_LUNCH = _office("America/Chicago", "08:00-17:00", breaks=["12:00-12:30"])
PHOENIX = _office("America/Phoenix", "00:00-06:00", EVERY)
CHICAGO_MORNINGS = _office("America/Chicago", "00:00-06:00", EVERY)
LORD_HOWE = _office("Australia/Lord_Howe", "00:00-06:00", EVERY)
BREAK_AT_TWO = _office("America/Chicago", "00:00-06:00", EVERY, breaks=["02:00-03:00"])
BREAK_AT_ONE = _office("America/Chicago", "00:00-06:00", EVERY, breaks=["01:00-02:00"])
APIA = _office("Pacific/Apia", "08:00-16:00", EVERY)
KATHMANDU = _office("Asia/Kathmandu", "09:00-17:00")
LONDON = _office("Europe/London", "09:00-17:30", holidays_country="GB", holidays_subdivision="ENG")
LONDON_ALL_DAY = _office("Europe/London", "00:00-24:00", EVERY)
FRIDAY_NIGHTS = _office("America/Chicago", "22:00-06:00", "fri")
SATURDAY_NIGHTS = _office("America/Chicago", "22:00-06:00", "sat")
NIGHTS = _office("America/Chicago", "22:00-06:00", EVERY, holidays_extra={"2026-11-26": "Thanksgiving"})
HOLIDAY_SHIFT = _office(
    "America/Chicago",
    "08:00-17:00",
    breaks=["12:00-13:00"],
    holidays_country="US",
    shifts={"2026-11-26": ["11:00-14:00"]},
)
CLOSED_WEDNESDAY = _office("America/Chicago", "08:00-17:00", shifts={"2026-11-25": []})
EXTRA_SATURDAY = _office("America/Chicago", "08:00-17:00", working_days_extra=["2026-11-21"])
ALWAYS = _office("America/Chicago", "08:00-17:00", always_open=True)

VECTORS = [
    ("ends exactly at closing time", OFFICE, "2026-11-20 08:00", 540, "2026-11-20 17:00"),
    ("one minute more is on Monday", OFFICE, "2026-11-20 08:00", 541, "2026-11-23 08:01"),
    ("starts exactly at closing time", OFFICE, "2026-11-20 17:00", 60, "2026-11-23 09:00"),
    ("starts exactly at opening", OFFICE, "2026-11-20 08:00", 60, "2026-11-20 09:00"),
    ("across a break", WITH_LUNCH, "2026-11-20 11:00", 90, "2026-11-20 13:00"),
    ("ends exactly when the break begins", WITH_LUNCH, "2026-11-20 11:00", 60, "2026-11-20 12:00"),
    ("no daylight saving", PHOENIX, "2026-03-08 00:00", 360, "2026-03-08 06:00"),
    ("a skipped hour", CHICAGO_MORNINGS, "2026-03-08 00:00", 300, "2026-03-08 06:00"),
    ("a repeated hour", CHICAGO_MORNINGS, "2026-11-01 00:00", 420, "2026-11-01 06:00"),
    ("half an hour skipped", LORD_HOWE, "2026-10-04 00:00", 330, "2026-10-04 06:00"),
    ("half an hour repeated", LORD_HOWE, "2026-04-05 00:00", 390, "2026-04-05 06:00"),
    ("a break in the skipped hour", BREAK_AT_TWO, "2026-03-08 00:00", 300, "2026-03-08 06:00"),
    ("a break in the repeated hour, twice", BREAK_AT_ONE, "2026-11-01 00:00", 300, "2026-11-01 06:00"),
    ("a day that never was", APIA, "2011-12-29 15:00", 120, "2011-12-31 09:00"),
    ("a quarter of an hour off", KATHMANDU, "2026-11-20 16:30", 60, "2026-11-23 09:30"),
    ("over the year's end", LONDON, "2026-12-31 17:00", 60, "2027-01-04 09:30"),
    ("summer time begins in London", LONDON_ALL_DAY, "2026-03-29 00:00", 1380, "2026-03-30 00:00"),
    ("a night shift is of the day it begins on", FRIDAY_NIGHTS, "2026-11-20 23:00", 480, "2026-11-27 23:00"),
    ("a night shift over the repeated hour", SATURDAY_NIGHTS, "2026-10-31 22:00", 540, "2026-11-01 06:00"),
    ("a night shift over the skipped hour", SATURDAY_NIGHTS, "2026-03-07 22:00", 420, "2026-03-08 06:00"),
    ("a holiday takes the night that begins on it", NIGHTS, "2026-11-26 05:00", 120, "2026-11-27 23:00"),
    ("a shift on a holiday, which no break shortens", HOLIDAY_SHIFT, "2026-11-26 00:00", 180, "2026-11-26 14:00"),
    ("a shift that closes a date", CLOSED_WEDNESDAY, "2026-11-24 16:00", 120, "2026-11-26 09:00"),
    ("an extra working day", EXTRA_SATURDAY, "2026-11-20 16:00", 120, "2026-11-21 09:00"),
    ("24 x 7", ALWAYS, "2026-10-31 12:00", 1440, "2026-11-01 11:00"),
]  # fmt: skip
"""What, calendar, start, open minutes, end; starts and ends are local."""


@pytest.mark.parametrize(
    ("cal", "start", "minutes", "end"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS]
)
def test_the_days_that_catch_clocks_out(cal: BusinessCalendar, start: str, minutes: int, end: str) -> None:
    assert add_business(_at(cal, start), minutes * MINUTE, cal) == _at(cal, end)
    assert business_between(_at(cal, start), _at(cal, end), cal) == minutes * MINUTE


def test_minutes_that_two_nights_share_count_once() -> None:
    """A Friday night until six, and a shift on Saturday from midnight on."""
    cal = _office("America/Chicago", "22:00-06:00", "fri", shifts={"2026-11-21": ["00:00-08:00"]})
    assert business_between(_at(cal, "2026-11-20 00:00"), _at(cal, "2026-11-22 00:00"), cal) == 10 * HOUR
