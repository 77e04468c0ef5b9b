"""The clock against an oracle that asks every minute: any calendar, any zone, any pauses, any change of either."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exceptions_app.catalog.schema import ServiceTime
from exceptions_app.domain.clock import (
    BusinessCalendar,
    add_business,
    business_before,
    business_between,
    is_open,
    longest_day,
)
from exceptions_app.domain.cutoffs import CutoffAt
from exceptions_app.domain.explain import Pause, explain, party_times
from exceptions_app.domain.sla import due_times, paused_time
from tests.domain.minutes import (
    DAY,
    MINUTE,
    Office,
    Range,
    counted,
    due,
    hours_of_a_day,
    offices,
    starts,
)

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def _hours(ranges: tuple[Range, ...]) -> tuple[tuple[time, time], ...]:
    return tuple((time(a // 60, a % 60), time(b // 60 % 24, b % 60)) for a, b in ranges)


def calendar_of(office: Office) -> BusinessCalendar:
    return BusinessCalendar(
        "drawn", ZoneInfo(office.zone), tuple(map(_hours, office.weekly)), dict.fromkeys(office.holidays, "off"),
        office.extra, hours_per_day=7 * HOUR, breaks=_hours(office.breaks),
        shifts={day: _hours(ranges) for day, ranges in office.shifts.items()},
    )  # fmt: skip


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Office, datetime]:
    begin = draw(starts())
    return draw(offices(begin.date())), begin


@settings(max_examples=80)
@given(scenes(), st.integers(0, 6000))
def test_open_time_is_the_open_minutes(scene: tuple[Office, datetime], length: int) -> None:
    office, begin = scene
    cal, end = calendar_of(office), begin + length * MINUTE
    assert business_between(begin, end, cal) == counted(office, begin, end) * MINUTE
    assert business_between(end, begin, cal) == -business_between(begin, end, cal)
    assert is_open(begin, cal) == office.is_open(begin)


@settings(max_examples=60)
@given(scenes(), st.integers(0, 1800))
def test_a_span_is_used_up_when_as_many_open_minutes_have_passed(
    scene: tuple[Office, datetime], span: int
) -> None:
    office, begin = scene
    expected = due(office, begin, span)
    assume(expected is not None)
    cal = calendar_of(office)
    end = add_business(begin, span * MINUTE, cal)
    assert end == expected
    back = business_before(end, span * MINUTE, cal)
    assert back >= begin
    if span:
        assert add_business(back, span * MINUTE, cal) == end
        assert add_business(back + SECOND, span * MINUTE, cal) > end


@settings(max_examples=60)
@given(
    scenes(), st.integers(0, 1200),
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 3000)), max_size=5),
)  # fmt: skip
def test_a_deadline_is_when_enough_minutes_were_open_and_not_paused(
    scene: tuple[Office, datetime], target: int, drawn: list[tuple[int, int]]
) -> None:
    office, begin = scene
    pauses = [(begin + a * MINUTE, begin + (a + b) * MINUTE) for a, b in drawn]
    expected = due(office, begin, target, pauses)
    assume(expected is not None)
    found = _deadline(begin, target, calendar_of(office), pauses)
    assert found == expected


def _deadline(
    begin: datetime, target: int, cal: BusinessCalendar, pauses: list[tuple[datetime, datetime]]
) -> datetime:
    """Business minutes cannot be written: a calendar whose business day is that long says the same."""
    if not target:
        return due_times(begin, ServiceTime(0, "business hours"), cal, pauses).due_at
    one_day = replace_day(cal, target * MINUTE)
    return due_times(begin, ServiceTime(1, "business days"), one_day, pauses).due_at


def replace_day(cal: BusinessCalendar, length: timedelta) -> BusinessCalendar:
    return BusinessCalendar(
        cal.code, cal.zone, cal.weekly, cal.holidays, cal.extra_days, False, length, cal.breaks, cal.shifts
    )


def test_a_business_day_is_the_longest_of_the_week_without_its_breaks() -> None:
    weekly = (
        (),
        ((time(8), time(17)),),
        ((time(22), time(6)),),
        ((time(8), time(12)), (time(12, 15), time(18))),
    )
    lunch, midnight = (time(12), time(12, 30)), (time(23, 45), time(0, 15))
    assert [longest_day([day]) for day in weekly] == [0 * HOUR, 9 * HOUR, 8 * HOUR, 9.75 * HOUR]
    assert [longest_day([day], (lunch, midnight)) for day in weekly] == [
        0 * HOUR, 8.5 * HOUR, 7.5 * HOUR, 9.5 * HOUR,
    ]  # fmt: skip


# -- a life under changing configurations


class Clock(RuleBasedStateMachine):
    """An exception is held, stopped and resumed, and the site changes its calendar and its target, in any order."""

    @initialize(scene=scenes(), wanted=st.integers(30, 900))
    def begin(self, scene: tuple[Office, datetime], wanted: int) -> None:
        self.office, self.opened = scene
        self.now, self.target = self.opened, wanted
        self.log: list[Pause] = []
        self.since: tuple[datetime, str | None] | None = None
        self.cutoff: CutoffAt | None = None

    @rule(minutes=st.sampled_from([1, 15, 59, 60, 240, 600, 1440, 3000]))
    def time_passes(self, minutes: int) -> None:
        if self.now - self.opened < 8 * DAY:
            self.now += minutes * MINUTE

    @precondition(lambda self: self.since is None)
    @rule(party=st.sampled_from(["supplier", "it", None]))
    def it_is_held_or_stopped(self, party: str | None) -> None:
        self.since = self.now, party

    @precondition(lambda self: self.since is not None)
    @rule()
    def it_goes_on(self) -> None:
        assert self.since is not None
        self.log.append(Pause(self.since[0], self.now, self.since[1]))
        self.since = None

    @rule(data=st.data())
    def a_holiday_is_added(self, data: st.DataObject) -> None:
        day = data.draw(st.dates(self.opened.date(), self.opened.date() + 14 * DAY))
        self.office = replace(self.office, holidays=self.office.holidays | {day})

    @rule(data=st.data(), hours=hours_of_a_day())
    def a_shift_is_set(self, data: st.DataObject, hours: tuple[Range, ...]) -> None:
        day = data.draw(st.dates(self.opened.date(), self.opened.date() + 14 * DAY))
        self.office = replace(self.office, shifts={**self.office.shifts, day: hours})

    @rule(breaks=hours_of_a_day())
    def breaks_change(self, breaks: tuple[Range, ...]) -> None:
        self.office = replace(self.office, breaks=breaks[:1])

    @rule(wanted=st.integers(30, 900))
    def the_target_changes(self, wanted: int) -> None:
        self.target = wanted

    @rule(days=st.integers(1, 10), minute=st.integers(0, 1439))
    def a_cutoff_is_set(self, days: int, minute: int) -> None:
        self.cutoff = CutoffAt("close", "Close", self.opened + days * DAY + minute * MINUTE)

    @invariant()
    def the_deadline_and_each_partys_time_are_those_of_the_log(self) -> None:
        if not hasattr(self, "log"):
            return
        stretches = [(each.first, each.last) for each in self.log if each.last is not None]
        cal = replace_day(calendar_of(self.office), self.target * MINUTE)
        one = ServiceTime(1, "business days")
        expected = due(self.office, self.opened, self.target, stretches, limit=20_000)
        if expected is not None:
            bound = min(expected, self.cutoff.at) if self.cutoff else expected
            found = due_times(self.opened, one, cal, stretches, cutoff=self.cutoff)
            assert found.due_at == bound
            assert found.cutoff == ("close" if self.cutoff and self.cutoff.at < expected else None)
            assert self.opened <= found.half_at <= found.due_soon_at <= found.due_at
            if self.since is None:
                said = explain(self.opened, one, cal, now=self.now, pauses=self.log, cutoff=self.cutoff)
                assert said.due_at == bound
        assert paused_time(stretches, one, cal) == sum(
            (counted(self.office, *each) * MINUTE for each in stretches), timedelta(0)
        )
        times = {each.party: each.time for each in party_times(self.log, self.now, one, cal)}
        for party in ("supplier", "it", None):
            own = [(each.first, each.last) for each in self.log if each.party == party and each.last]
            assert times.get(party, timedelta(0)) == sum(counted(self.office, *e) for e in own) * MINUTE


TestClock = Clock.TestCase
TestClock.settings = settings(
    max_examples=20, stateful_step_count=12, suppress_health_check=list(HealthCheck), deadline=None,
    phases=(Phase.reuse, Phase.generate, Phase.shrink),
)  # fmt: skip


def test_the_oracle_itself_knows_a_simple_week() -> None:
    office = Office("UTC", (((480, 1020),),) * 5 + ((), ()), breaks=((720, 750),))
    monday = datetime(2026, 6, 8, tzinfo=UTC)
    assert counted(office, monday, monday + 7 * DAY) == 5 * (540 - 30)
    assert due(office, monday, 540) == monday + DAY + timedelta(hours=8, minutes=30)
    assert date(2026, 6, 8).weekday() == 0
