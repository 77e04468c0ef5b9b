"""Turns a calendar of the configuration into the clock's business calendar: weekly hours, holidays, zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

from exceptions_app.domain.clock import BusinessCalendar, Hours, longest_day

from .schema import Calendar

DAYS: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
    "mon", "tue", "wed", "thu", "fri", "sat", "sun",
)  # fmt: skip
YEARS = range(2010, 2061)
"""Public holidays are worked out for these years."""
ALWAYS = Calendar(code="always", always_open=True, hours_per_day=None)


def parse_hours(text: str) -> Hours:
    """`08:00-17:00` as two times. `24:00` is midnight at the end of the day; a closing time before the opening
    (`22:00-06:00`) lies on the next date. Raises ValueError saying why.
    """
    start, separator, end = (part.strip() for part in text.partition("-"))
    try:
        if not separator:
            raise ValueError
        opens = _time_of_day(start)
        closes = time() if end == "24:00" else _time_of_day(end)
    except ValueError:
        raise ValueError(f"'{text}' is not a range of hours") from None
    if end != "24:00" and closes == opens:
        raise ValueError(f"'{text}' ends when it begins")
    return opens, closes


def _time_of_day(text: str) -> time:
    return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a local time of day has no zone


@lru_cache(maxsize=64)
def public_holidays(country: str, subdivision: str | None) -> Mapping[date, str]:
    """The public holidays of a country (and its subdivision), each with its name. Raises ValueError for one that
    is not known.
    """
    try:
        return dict(holidays.country_holidays(country, subdiv=subdivision, years=YEARS))
    except (NotImplementedError, KeyError) as error:
        where = f"{country}/{subdivision}" if subdivision else country
        raise ValueError(f"no holidays are known for {where}") from error


def known_countries() -> list[str]:
    """ISO codes of the countries whose holidays are known."""
    return sorted(holidays.list_supported_countries())


@lru_cache(maxsize=256)
def _built(content: str) -> BusinessCalendar:
    calendar = Calendar.model_validate_json(content)
    weekly = tuple(_hours(calendar.weekly.get(day, [])) for day in DAYS)
    breaks = _hours(calendar.breaks)
    days_off: dict[date, str] = {}
    if calendar.holidays_country:
        days_off |= public_holidays(calendar.holidays_country, calendar.holidays_subdivision)
    usual = timedelta(0) if calendar.always_open else longest_day(weekly, breaks)
    per_day = timedelta(hours=calendar.hours_per_day or 0) or usual or timedelta(hours=24)
    return BusinessCalendar(
        code=calendar.code,
        zone=ZoneInfo(calendar.time_zone),
        weekly=weekly,
        holidays=days_off | calendar.holidays_extra,
        extra_days=frozenset(calendar.working_days_extra),
        always_open=calendar.always_open,
        hours_per_day=per_day,
        breaks=breaks,
        shifts={day: _hours(texts) for day, texts in calendar.shifts.items()},
    )


def whole_days(calendar: Calendar) -> BusinessCalendar:
    """The same days, open around the clock: for what has days off and no hours."""
    weekly = {day: ["00:00-24:00"] for day, hours in calendar.weekly.items() if hours}
    shifts = {day: ["00:00-24:00"] if hours else [] for day, hours in calendar.shifts.items()}
    return business_calendar(calendar.model_copy(update={"weekly": weekly, "breaks": [], "shifts": shifts}))


def days_of(calendars: Mapping[str, Calendar], code: str | None) -> BusinessCalendar:
    """The days of a calendar, each open or closed as a whole; every day, in UTC, where none is named."""
    return whole_days(ALWAYS if code is None else calendars[code])


def _hours(texts: Iterable[str]) -> tuple[Hours, ...]:
    return tuple(sorted(parse_hours(text) for text in texts))


def business_calendar(calendar: Calendar) -> BusinessCalendar:
    """The clock's calendar for a declared one; worked out once per content."""
    return _built(calendar.model_dump_json())
