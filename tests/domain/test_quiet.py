"""Quiet hours hold on the reader's own wall clock, whatever the clocks do that night."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
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


def test_a_repeated_hour_that_is_quiet_is_quiet_twice() -> None:
    second_time = chicago("2026-11-01T01:10").replace(fold=1)
    first, second = (chicago("2026-11-01T01:30").replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    assert after_quiet(second_time, time(19), time(1, 30), CHICAGO) == second
    assert after_quiet(chicago("2026-11-01T00:50"), time(19), time(1, 30), CHICAGO) == first


@given(st.integers(0, 11), st.integers(-180, 180), times, times, st.sampled_from(ZONES))
def test_it_holds_around_the_nights_in_which_clocks_change(
    year: int, minutes: int, begins: time, ends: time, name: str
) -> None:
    zone = ZoneInfo(name)
    day = datetime(2015 + year, 1, 1, 12, tzinfo=UTC)
    days = [day + timedelta(days=n) for n in range(366)]
    for before, after in pairwise(days):
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            at = before + timedelta(hours=14, minutes=minutes)
            found = after_quiet(at, begins, ends, zone)
            assert found >= at and not is_quiet(found, begins, ends, zone)


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
