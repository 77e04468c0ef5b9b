"""Quiet hours hold on the reader's own wall clock, whatever the clocks do that night."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.domain.quiet import after_quiet, is_quiet, time_of_day

CHICAGO = ZoneInfo("America/Chicago")
NIGHT = (time(19), time(7))
ZONES = ["America/Chicago", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC"]
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
instants = st.integers(1_293_840_000, 1_893_456_000).map(lambda at: datetime.fromtimestamp(at, UTC))


def chicago(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ("2026-11-23T18:59", "2026-11-23T18:59"),
        ("2026-11-23T19:00", "2026-11-24T07:00"),
        ("2026-11-23T23:30", "2026-11-24T07:00"),
        ("2026-11-24T06:59", "2026-11-24T07:00"),
        ("2026-11-24T07:00", "2026-11-24T07:00"),
        ("2026-03-07T22:00", "2026-03-08T07:00"),
        ("2026-10-31T22:00", "2026-11-01T07:00"),
    ],
)
def test_mail_waits_for_the_readers_morning(at: str, wanted: str) -> None:
    assert after_quiet(chicago(at), *NIGHT, CHICAGO) == chicago(wanted)


def test_hours_within_one_day_are_quiet_too() -> None:
    assert after_quiet(chicago("2026-11-23T12:30"), time(12), time(13), CHICAGO) == chicago(
        "2026-11-23T13:00"
    )


@given(instants, times, st.sampled_from(ZONES))
def test_the_same_time_twice_is_never_quiet(at: datetime, same: time, zone: str) -> None:
    assert after_quiet(at, same, same, ZoneInfo(zone)) == at


@given(instants, times, times, st.sampled_from(ZONES))
def test_what_comes_out_is_not_quiet_and_nothing_before_it_was_awake(
    at: datetime, begins: time, ends: time, name: str
) -> None:
    zone = ZoneInfo(name)
    found = after_quiet(at, begins, ends, zone)
    assert not is_quiet(found, begins, ends, zone)
    assert at <= found <= at + timedelta(hours=50)  # a night and a day that the clocks skip altogether
    if found > at:
        before = found - timedelta(seconds=1)
        assert before < at or is_quiet(before, begins, ends, zone)


def test_a_wrong_time_of_day_says_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"'7pm' is no time of day; expected one such as 19:00"):
        time_of_day("7pm")
