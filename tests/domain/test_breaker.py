"""The circuit breaker: rests after failures in a row, probes with one, is taken up again gently."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.domain.breaker import (
    LONGEST_ASKED,
    Gate,
    after_failure,
    after_success,
    after_wait_asked,
    allowed,
    before_send,
    resting_until,
    share,
)

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Rules:
    concurrency: int = 4
    breaker_failures: int = 3
    breaker_pause: timedelta = 30 * SECOND
    breaker_longest: timedelta = 100 * SECOND


RULES = Rules()


def failed(gate: Gate, times: int, now: datetime = NOW) -> Gate:
    for _ in range(times):
        gate = after_failure(gate, now, RULES)
    return gate


OPEN = failed(Gate(), 3)


def probing(gate: Gate, now: datetime) -> Gate:
    return before_send(gate, now)


def test_failures_that_are_not_in_a_row_do_not_open_it() -> None:
    gate = after_success(failed(Gate(), 2), NOW, RULES)
    assert failed(gate, 2).state == "closed"


def test_so_many_failures_in_a_row_open_it_for_the_pause() -> None:
    assert (OPEN.state, OPEN.retry_at, OPEN.opened_at) == ("open", NOW + 30 * SECOND, NOW)
    assert [allowed(OPEN, NOW + n * SECOND, RULES) for n in (0, 29, 30)] == [0, 0, 1]


def test_first_send_after_the_rest_is_the_only_one() -> None:
    gate = probing(OPEN, NOW + 30 * SECOND)
    assert gate.state == "half_open"
    assert allowed(gate, NOW + 30 * SECOND, RULES) == 1


def test_nothing_is_a_probe_before_the_rest_is_over() -> None:
    assert probing(OPEN, NOW + 29 * SECOND).state == "open"


def test_failed_probes_double_the_pause_up_to_the_longest() -> None:
    gate, now, pauses = OPEN, NOW, []
    for _ in range(4):
        now += gate.pause
        gate = after_failure(probing(gate, now), now, RULES)
        pauses.append(gate.pause / SECOND)
        assert gate.retry_at == now + gate.pause
    assert pauses == [60, 100, 100, 100]
    assert gate.opened_at == NOW


def test_success_of_the_probe_drains_one_by_one_until_all_is_as_before() -> None:
    later = NOW + 30 * SECOND
    gate, seen = probing(OPEN, later), []
    for _ in range(4):
        gate = after_success(gate, later, RULES)
        seen.append((gate.state, allowed(gate, later, RULES), share(gate, RULES)))
    assert seen == [
        ("draining", 1, Fraction(1, 4)),
        ("draining", 2, Fraction(2, 4)),
        ("draining", 3, Fraction(3, 4)),
        ("closed", 4, Fraction(1)),
    ]
    assert gate == Gate()


def test_failure_while_draining_opens_it_again_for_longer() -> None:
    later = NOW + 30 * SECOND
    gate = after_success(probing(OPEN, later), later, RULES)
    again = after_failure(gate, later, RULES)
    assert (again.state, again.pause) == ("open", 60 * SECOND)


def test_answers_from_before_the_rest_neither_end_nor_lengthen_it() -> None:
    assert after_success(OPEN, NOW, RULES) == OPEN
    assert after_failure(OPEN, NOW + SECOND, RULES).retry_at == OPEN.retry_at


@pytest.mark.parametrize("gate", [Gate(), OPEN, Gate("draining", allowance=2), Gate("half_open")])
def test_a_wait_that_the_system_asks_for_is_kept_in_every_state(gate: Gate) -> None:
    asked = after_wait_asked(gate, NOW, 45)
    assert asked.state == gate.state
    assert allowed(asked, NOW + 44 * SECOND, RULES) == 0
    assert allowed(asked, NOW + 45 * SECOND, RULES) > 0


def test_a_shorter_wait_never_shortens_the_rest_and_an_endless_one_is_cut() -> None:
    assert after_wait_asked(OPEN, NOW, 5).retry_at == OPEN.retry_at
    assert after_wait_asked(Gate(), NOW, 1e12).retry_at == NOW + LONGEST_ASKED
    assert after_wait_asked(Gate(), NOW, -3).retry_at == NOW


def test_a_system_that_takes_one_at_a_time_is_closed_by_its_probe() -> None:
    rules, later = Rules(concurrency=1), NOW + 30 * SECOND
    assert after_success(probing(OPEN, later), later, rules) == Gate()


EVENTS = st.lists(
    st.tuples(st.sampled_from(["ok", "failed", "asked"]), st.integers(0, 200)), min_size=1, max_size=60
)


@given(EVENTS, st.integers(1, 6), st.integers(1, 5))
def test_whatever_happens_it_never_sends_too_much_and_never_rests_for_ever(
    events: list[tuple[str, int]], concurrency: int, failures: int
) -> None:
    rules = Rules(concurrency, failures)
    gate, now = Gate(), NOW
    for what, seconds in events:
        now += seconds * SECOND
        room = allowed(gate, now, rules)
        until = resting_until(gate, now)
        assert 0 <= room <= concurrency
        assert (room == 0) == (until is not None)
        if room:
            gate = before_send(gate, now)
        if what == "ok":
            gate = after_success(gate, now, rules)
        elif what == "failed":
            gate = after_failure(gate, now, rules)
        else:
            gate = after_wait_asked(gate, now, seconds)
        assert gate.pause <= rules.breaker_longest
        assert (gate.opened_at is None) == (gate.state == "closed")
        if gate.state == "closed":
            assert gate.failures < failures
    # left in peace long enough and then answering, it is as before after one round
    now += LONGEST_ASKED
    for _ in range(concurrency + 1):
        assert allowed(gate, now, rules) >= 1
        gate = after_success(before_send(gate, now), now, rules)
    assert (gate.state, allowed(gate, now, rules)) == ("closed", concurrency)


@given(st.integers(1, 8), st.lists(st.booleans(), max_size=30))
def test_the_allowance_grows_with_every_answer_while_draining(concurrency: int, answers: list[bool]) -> None:
    rules, now = Rules(concurrency), NOW
    gate = Gate("half_open", pause=30 * SECOND, opened_at=NOW)
    for ok in answers:
        before = gate
        gate = after_success(gate, now, rules) if ok else after_failure(gate, now, rules)
        if before.state == gate.state == "draining":
            assert gate.allowance == before.allowance + 1
        if gate.state == "open":
            now = gate.retry_at or now
            gate = before_send(gate, now)
