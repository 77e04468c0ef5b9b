"""What is on its way to one system: writes that wait for a thread, how many may go at once and how fast, answers.

Shared by the sending threads and the job's own; asks no database and no network. The gate changes with each answer, at
once; whoever keeps it in the database looks here.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from exceptions_app.domain import breaker
from exceptions_app.domain.breaker import BreakerRules, Gate
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.pace import Pace
from exceptions_app.services.outbox import Claimed

from .sending import Tried


class Traffic:
    """`rate` a second (0: no limit). `patience`: seconds that a claimed write may wait here before it is given back."""

    def __init__(
        self,
        gate: Gate,
        rules: BreakerRules,
        rate: float,
        patience: float,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._rules, self._rate, self._patience, self._clock = rules, rate, patience, clock
        self._gate = gate
        self._pace = Pace(rate)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Claimed, float]] = deque()
        self._answers: list[Tried] = []
        self._first_answer = 0.0
        self._busy = 0
        self._closed = False
        self._last_error: str | None = None
        self._set_pace()

    # -- the sending threads

    def take(self) -> Claimed | None:
        """The next write to send, once it may go; None when there is nothing more to do here."""
        with self._changed:
            while not self._closed:
                wait = self._until_next()
                if wait <= 0:
                    self._pace.next_slot(time.monotonic())
                    self._gate = breaker.before_send(self._gate, self._clock())
                    self._busy += 1
                    return self._waiting.popleft()[0]
                self._changed.wait(wait)
            return None

    def done(self, tried: Tried) -> None:
        """An answer has come, or none will."""
        with self._changed:
            self._busy -= 1
            self._learn(tried)
            if not self._answers:
                self._first_answer = time.monotonic()
            self._answers.append(tried)
            self._changed.notify_all()

    # -- the job's own thread

    def offer(self, claimed: Sequence[Claimed], since: float) -> None:
        """Writes that may be sent from now on. `since`: when claiming them began (monotonic); their leases run from
        then, however long the database took.
        """
        with self._changed:
            self._waiting.extend((each, since) for each in claimed)
            self._changed.notify_all()

    def answers(self, at_most: int, held_for: float, wait: float) -> list[Tried]:
        """What has come back: once there are `at_most`, the oldest is `held_for` seconds old, or nothing more is under
        way; at the latest after `wait` seconds, perhaps nothing.
        """
        until = time.monotonic() + wait
        with self._changed:
            while True:
                now = time.monotonic()
                if self._answers:
                    ready_at = self._first_answer + held_for
                    idle = not self._busy and not self._may_go()
                    if len(self._answers) >= at_most or now >= ready_at or idle:
                        break
                    self._changed.wait(max(0.001, min(ready_at, until) - now))
                elif now >= until or self._closed:
                    break
                else:
                    self._changed.wait(until - now)
                if time.monotonic() >= until:
                    break
            found, self._answers = self._answers, []
            return found

    def room(self, most: int) -> int:
        """How many more writes may be claimed so that `most` wait here; none while the system rests."""
        with self._changed:
            if not breaker.allowed(self._gate, self._clock(), self._rules):
                return 0
            return max(0, most - len(self._waiting))

    @property
    def moving(self) -> bool:
        """Something is on its way, or will be as soon as its slot comes."""
        with self._changed:
            rest = breaker.resting_until(self._gate, self._clock())
            return bool(self._busy) or (bool(self._waiting) and rest is None)

    @property
    def idle(self) -> bool:
        """Nothing waits, is on its way, or is still to be kept."""
        with self._changed:
            return not (self._waiting or self._busy or self._answers)

    @property
    def gate(self) -> tuple[Gate, str | None]:
        """How the system stands, and what its newest failure said."""
        with self._changed:
            return self._gate, self._last_error

    def resting_until(self) -> datetime | None:
        """Until when nothing is sent; None when something may be."""
        with self._changed:
            return breaker.resting_until(self._gate, self._clock())

    def give_back(self, *, everything: bool) -> list[Claimed]:
        """Writes that were certainly not sent: those that have waited too long, or all."""
        with self._changed:
            oldest = time.monotonic() - self._patience
            found = []
            while self._waiting and (everything or self._waiting[0][1] < oldest):
                found.append(self._waiting.popleft()[0])
            return found

    def close(self) -> None:
        """No write goes any more; those on their way end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # -- inside the lock

    def _may_go(self) -> bool:
        return bool(self._waiting) and breaker.allowed(self._gate, self._clock(), self._rules) > self._busy

    def _until_next(self) -> float:
        """Seconds until the next write may go; whoever waits is woken by any change before."""
        now = self._clock()
        if not self._waiting or breaker.allowed(self._gate, now, self._rules) <= self._busy:
            rest = breaker.resting_until(self._gate, now) if self._waiting else None
            return 5.0 if rest is None else max(0.01, min(5.0, (rest - now).total_seconds()))
        if self._waiting[0][1] < time.monotonic() - self._patience:
            return 5.0  # its lease may be too short by now: it is given back
        mono = time.monotonic()
        return self._pace.peek(mono) - mono

    def _learn(self, tried: Tried) -> None:
        now, rules = self._clock(), self._rules
        match tried.health:
            case "answers":
                self._gate = breaker.after_success(self._gate, now, rules)
            case "fails":
                self._gate = breaker.after_failure(self._gate, now, rules)
                self._last_error = tried.result.error
            case "asks_to_wait":
                self._last_error = tried.result.error
        if tried.wait is not None and tried.health in ("fails", "asks_to_wait"):
            self._gate = breaker.after_wait_asked(self._gate, now, tried.wait)
        self._set_pace()

    def _set_pace(self) -> None:
        if self._rate:
            self._pace.change(float(self._rate * breaker.share(self._gate, self._rules)))
