"""Cut-offs: when they come, whom they concern, and which one binds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from exceptions_app.catalog.schema import Cutoff
from exceptions_app.domain.clock import BusinessCalendar
from exceptions_app.domain.cutoffs import CutoffAt, Schedule, fits, next_cutoff

CHICAGO = ZoneInfo("America/Chicago")
OFFICE = BusinessCalendar(
    "office", CHICAGO, (((time(8), time(17)),),) * 5 + ((), ()),
    {date(2026, 11, 30): "Founders' day", date(2027, 1, 1): "New Year's Day"},
)  # fmt: skip


def local(*parts: int, zone: ZoneInfo = CHICAGO) -> datetime:
    return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type,misc]


def schedule(calendar: BusinessCalendar = OFFICE, **given: object) -> Schedule:
    declared = {"code": "close", "title": "Close", "calendar": "office"} | given
    return Schedule(Cutoff.model_validate(declared), calendar)


@pytest.mark.parametrize(
    ("day", "after", "expected"),
    [(-1, (2026, 11, 5, 9), (2026, 11, 27, 17)), (1, (2026, 12, 5, 9), (2027, 1, 4, 17)),
     (3, (2026, 10, 31, 9), (2026, 11, 4, 17)), (-2, (2026, 11, 26, 18), (2026, 12, 30, 17)),
     (23, (2026, 11, 5, 9), (2026, 11, 27, 17)), (-23, (2026, 11, 1, 9), (2026, 11, 2, 17))],
)  # fmt: skip
def test_the_nth_business_day_of_every_month(
    day: int, after: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert schedule(monthly={"business_day": day}).after(local(*after)) == local(*expected)


def test_a_cutoff_at_this_very_instant_has_passed() -> None:
    at = local(2026, 11, 27, 17)
    found = schedule(monthly={"business_day": -1})
    assert found.after(at - timedelta(microseconds=1)) == at
    assert found.after(at) == local(2026, 12, 31, 17)


def test_the_books_close_on_the_day_of_a_cutoff_for_all_until_its_hour() -> None:
    found = schedule(monthly={"business_day": -1})
    before, at = local(2026, 10, 30, 17), local(2026, 11, 27, 17)
    assert found.closed_through(local(2026, 11, 27) - timedelta(seconds=1)) == before
    assert found.closed_through(local(2026, 11, 27)) == found.closed_through(local(2026, 12, 30)) == at
    single = schedule(dates=["2026-11-10T12:00", "2026-11-20T12:00"])
    assert single.closed_through(local(2026, 11, 9, 23)) is None
    assert single.closed_through(local(2026, 11, 19, 23)) == local(2026, 11, 10, 12)
    assert single.closed_through(local(2027, 1, 1)) == local(2026, 11, 20, 12)
    assert schedule(monthly={"business_day": 1}, starts="2027-03-01").closed_through(at) is None


def test_a_cutoff_may_close_the_month_before() -> None:
    found = schedule(monthly={"business_day": 3}, closes="month_before")
    assert found.closed_through(local(2026, 12, 2)) == local(2026, 11, 1) - timedelta(microseconds=1)
    assert found.closed_through(local(2026, 12, 3)) == local(2026, 12, 1) - timedelta(microseconds=1)


def test_facts_say_whose_cutoff_it_is() -> None:
    found = schedule(monthly={"business_day": 3}, fact={"pay_group": ["BW", "MO"], "key.period": ["2026-11"]})
    assert found.concerns({"pay_group": "MO", "key.period": "2026-11"})
    assert not found.concerns({"pay_group": "WK", "key.period": "2026-11"})
    assert not found.concerns({"pay_group": "BW"})
    assert schedule(monthly={"business_day": 3}).concerns({})


def test_single_dates_and_months_together() -> None:
    found = schedule(dates=["2026-11-20T12:00", "2026-11-10T12:00"], monthly={"business_day": -1})
    assert found.after(local(2026, 11, 1)) == local(2026, 11, 10, 12)
    assert found.after(local(2026, 11, 12)) == local(2026, 11, 20, 12)
    assert found.after(local(2026, 11, 21)) == local(2026, 11, 27, 17)


def test_no_cutoff_before_it_starts_and_none_after_the_last() -> None:
    found = schedule(dates=["2026-11-10T12:00"], monthly={"business_day": 1}, starts="2027-03-01")
    assert found.after(local(2026, 11, 1)) == local(2027, 3, 1, 17)
    assert schedule(dates=["2026-11-10T12:00"]).after(local(2026, 11, 10, 12)) is None


def test_an_office_that_never_closes_has_its_cutoff_on_the_last_day() -> None:
    always = BusinessCalendar("24x7", CHICAGO, (), always_open=True)
    assert schedule(always, monthly={"business_day": -1}).after(local(2026, 11, 5)) == local(2026, 11, 30, 17)


def test_a_far_zone_is_still_in_the_month_before() -> None:
    honolulu = BusinessCalendar("h", ZoneInfo("Pacific/Honolulu"), OFFICE.weekly)
    found = schedule(honolulu, monthly={"business_day": -1, "at": "23:30"})
    at = local(2026, 11, 30, 23, 30, zone=ZoneInfo("Pacific/Honolulu"))
    assert (at.month, found.after(at - timedelta(minutes=1))) == (12, at)


def test_a_time_that_the_clocks_skip_is_when_they_resume_and_one_they_repeat_its_first_passing() -> None:
    assert schedule(dates=["2026-03-08T02:30"]).after(local(2026, 3, 1)) == datetime(
        2026, 3, 8, 8, tzinfo=UTC
    )
    repeated = schedule(dates=["2026-11-01T01:30"]).after(local(2026, 10, 1))
    assert repeated == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_whom_a_cutoff_concerns() -> None:
    cutoff = Cutoff.model_validate({
        "code": "c", "title": "c", "calendar": "office", "category": ["grni"], "entity": ["NET"], "queue": ["ap"],
        "monthly": {"business_day": 1},
    })  # fmt: skip
    assert fits(cutoff, "grni", {"H01", "NET"}, "ap")
    assert not fits(cutoff, "price", {"H01", "NET"}, "ap")
    assert not fits(cutoff, "grni", {"H01"}, "ap")
    assert not fits(cutoff, "grni", {"H01", "NET"}, "buyers")


def test_the_nearest_binds_and_one_that_passed_while_stopped_does_not() -> None:
    early = schedule(code="payroll", title="Payroll", dates=["2026-11-12T12:00"])
    late = schedule(monthly={"business_day": -1})
    opened = local(2026, 11, 5)
    assert next_cutoff([late, early], opened) == CutoffAt("payroll", "Payroll", local(2026, 11, 12, 12))
    stopped = [(local(2026, 11, 11), local(2026, 11, 28))]
    assert next_cutoff([late, early], opened, stopped) == CutoffAt("close", "Close", local(2026, 12, 31, 17))
    assert next_cutoff([], opened) is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-11-27", local(2026, 11, 27, 12)),
        ("2026-11-27T09:30", local(2026, 11, 27, 9, 30)),
        ("2026-11-27T09:30:00+00:00", datetime(2026, 11, 27, 9, 30, tzinfo=UTC)),
        ("2027-03-14", local(2027, 3, 14, 12)),
        ("2026-10-30", None),  # before it starts
        ("27 Nov", None),
        ("", None),
    ],
)
def test_what_an_exception_says_may_be_the_day_or_the_instant(said: str, expected: datetime | None) -> None:
    found = schedule(by_fact="inputs_to", at="12:00", kind="payroll", starts="2026-11-01")
    told = found.of({"inputs_to": said})
    assert told.after(local(2026, 10, 1)) == expected
    assert found.of({}).after(local(2026, 10, 1)) is found.after(local(2026, 10, 1)) is None
    assert expected is None or told.after(expected) is None, "of another day nobody knows"
    assert told.asks and not schedule(monthly={"business_day": 1}).asks
