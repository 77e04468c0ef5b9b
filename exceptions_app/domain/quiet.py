"""Quiet hours: when a reader wants no mail, on the local clock of their own zone. Pure.

Local times are compared on the wall clock: an hour that is skipped in spring ends the night where the clock stands
afterwards, one that is repeated in autumn is quiet twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo


def time_of_day(text: str) -> time:
    """`19:00`. Raises ValueError, which says what was expected."""
    try:
        return datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 - a local time of day has no zone
    except ValueError:
        raise ValueError(f"'{text}' is no time of day; expected one such as 19:00") from None


def is_quiet(at: datetime, begins: time, ends: time, zone: tzinfo) -> bool:
    """Whether `at` lies in [begins, ends) of some local day; never where both are the same."""
    local = at.astimezone(zone).time()
    if begins <= ends:
        return begins <= local < ends
    return local >= begins or local < ends


def after_quiet(at: datetime, begins: time, ends: time, zone: tzinfo) -> datetime:
    """`at` itself, or the end of the quiet hours that it falls into (UTC)."""
    at = at.astimezone(UTC)
    if not is_quiet(at, begins, ends, zone):
        return at
    local = at.astimezone(zone)
    day = local.date() + timedelta(days=1 if ends <= local.time() else 0)
    ending = datetime.combine(day, ends, zone)
    first, again = (ending.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    awake = max(first if first > at else again, at)
    while is_quiet(awake, begins, ends, zone):  # `ends` is skipped by the clocks, or comes twice
        awake += timedelta(minutes=1)
    return awake
