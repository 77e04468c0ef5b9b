"""Judges calendars and cut-offs: hours that can be read and do not overlap, known holidays, dates that come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from exceptions_app.domain.clock import Hours, longest_day

from .calendars import DAYS, known_countries, parse_hours, public_holidays
from .catalog import Catalog
from .judging import Judge, Path
from .problems import closest
from .schema import Calendar, Cutoff
from .verify_causes import known_facts

_MIDNIGHT = time()
_EXAMPLE = "hours such as 08:00-17:00, or 22:00-06:00 into the next day"


def verify(judge: Judge, catalog: Catalog) -> None:
    """Report whatever of the calendars and cut-offs cannot be worked out."""
    for calendar in catalog.calendars.values():
        _calendar(judge, calendar)
    for cutoff in catalog.cutoffs:
        _cutoff(judge, cutoff)
        _facts(judge, catalog, cutoff)


def zone(judge: Judge, section: str, code: str, name: str) -> None:
    """Report a name that is no time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = closest(name, available_timezones())
        said = f"'{name}' is not a time zone"
        judge.report(section, code, ["time_zone"], said, "a name such as America/Chicago", near)


def _calendar(judge: Judge, calendar: Calendar) -> None:
    code = calendar.code
    zone(judge, "calendars", code, calendar.time_zone)
    weekly = tuple(_day(judge, code, ["weekly", day], calendar.weekly.get(day, [])) for day in DAYS)
    for number, day in enumerate(DAYS):
        following = weekly[(number + 1) % 7]
        if weekly[number] and following and _runs_into(weekly[number][-1], following[0]):
            said = "its last hours run into the next day's first"
            judge.report("calendars", code, ["weekly", day], said, "hours apart")
    breaks = _day(judge, code, ["breaks"], calendar.breaks)
    for shift, texts in calendar.shifts.items():
        _day(judge, code, ["shifts", str(shift)], texts)
    if not calendar.always_open and not any(calendar.weekly.values()):
        judge.report("calendars", code, [], "it never opens", "'weekly:' hours, or 'always_open: true'")
    elif not calendar.always_open and any(weekly) and not longest_day(weekly, breaks):
        judge.report("calendars", code, ["breaks"], "the breaks leave no open hour", "shorter breaks")
    if calendar.hours_per_day is not None and not 0 < calendar.hours_per_day <= 24:
        said = f"got {calendar.hours_per_day}"
        judge.report("calendars", code, ["hours_per_day"], said, "hours over 0, at most 24")
    _holidays(judge, calendar)


def _day(judge: Judge, code: str, path: Path, texts: Sequence[str]) -> tuple[Hours, ...]:
    """The hours of one day that can be read, in order; those that overlap are reported."""
    read: list[Hours] = []
    for text in texts:
        try:
            read.append(parse_hours(text))
        except ValueError as error:
            judge.report("calendars", code, path, str(error), _EXAMPLE)
    read.sort()
    for before, after in pairwise(read):
        if _crosses(before) or after[0] < (before[1] if before[1] != _MIDNIGHT else time.max):
            text = f"{after[0]:%H:%M}-{after[1]:%H:%M}"
            judge.report("calendars", code, path, f"'{text}' overlaps the hours before it", "hours apart")
    return tuple(read)


def _crosses(hours: Hours) -> bool:
    return hours[1] <= hours[0] and hours[1] != _MIDNIGHT


def _runs_into(last: Hours, first: Hours) -> bool:
    return _crosses(last) and last[1] > first[0]


def _holidays(judge: Judge, calendar: Calendar) -> None:
    country, path = calendar.holidays_country, ["holidays_country"]
    if country is None:
        return
    known = known_countries()
    if country not in known:
        said, expected = f"no holidays are known for '{country}'", "an ISO country code such as US"
        judge.report("calendars", calendar.code, path, said, expected, closest(country, known))
        return
    try:
        public_holidays(country, calendar.holidays_subdivision)
    except ValueError as error:
        expected = "a subdivision's code such as TX"
        judge.report("calendars", calendar.code, ["holidays_subdivision"], str(error), expected)


def _cutoff(judge: Judge, cutoff: Cutoff) -> None:
    code = cutoff.code
    judge.refer("cutoffs", code, ["calendar"], "calendars", cutoff.calendar)
    for section, path, codes in (
        ("categories", "category", cutoff.category), ("entities", "entity", cutoff.entity),
        ("queues", "queue", cutoff.queue),
    ):  # fmt: skip
        for index, wanted in enumerate(codes):
            judge.refer("cutoffs", code, [path, index], section, wanted)
    if not cutoff.dates and cutoff.monthly is None and cutoff.by_fact is None:
        judge.report("cutoffs", code, [], "it never comes", "'dates:', 'monthly:' or 'by_fact:'")
    if cutoff.by_fact is not None and (cutoff.dates or cutoff.monthly or cutoff.kind == "close"):
        said = "a close is the same for all" if cutoff.kind == "close" else "it has other days, too"
        judge.report("cutoffs", code, ["by_fact"], said, "'by_fact:' alone, of another kind than close")
    if cutoff.monthly is not None and cutoff.monthly.business_day == 0:
        expected = "1 for the first business day, -1 for the last"
        judge.report("cutoffs", code, ["monthly", "business_day"], "got 0", expected)
    for index, at in enumerate(cutoff.dates):
        if at.tzinfo is not None:
            said, expected = f"'{at.isoformat()}' has a zone", "a local time such as 2026-11-30T17:00"
            judge.report("cutoffs", code, ["dates", index], said, expected)


def _facts(judge: Judge, catalog: Catalog, cutoff: Cutoff) -> None:
    """What a cut-off asks for is what every category says that it names."""
    asked: list[tuple[list[str | int], str]] = [(["fact", name], name) for name in cutoff.fact]
    asked += [] if cutoff.by_fact is None else [(["by_fact"], cutoff.by_fact)]
    if asked and not cutoff.category:
        judge.report("cutoffs", cutoff.code, asked[0][0][:1], "no category says whose facts", "'category:'")
    for category in cutoff.category:
        known = known_facts(catalog, category)
        for path, name in asked if known is not None else ():
            judge.choose("cutoffs", cutoff.code, path, name, known or (), f"of the facts of {category}")
