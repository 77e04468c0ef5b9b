"""When a delivery was due, across weekends and clocks that change."""

from datetime import UTC, datetime, time

import pytest

from exceptions_app.domain.delivering import last_two_due

WEEKDAYS = [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("now", "before", "last"),
    [
        (
            "2026-11-24T05:29",
            "2026-11-20T05:30",
            "2026-11-23T05:30",
        ),  # Tuesday, a minute early: Friday and Monday
        ("2026-11-24T05:30", "2026-11-23T05:30", "2026-11-24T05:30"),
        ("2026-11-22T12:00", "2026-11-19T05:30", "2026-11-20T05:30"),  # Sunday
        ("2026-10-26T12:00", "2026-10-23T04:30", "2026-10-26T05:30"),  # the clocks went back on Sunday
    ],
)
def test_the_last_two_deadlines(now: str, before: str, last: str) -> None:
    found = last_two_due(_utc(now), time(6, 30), "Europe/Berlin", WEEKDAYS)
    assert found == (_utc(before), _utc(last))


def test_a_time_that_the_clock_skips_is_due_when_it_goes_on() -> None:
    found = last_two_due(_utc("2026-03-29T12:00"), time(2, 30), "Europe/Berlin", [6])
    assert found[1] == _utc("2026-03-29T01:30")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
