"""A feed's own rhythm: nights, weekends and holidays are known, outages are no silence, little history says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exceptions_app.catalog.calendars import whole_days
from exceptions_app.catalog.schema import Calendar
from exceptions_app.domain.opening_hours import BusinessCalendar
from exceptions_app.domain.rhythm import Watched, silence

HOLIDAY = datetime(2026, 11, 26, tzinfo=UTC).date()
OFFICE = whole_days(
    Calendar(
        code="office",
        weekly={day: ["08:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
        holidays_extra={HOLIDAY: "Thanksgiving"},
    )
)
ALWAYS = whole_days(Calendar(code="always", always_open=True))


def at(day: int, hour: float) -> datetime:
    """In November 2026; the 2nd is a Monday, the 26th the holiday."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour)


def _hourly(last_day: int) -> list[datetime]:
    """Every hour of office days from 8 to 17, from 1 October on."""
    days = [datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=n) for n in range(30 + last_day + 1)]
    worked = [
        day for day in days if day.weekday() < 5 and day.date() != HOLIDAY and day < at(last_day + 1, 0)
    ]
    return [day + timedelta(hours=hour) for day in worked for hour in range(8, 18)]


def _silent(
    deliveries: list[datetime],
    now: datetime,
    breaks: tuple[datetime, ...] = (),
    calendar: BusinessCalendar = OFFICE,
) -> bool:
    found = silence(
        Watched(deliveries, breaks),
        now,
        calendar,
        quantile=0.99,
        times=1.5,
        at_least=timedelta(hours=1),
    )
    return found is not None


CASES = [
    ("within the hour", 24, [], at(24, 17.9), False),
    ("the night", 24, [], at(25, 7.5), False),
    ("the night is over", 24, [], at(25, 16), True),
    ("the weekend", 20, [], at(22, 12), False),
    ("Monday morning", 20, [], at(23, 7.9), False),
    ("Monday noon", 20, [], at(23, 16), True),
    ("the holiday", 25, [], at(26, 20), False),
    ("the morning after the holiday", 25, [], at(27, 7.9), False),
    ("by day two hours are too long", 24, [at(24, hour) for hour in range(12, 18)], at(24, 14), True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("last_day", "less", "now", "silent"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_rhythm_of_an_office(last_day: int, less: list[datetime], now: datetime, silent: bool) -> None:
    assert _silent([one for one in _hourly(last_day) if one not in less], now) is silent


def test_without_a_calendar_weekends_are_learned_and_holidays_are_not() -> None:
    assert not _silent(_hourly(20), at(23, 7.9), calendar=ALWAYS)
    assert _silent(_hourly(25), at(26, 20), calendar=ALWAYS)


def test_what_came_after_an_outage_or_a_pause_is_judged_from_then_on() -> None:
    heard = [one for one in _hourly(24) if one < at(24, 9)]
    assert _silent(heard, at(24, 14))
    assert not _silent(heard, at(24, 14), breaks=(at(24, 13.5),))
    assert _silent(heard, at(24, 16), breaks=(at(24, 13.5),))


def test_a_gap_across_an_outage_is_not_learned() -> None:
    deliveries = [one for one in _hourly(24) if not at(10, 8) <= one <= at(13, 17)]
    found = silence(
        Watched(deliveries[:-4], (at(16, 7.9),)),
        at(24, 16.5),
        OFFICE,
        quantile=1.0,
        times=1.0,
        at_least=timedelta(hours=1),
    )
    assert found is not None and found.usual < timedelta(days=1)


@pytest.mark.parametrize("deliveries", [[], [at(2, 8)], [at(2, 8) + timedelta(minutes=n) for n in range(20)]])
def test_little_history_says_nothing(deliveries: list[datetime]) -> None:
    assert not _silent(deliveries, at(24, 12))


def test_it_says_since_when_how_long_and_what_is_usual() -> None:
    heard = [one for one in _hourly(24) if one < at(24, 12)]
    found = silence(Watched(heard), at(24, 14), OFFICE, quantile=0.99, times=1.5, at_least=timedelta(hours=1))
    assert found is not None
    assert (found.since, found.lasted, found.usual) == (at(24, 11), timedelta(hours=3), timedelta(hours=1))
