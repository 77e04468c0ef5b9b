"""How fast a system is sent to: so many a second, without drift. Knows no clock: times come in as seconds."""

from __future__ import annotations

import math


class Pace:
    """Slots for sends at `rate` a second (0: no limit). Not thread-safe.

    The k-th slot is at its start + k / rate, however late the slots before were used: small delays are caught up, so
    that a long batch takes what it should. After a pause longer than `catch_up` seconds the slots begin anew: what
    was missed is not sent in one rush.
    """

    def __init__(self, rate: float, catch_up: float = 0.25) -> None:
        self._rate = rate
        self._catch_up = catch_up
        self._start = -math.inf
        self._taken = 0

    @property
    def rate(self) -> float:
        return self._rate

    def next_slot(self, now: float) -> float:
        """When the next send may go: the slot is taken. Not before `now` unless it is a late one (then at once)."""
        slot = self.peek(now)
        if slot != self._slot():
            self._start, self._taken = slot, 0
        self._taken += 1
        return slot

    def peek(self, now: float) -> float:
        """The slot that `next_slot` would give, without taking it."""
        slot = self._slot()
        return slot if slot >= now - self._catch_up else now

    def change(self, rate: float) -> None:
        """Go on at another rate from the slot that is next."""
        if rate != self._rate:
            self._start, self._taken, self._rate = self._slot(), 0, rate

    def _slot(self) -> float:
        return self._start + (self._taken / self._rate if self._rate else 0.0)
