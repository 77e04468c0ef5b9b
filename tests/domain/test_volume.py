"""How many records a feed brings: by weekday, with holidays and odd days, and never without enough of a past."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from exceptions_app.catalog.calendars import ALWAYS, whole_days
from exceptions_app.catalog.schema import Calendar
from exceptions_app.domain.volume import Limits, band, of_days, of_delivery

HOLIDAY = date(2026, 11, 26)
OFFICE = whole_days(
    Calendar(
        code="office",
        weekly={day: ["08:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
        holidays_extra={HOLIDAY: "Thanksgiving"},
    )
)
EVERY_DAY = whole_days(ALWAYS)
LIMITS = Limits(lower=25, upper=400, at_least=20, history=10)


def of(day: int) -> date:
    """In November 2026: the 2nd is a Monday, the 26th the holiday."""
    return date(2026, 11, day)


def past(last: int, **odd: int) -> dict[date, int]:
    """From 1 October on: 1,000 on working days, 2,000 on Mondays, 100 at weekends and on the holiday; `odd`: d24=50."""
    days = [date(2026, 10, 1) + timedelta(days=n) for n in range(31 + last)]
    plain = {day: (2_000, *4 * (1_000,), 100, 100)[day.weekday()] for day in days}
    plain[HOLIDAY] = 40
    told = {of(int(name[1:])): count for name, count in odd.items()}
    return {day: count for day, count in (plain | told).items() if day <= of(last)}


@pytest.mark.parametrize(
    ("days", "today", "usual", "told"),
    [
        ("an ordinary day", past(25), 25, (24, 1_000, True)),
        ("a day that has not ended is not too little", past(25, d25=3), 25, (24, 1_000, True)),
        ("far fewer", past(25, d24=249, d25=0), 25, (24, 249, False)),
        ("a quarter is not far fewer", past(25, d24=250, d25=0), 25, (24, 250, True)),
        ("nothing at all", past(25, d24=0, d25=0), 25, (24, 0, False)),
        ("until the next day has its least", past(25, d24=3, d25=249), 25, (24, 3, False)),
        ("it is over once the next day has it", past(25, d24=3, d25=250), 25, (25, 250, True)),
        ("far more, before the day is over", past(25, d25=4_001), 25, (25, 4_001, False)),
        ("too much is no matter of half a day", past(25, d24=4_001, d25=900), 25, (24, 4_001, False)),
        ("a Monday is like Mondays", past(24, d23=499, d24=0), 24, (23, 499, False)),
        ("and brings more than other days", past(24, d23=7_900), 24, (23, 7_900, True)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_days_are_judged_by_their_like(
    days: str, today: Mapping[date, int], usual: int, told: tuple[int, int, bool]
) -> None:
    found = of_days(today, of(usual), {}, EVERY_DAY, LIMITS)
    assert found is not None and (found.day, found.count, found.is_usual) == (of(told[0]), *told[1:]), days


@pytest.mark.parametrize(
    ("today", "calendar", "told"),
    [
        (27, OFFICE, (25, 1_000, True)),  # the holiday is closed: the day before it is the newest
        (27, EVERY_DAY, (26, 40, False)),
        (23, OFFICE, (20, 1_000, True)),  # and so are Saturday and Sunday
        (23, EVERY_DAY, (22, 100, True)),  # which are known to be small
    ],
)
def test_a_feed_that_rests_on_a_holiday_is_judged_by_its_calendar(
    today: int, calendar: object, told: tuple[int, int, bool]
) -> None:
    known = past(today) | {of(today): 0}
    found = of_days(known, of(today), {}, calendar, LIMITS)  # type: ignore[arg-type]
    assert found is not None and (found.day, found.count, found.is_usual) == (of(told[0]), *told[1:])


def test_days_that_were_not_heard_are_neither_judged_nor_learned() -> None:
    known = past(25, d24=3)
    found = of_days(known, of(25), {}, EVERY_DAY, LIMITS, {of(24)})
    assert found is not None and (found.day, found.is_usual) == (of(23), True)
    assert of_days(known, of(25), {}, EVERY_DAY, LIMITS, set(known)) is None


def test_what_was_read_again_counts_for_the_day_that_lacked_it_and_makes_no_day_too_large() -> None:
    def told(known: Mapping[date, int], again: int) -> bool:
        found = of_days(known, of(25), {of(24): again}, EVERY_DAY, LIMITS)
        assert found is not None and found.day == of(24)
        return found.is_usual

    low = past(25, d24=3, d25=0)
    assert [told(low, 0), told(low, 500), told(past(25), 9_000)] == [False, True, True]


@pytest.mark.parametrize("last", [0, 5, 13])
def test_little_history_says_nothing(last: int) -> None:
    known = {of(day): 1_000 for day in range(1, last + 1)}
    assert band(known, of(last + 1), LIMITS) is None
    assert of_days(known, of(last + 1), {}, EVERY_DAY, LIMITS) is None


def test_a_kind_of_day_that_varies_is_judged_by_how_it_varies_and_an_odd_one_moves_nothing() -> None:
    paydays = {of(2) + timedelta(days=n): 10 if n % 2 else 1_000 for n in range(60)}
    wide = band(paydays, of(2) + timedelta(days=70), LIMITS)
    assert wide is not None and wide.holds(10) and wide.holds(1_000) and not wide.holds(4_001)
    steady = past(24)
    odd = steady | {of(17): 0, of(10): 500_000}
    assert band(steady, of(24), LIMITS) == band(odd, of(24), LIMITS)
    few = band(dict.fromkeys(steady, 15), of(24), LIMITS)
    assert few is not None and few.holds(0) and few.holds(60) and not few.holds(61)


def test_a_delivery_is_judged_by_those_of_the_days_before() -> None:
    known = past(24)
    low, usual, closed = (
        of_delivery(known, day, count, OFFICE, LIMITS)
        for day, count in ((of(25), 200), (of(25), 900), (HOLIDAY, 0))
    )
    assert low is not None and not low.is_usual and (low.band.usual, low.band.least) == (1_000, 250)
    assert usual is not None and usual.is_usual and closed is None


PROFILES = ([2, 1, 1, 1, 1, 0.1, 0.1], [1, 1, 1, 1, 1, 0.6, 0.3])
"""From Monday to Sunday."""


@pytest.mark.parametrize("varies", [0.2, 0.35])
def test_of_a_year_of_feeds_that_vary_nearly_every_fault_is_found_and_next_to_nothing_invented(
    varies: float,
) -> None:
    """Ten feeds of 80 to 20,000 records a day, log-normal about their weekdays; one day in 25 brings a tenth, or eight
    times as much, and stays in the past from which the next days are judged.
    """
    rng, told = random.Random(3), Counter[tuple[int, int]]()
    for number in range(10):
        base, profile = rng.choice([80, 600, 20_000]), PROFILES[number % 2]
        counts: dict[date, int] = {}
        for day in (date(2026, 1, 5) + timedelta(days=n) for n in range(310)):
            usual = round(base * profile[day.weekday()] * rng.lognormvariate(0, varies))
            fault = rng.choices((0, -1, 1), (96, 2, 2))[0] if len(counts) >= 60 else 0
            counts[day] = (usual, usual * 8, usual // 10)[fault]
            if len(counts) > 60 and (usual >= 100 or not fault):
                known = {other: counts[other] for other in list(counts)[-61:]} | {day + timedelta(days=1): 0}
                found = of_days(known, day + timedelta(days=1), {}, EVERY_DAY, LIMITS)
                assert found is not None and found.day == day
                told[fault, (found.count > found.band.most) - (found.count < found.band.least)] += 1
    right, planted = told[1, 1] + told[-1, -1], sum(n for (fault, _), n in told.items() if fault)
    invented = sum(n for (fault, said), n in told.items() if said not in (0, fault))
    assert planted > 50 and right >= 0.94 * planted and invented <= 0.001 * told[0, 0], told
