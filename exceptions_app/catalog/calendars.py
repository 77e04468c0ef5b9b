"""Turns a calendar of the configuration into the clock's business calendar: weekly hours, holidays, zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

from exceptions_app.domain.clock import BusinessCalendar, longest_day

from .schema import Calendar

DAYS: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
    "mon", "tue", "wed", "thu", "fri", "sat", "sun",
)  # fmt: skip
YEARS = range(2010, 2061)
"""Public holidays are worked out for these years."""

Hours = tuple[time, time]


def parse_hours(text: str) -> Hours:
    """`08:00-17:00` as two times; `24:00` is midnight at the end of the day. Raises ValueError saying why."""
    start, separator, end = (part.strip() for part in text.partition("-"))
    try:
        if not separator:
            raise ValueError
        opens = _time_of_day(start)
        closes = time() if end == "24:00" else _time_of_day(end)
    except ValueError:
        raise ValueError(f"'{text}' is not a range of hours") from None
    if end != "24:00" and closes <= opens:
        raise ValueError(f"'{text}' ends before it begins")
    return opens, closes


def _time_of_day(text: str) -> time:
    return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a local time of day has no zone


@lru_cache(maxsize=64)
def public_holidays(country: str, subdivision: str | None) -> frozenset[date]:
    """The public holidays of a country (and its subdivision). Raises ValueError for one that is not known."""
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=YEARS))
    except (NotImplementedError, KeyError) as error:
        where = f"{country}/{subdivision}" if subdivision else country
        raise ValueError(f"no holidays are known for {where}") from error


def known_countries() -> list[str]:
    """ISO codes of the countries whose holidays are known."""
    return sorted(holidays.list_supported_countries())


@lru_cache(maxsize=256)
def _built(content: str) -> BusinessCalendar:
    calendar = Calendar.model_validate_json(content)
    weekly = tuple(tuple(sorted(parse_hours(text) for text in calendar.weekly.get(day, []))) for day in DAYS)
    days_off: frozenset[date] = frozenset(calendar.holidays_extra)
    if calendar.holidays_country:
        days_off |= public_holidays(calendar.holidays_country, calendar.holidays_subdivision)
    per_day = timedelta(hours=calendar.hours_per_day) if calendar.hours_per_day else longest_day(weekly)
    return BusinessCalendar(
        code=calendar.code,
        zone=ZoneInfo(calendar.time_zone),
        weekly=weekly,
        holidays=days_off,
        extra_days=frozenset(calendar.working_days_extra),
        always_open=calendar.always_open,
        hours_per_day=per_day or timedelta(hours=24),
    )


def business_calendar(calendar: Calendar) -> BusinessCalendar:
    """The clock's calendar for a declared one; worked out once per content."""
    return _built(calendar.model_dump_json())
