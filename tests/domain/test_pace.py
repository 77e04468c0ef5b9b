"""So many sends a second: no drift, no rush after a pause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.domain.pace import Pace


def used(pace: Pace, start: float, count: int) -> list[float]:
    """The slots of a sender that is never late: it waits for each."""
    now, slots = start, []
    for _ in range(count):
        now = max(now, pace.next_slot(now))
        slots.append(now)
    return slots


def test_slots_are_at_their_start_and_multiples_of_the_interval() -> None:
    slots = used(Pace(3), 100.0, 30_001)
    assert slots[0] == 100.0
    assert slots[30_000] == pytest.approx(10_100.0, abs=1e-6)


def test_small_delays_do_not_add_up() -> None:
    pace, now = Pace(100), 0.0
    for _ in range(1000):
        now = max(now, pace.next_slot(now)) + 0.004  # each send is looked at a little late
    assert now == pytest.approx(10.0, abs=0.05)


def test_what_was_missed_in_a_long_pause_is_not_sent_in_one_rush() -> None:
    pace = Pace(10)
    used(pace, 0.0, 5)
    slots = used(pace, 60.0, 4)
    assert slots == pytest.approx([60.0, 60.1, 60.2, 60.3])


def test_without_a_rate_every_slot_is_now() -> None:
    pace = Pace(0)
    assert all(pace.next_slot(now) <= now for now in (5.0, 5.0, 9.0, 9.5))


def test_a_changed_rate_goes_on_from_the_next_slot() -> None:
    pace = Pace(1)
    assert used(pace, 0.0, 2) == [0.0, 1.0]
    pace.change(10)
    assert used(pace, 1.5, 3) == pytest.approx([2.0, 2.1, 2.2])


def test_looking_takes_nothing() -> None:
    pace = Pace(1)
    assert [pace.peek(7.0), pace.peek(7.0), pace.next_slot(7.0), pace.peek(7.0)] == [7.0, 7.0, 7.0, 8.0]


@given(
    st.floats(0.5, 500),
    st.lists(st.floats(0, 3), min_size=1, max_size=200),
    st.floats(0.1, 5),
)
def test_no_window_holds_more_than_the_rate_and_what_may_be_caught_up(
    rate: float, delays: list[float], window: float
) -> None:
    pace, now, sent = Pace(rate), 1000.0, []
    for delay in delays:
        now = max(now + delay, pace.next_slot(now + delay))
        sent.append(now)
    for first in sent:
        within = sum(first <= at < first + window for at in sent)
        assert within <= rate * (window + 0.25) + 2
