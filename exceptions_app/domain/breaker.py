"""When a system is left in peace: a circuit breaker that is taken up again gently. Knows no clock and no network.

closed -> open after so many transient failures in a row -> half_open: one probe -> draining: one at a time, two, three,
… up to the usual number -> closed. A probe or a gentle send that fails opens it again, for twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal, Protocol

State = Literal["closed", "open", "half_open", "draining"]

LONGEST_ASKED = timedelta(days=1)
"""A system that asks for a longer rest than this (`Retry-After`) is asked again after it."""


class BreakerRules(Protocol):
    """What the configuration says of a system. `concurrency`: so many at once when all is well."""

    @property
    def concurrency(self) -> int: ...
    @property
    def breaker_failures(self) -> int: ...
    @property
    def breaker_pause(self) -> timedelta: ...
    @property
    def breaker_longest(self) -> timedelta: ...


@dataclass(frozen=True, slots=True)
class Gate:
    """How sending to one system stands. Times are aware UTC.

    `failures`: transient ones in a row. `pause`: how long the present or last rest is. `allowance`: how many at
    once while draining. Before `retry_at` nothing is sent, in any state: the breaker's rest, or one that the
    system asked for.
    """

    state: State = "closed"
    failures: int = 0
    pause: timedelta = timedelta(0)
    allowance: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None


def allowed(gate: Gate, now: datetime, rules: BreakerRules) -> int:
    """How many may be under way at once now: none while resting, one as a probe, some while draining, else all."""
    if resting_until(gate, now) is not None:
        return 0
    match gate.state:
        case "open" | "half_open":
            return 1
        case "draining":
            return max(1, min(gate.allowance, rules.concurrency))
        case "closed":
            return rules.concurrency


def resting_until(gate: Gate, now: datetime) -> datetime | None:
    """Until when nothing is sent; None when something may be."""
    return gate.retry_at if gate.retry_at is not None and now < gate.retry_at else None


def share(gate: Gate, rules: BreakerRules) -> Fraction:
    """The part of the usual rate that is used now: it grows with the allowance while draining."""
    if gate.state == "closed":
        return Fraction(1)
    return Fraction(max(1, min(gate.allowance, rules.concurrency)), rules.concurrency)


def before_send(gate: Gate, now: datetime) -> Gate:
    """The gate once something is sent at `now`: the first one after a rest is the probe."""
    if gate.state == "open" and resting_until(gate, now) is None:
        return replace(gate, state="half_open", retry_at=None)
    return gate


def after_success(gate: Gate, _now: datetime, rules: BreakerRules) -> Gate:
    """The gate after the system answered, whatever it answered: a refusal for business reasons is an answer.

    An answer that comes while it rests belongs to a request from before: it proves nothing.
    """
    match gate.state:
        case "closed":
            return replace(gate, failures=0) if gate.failures else gate
        case "open":
            return gate
        case "half_open":
            return _drained(gate, 1, rules)
        case "draining":
            return _drained(gate, gate.allowance + 1, rules)


def after_failure(gate: Gate, now: datetime, rules: BreakerRules) -> Gate:
    """The gate after a transient failure, or after an answer that never came."""
    failures = gate.failures + 1
    match gate.state:
        case "closed" if failures < rules.breaker_failures:
            return replace(gate, failures=failures)
        case "closed":
            return _rest(gate, failures, min(rules.breaker_pause, rules.breaker_longest), now)
        case "open":
            return replace(gate, failures=failures)
        case "half_open" | "draining":
            doubled = max(gate.pause * 2, rules.breaker_pause)
            return _rest(gate, failures, min(doubled, rules.breaker_longest), now)


def after_wait_asked(gate: Gate, now: datetime, seconds: float) -> Gate:
    """The gate after the system said when it wants to be asked again (`Retry-After`, in seconds)."""
    until = now + min(timedelta(seconds=min(max(0.0, seconds), 10**7)), LONGEST_ASKED)
    return replace(gate, retry_at=until if gate.retry_at is None else max(until, gate.retry_at))


def _rest(gate: Gate, failures: int, pause: timedelta, now: datetime) -> Gate:
    until = now + pause
    asked = until if gate.retry_at is None else max(until, gate.retry_at)
    return Gate("open", failures, pause, 0, gate.opened_at or now, asked)


def _drained(gate: Gate, allowance: int, rules: BreakerRules) -> Gate:
    """One more at once for each answer: so the number doubles with every round, as in TCP's slow start."""
    if allowance >= rules.concurrency:
        return Gate(retry_at=gate.retry_at)
    return replace(gate, state="draining", failures=0, allowance=allowance)
